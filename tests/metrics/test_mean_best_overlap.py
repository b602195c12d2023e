"""`MeanBestOverlap` against a loop over images and objects in NumPy."""

import keras
import numpy as np
import pytest

from keras_slots.metrics import (
    AdjustedRandIndex,
    MeanBestOverlap,
    mean_best_overlap,
)
from keras_slots.metrics.segmentation_pair import SegmentationPair
from tests.backends import EACH_JIT, MODES, in_mode, ways_to_run
from tests.metrics.mask_scenes import passing_on, row, scenes, to_masks

EACH_RUN = ways_to_run(mean_best_overlap)
BOTH = pytest.mark.parametrize(
    "ignore_background", [True, False], ids=["objects", "with background"]
)


def reference(mask, masks, ignore_background):
    scores = []
    for true, slot in zip(mask, masks.argmax(1)[..., 0], strict=True):
        best = []
        for label in np.unique(true):
            if label == 0 and ignore_background:
                continue
            found = [slot == k for k in range(masks.shape[1])]
            ious = [
                np.sum((true == label) & pixels)
                / np.sum((true == label) | pixels)
                for pixels in found
            ]
            best.append(max(ious))
        scores.append(np.mean(best) if best else np.nan)
    return np.array(scores)


@BOTH
@EACH_RUN
@pytest.mark.parametrize(
    ("num_objects", "num_slots"),
    [(4, 5), (3, 8), (9, 3), (1, 4), (5, 1)],
    ids=["as many", "more slots", "fewer slots", "one object", "one slot"],
)
def test_numpy_agrees(run, num_objects, num_slots, ignore_background):
    mask, masks = scenes(num_objects, num_slots)
    values = np.array(run(mask, masks, ignore_background))
    expected = reference(mask, masks, ignore_background)
    assert np.isnan(values[-1]) == ignore_background
    np.testing.assert_allclose(values, expected, rtol=1e-6)


CASES = {
    "found": (row(0, 0, 1, 1), row(2, 2, 0, 0), 1.0, 1.0),
    "in pieces": (row(0, 1, 1, 1), row(0, 1, 1, 2), 2 / 3, 5 / 6),
    "merged": (row(0, 1, 1, 2), row(0, 1, 1, 1), 1 / 2, 2 / 3),
    "with the background": (row(0, 0, 0, 1), row(1, 1, 1, 1), 1 / 4, 1 / 2),
    "no object": (row(0, 0, 0, 0), row(0, 1, 2, 2), np.nan, 1 / 2),
    "no background": (row(1, 1, 2, 2), row(0, 0, 1, 1), 1.0, 1.0),
}


@EACH_RUN
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_values_worked_out_by_hand(run, case):
    mask, slot, objects, with_background = case
    masks = to_masks(slot, 3)
    np.testing.assert_allclose(run(mask, masks), [objects], rtol=1e-6)
    np.testing.assert_allclose(
        run(mask, masks, False), [with_background], rtol=1e-6
    )


def test_what_fg_ari_hides():
    """The slots are perfect on the objects, one takes half the background."""
    mask = np.zeros((1, 20, 20), int)
    mask[0, 2:4, 2:4] = 1
    mask[0, 15:17, 15:17] = 2
    slot = mask.copy()
    slot[0, :, :10][mask[0, :, :10] == 0] = 1
    masks = to_masks(slot, 3)
    fg_ari = AdjustedRandIndex()
    fg_ari.update_state(mask, masks)
    assert float(fg_ari.result()) == 1.0
    # Object 1: 4 of the 200 pixels of its slot. Object 2: found.
    expected = (4 / 200 + 1) / 2
    np.testing.assert_allclose(mean_best_overlap(mask, masks), [expected])

    # The other half goes to the slot of the other object.
    slot[slot == 0] = 2
    masks = to_masks(slot, 3)
    fg_ari.update_state(mask, masks)
    assert float(fg_ari.result()) == 1.0
    np.testing.assert_allclose(mean_best_overlap(mask, masks), [4 / 200])


@EACH_RUN
def test_labels_may_be_any_integers(run):
    label, masks = scenes(4, 5)
    wild = np.array([0, -7, 255, -(2**31), 2**31 - 1], "int32")
    np.testing.assert_allclose(
        run(wild[label], masks), run(label, masks), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_dtypes_of_labels(dtype):
    mask, masks = scenes(4, 5)
    np.testing.assert_array_equal(
        mean_best_overlap(mask.astype(dtype), masks),
        mean_best_overlap(mask, masks),
    )


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "bool"])
def test_dtypes_of_masks(dtype):
    mask, masks = scenes(4, 5)
    masks = to_masks(masks.argmax(1)[..., 0], 5)
    values = mean_best_overlap(mask, masks.astype(dtype))
    assert keras.backend.standardize_dtype(values.dtype) == "float32"
    np.testing.assert_array_equal(values, mean_best_overlap(mask, masks))


@EACH_RUN
def test_ties_go_to_the_first_slot(run):
    mask = row(1, 1, 2, 2)
    masks = np.full((1, 3, 1, 4, 1), 0.5, "float32")
    np.testing.assert_array_equal(run(mask, masks), [0.5])
    masks[0, 2, 0, 2:] = 0.6
    np.testing.assert_array_equal(run(mask, masks), [1.0])


@pytest.mark.parametrize(
    "mode",
    # So many pixels take their time in every mode.
    [MODES[0], *(pytest.param(m, marks=pytest.mark.slow) for m in MODES[1:])],
)
def test_counts_of_large_images_are_exact(mode):
    def slot_sizes(mask, masks):
        pair = SegmentationPair(mask, masks, ignore_background=True)
        return pair.count_in_slots(pair.everywhere)

    mask = np.ones((1, 4101, 4101), "uint8")
    slot = np.zeros(mask.shape, "uint8")
    slot[0, 0, :2] = 1
    masks = np.stack([slot == 0, slot == 1], axis=1)[..., None]
    size = 4101**2 - 2
    assert int(np.float32(size)) != size  # What `float32` would lose.
    sizes = in_mode(slot_sizes, mode)(mask, masks)
    np.testing.assert_array_equal(sizes, [[size, 2]])


def test_metric_is_the_mean_over_images_with_objects():
    mask, masks = scenes(4, 5)
    mask[0] = 0
    each = reference(mask, masks, True)
    metric = MeanBestOverlap()
    assert float(metric.result()) == 0.0
    # Uneven batches; the first one has no object at all.
    for part in (slice(0, 1), slice(1, 5), slice(5, 6)):
        metric.update_state(mask[part], masks[part])
    np.testing.assert_allclose(metric.result(), np.nanmean(each), rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0.0
    metric.update_state(mask, masks)
    np.testing.assert_allclose(metric.result(), np.nanmean(each), rtol=1e-6)


def test_sample_weight():
    mask, masks = scenes(4, 5)
    each = reference(mask, masks, True)
    weight = np.random.default_rng(0).random(6)
    expected = np.average(each[:-1], weights=weight[:-1])
    for given in (weight, weight[:, None], weight.tolist()):
        metric = MeanBestOverlap()
        metric.update_state(mask, masks, sample_weight=given)
        np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)
    metric = MeanBestOverlap()
    metric.update_state(mask, masks, sample_weight=2)
    np.testing.assert_allclose(metric.result(), np.nanmean(each), rtol=1e-6)


@EACH_JIT
def test_in_compile(jit_compile):
    mask, masks = scenes(4, 5)
    model = passing_on(
        masks, [MeanBestOverlap(), MeanBestOverlap(False)], jit_compile
    )
    logs = model.evaluate(
        masks, mask.astype("uint8"), batch_size=4, verbose=0, return_dict=True
    )
    for name, ignore in (("mbo", True), ("mbo_with_background", False)):
        expected = np.nanmean(reference(mask, masks, ignore))
        np.testing.assert_allclose(logs[name], expected, rtol=1e-6)
    assert "mbo" in model.fit(masks, mask, verbose=0).history
