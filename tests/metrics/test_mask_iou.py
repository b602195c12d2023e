"""`MaskIoU` against a loop over images and objects, and SciPy's matching."""

import keras
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from keras_slots.metrics import (
    AdjustedRandIndex,
    MaskIoU,
    mask_iou,
    mean_best_overlap,
)
from tests.backends import EACH_JIT, ON_TENSORFLOW, ways_to_run
from tests.metrics.mask_scenes import passing_on, row, scenes, to_masks

EACH_RUN = ways_to_run(mask_iou)
BOTH = pytest.mark.parametrize(
    "ignore_background", [True, False], ids=["objects", "with background"]
)


def reference(mask, masks, ignore_background):
    scores = []
    for true, slot in zip(mask, masks.argmax(1)[..., 0], strict=True):
        labels = [
            label
            for label in np.unique(true)
            if label != 0 or not ignore_background
        ]
        iou = np.zeros((len(labels), masks.shape[1]))
        for i, label in enumerate(labels):
            for k in range(masks.shape[1]):
                both = np.sum((true == label) & (slot == k))
                either = np.sum((true == label) | (slot == k))
                iou[i, k] = both / either
        total = iou[linear_sum_assignment(iou, maximize=True)].sum()
        scores.append(total / len(labels) if labels else np.nan)
    return np.array(scores)


@BOTH
@EACH_RUN
@pytest.mark.parametrize(
    ("num_objects", "num_slots"),
    [(4, 5), (3, 8), (5, 3), (1, 4), (5, 1)],
    ids=["as many", "more slots", "fewer slots", "one object", "one slot"],
)
def test_scipy_agrees(run, num_objects, num_slots, ignore_background):
    mask, masks = scenes(num_objects, num_slots)
    values = np.array(run(mask, masks, ignore_background))
    expected = reference(mask, masks, ignore_background)
    assert np.isnan(values[-1]) == ignore_background
    np.testing.assert_allclose(values, expected, rtol=1e-6)


@EACH_RUN
@pytest.mark.parametrize("num_objects", [6, 7, 10, 40])
def test_many_more_objects_than_slots(run, num_objects):
    """The objects that go to make room are none that the best matching has."""
    mask, masks = scenes(num_objects, num_slots=3, size=(12, 13))
    # Small objects before large ones, and the other way around.
    rising = mask**2 // (num_objects + 1)
    for label in (rising, np.where(rising > 0, num_objects + 1 - rising, 0)):
        np.testing.assert_allclose(
            run(label, masks), reference(label, masks, True), rtol=1e-6
        )


def test_every_pixel_its_own_object():
    mask = np.arange(1, 26).reshape(1, 5, 5)
    masks = to_masks(np.arange(25).reshape(1, 5, 5) // 13, 2)
    expected = (1 / 13 + 1 / 12) / 25
    np.testing.assert_allclose(mask_iou(mask, masks), [expected], rtol=1e-6)


CASES = {
    "found": (row(0, 0, 1, 1), row(2, 2, 0, 0), 1.0, 1.0),
    "in pieces": (row(0, 1, 1, 1), row(0, 1, 1, 2), 2 / 3, 5 / 6),
    "merged": (row(0, 1, 1, 2), row(0, 1, 1, 1), 1 / 3, 5 / 9),
    "with the background": (row(0, 0, 0, 1), row(1, 1, 1, 1), 1 / 4, 3 / 8),
    "no object": (row(0, 0, 0, 0), row(0, 1, 2, 2), np.nan, 1 / 2),
    "no background": (row(1, 1, 2, 2), row(0, 0, 1, 1), 1.0, 1.0),
    # IoUs 4/8 and 2/6 of object 1, 2/6 and 0 of object 2: the largest one is
    # not in the best matching.
    "second choice": (
        row(1, 1, 1, 1, 1, 1, 2, 2),
        row(0, 0, 0, 0, 1, 1, 0, 0),
        1 / 3,
        1 / 3,
    ),
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


def test_less_than_the_mean_best_overlap_where_objects_share_a_slot():
    mask, masks = scenes(num_objects=4, num_slots=5)
    matched = np.array(mask_iou(mask, masks)[:-1])
    overlap = np.array(mean_best_overlap(mask, masks)[:-1])
    assert np.all(matched <= overlap + 1e-6)
    mask, masks = scenes(num_objects=5, num_slots=3)
    assert mask_iou(mask, masks)[0] < mean_best_overlap(mask, masks)[0] - 0.01


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
    np.testing.assert_allclose(mask_iou(mask, masks), [expected], rtol=1e-6)


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
        mask_iou(mask.astype(dtype), masks), mask_iou(mask, masks)
    )


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "bool"])
def test_dtypes_of_masks(dtype):
    mask, masks = scenes(4, 5)
    masks = to_masks(masks.argmax(1)[..., 0], 5)
    values = mask_iou(mask, masks.astype(dtype))
    assert keras.backend.standardize_dtype(values.dtype) == "float32"
    np.testing.assert_array_equal(values, mask_iou(mask, masks))


@EACH_RUN
def test_ties_go_to_the_first_slot(run):
    mask = row(1, 1, 2, 2)
    masks = np.full((1, 3, 1, 4, 1), 0.5, "float32")
    np.testing.assert_array_equal(run(mask, masks), [0.25])
    masks[0, 2, 0, 2:] = 0.6
    np.testing.assert_array_equal(run(mask, masks), [1.0])


def test_metric_is_the_mean_over_images_with_objects():
    mask, masks = scenes(4, 5)
    mask[0] = 0
    each = reference(mask, masks, True)
    metric = MaskIoU()
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
    metric = MaskIoU()
    metric.update_state(mask, masks, sample_weight=weight)
    expected = np.average(each[:-1], weights=weight[:-1])
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


@EACH_JIT
def test_in_compile(jit_compile):
    mask, masks = scenes(12, 5)
    model = passing_on(masks, [MaskIoU(), MaskIoU(False)], jit_compile)
    logs = model.evaluate(
        masks, mask.astype("uint8"), batch_size=4, verbose=0, return_dict=True
    )
    for name, ignore in (("mask_iou", True), ("mask_iou_with_background", 0)):
        expected = np.nanmean(reference(mask, masks, ignore))
        np.testing.assert_allclose(logs[name], expected, rtol=1e-6)
    assert "mask_iou" in model.fit(masks, mask, verbose=0).history


@ON_TENSORFLOW
def test_sizes_may_be_unknown_but_for_the_number_of_slots():
    import tensorflow as tf

    def traced(num_slots):
        shape = (None, num_slots, None, None, 1)
        return tf.function(
            mask_iou,
            input_signature=[
                tf.TensorSpec((None, None, None), "int64"),
                tf.TensorSpec(shape, "float32"),
            ],
        )

    mask, masks = scenes(4, 5)
    np.testing.assert_allclose(
        traced(5)(mask, masks), reference(mask, masks, True), rtol=1e-6
    )
    message = "static number of slots. Received: masks.shape=.None, None"
    with pytest.raises(ValueError, match=message):
        traced(None)(mask, masks)
