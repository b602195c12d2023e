"""`AdjustedRandIndex` against scikit-learn, and the cases it treats alone."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from keras_slots.metrics import AdjustedRandIndex, adjusted_rand_index
from tests.backends import EACH_JIT, ways_to_run
from tests.metrics.mask_scenes import passing_on, row, to_masks

EACH_RUN = ways_to_run(adjusted_rand_index)
BOTH = pytest.mark.parametrize(
    "ignore_background", [True, False], ids=["foreground", "all pixels"]
)


def reference(mask, masks, ignore_background):
    scores = []
    for true, pred in zip(mask, masks.argmax(1)[..., 0], strict=True):
        kept = (true != 0) | (not ignore_background)
        scores.append(adjusted_rand_score(true[kept], pred[kept]))
    return np.array(scores)


@BOTH
@EACH_RUN
@pytest.mark.parametrize(
    "size", [(5, 7), (35, 35), (128, 128)], ids=["5x7", "35x35", "128x128"]
)
def test_scikit_learn_agrees(run, size, ignore_background):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 5, (8, *size))
    masks = rng.random((8, 6, *size, 1), "float32")
    # From chance level to full agreement.
    known = rng.random((8, *size)) < np.linspace(0, 1, 8)[:, None, None]
    masks += 2 * known[:, None, ..., None] * to_masks(mask, 6)
    np.testing.assert_allclose(
        run(mask, masks, ignore_background),
        reference(mask, masks, ignore_background),
        atol=1e-6,
    )


@BOTH
def test_golden_values(ignore_background):
    rng = np.random.RandomState(0)
    mask = rng.randint(0, 5, (3, 400))
    slot = rng.randint(0, 6, (3, 400))
    slot[0, :300] = mask[0, :300]
    slot[1] = mask[1]
    expected = (
        [0.590728045, 1.0, 0.000385688]
        if ignore_background
        else [0.586024284, 1.0, 0.002898067]
    )
    ari = adjusted_rand_index(
        mask.reshape(3, 20, 20),
        to_masks(slot.reshape(3, 20, 20), 6),
        ignore_background,
    )
    np.testing.assert_allclose(ari, expected, atol=1e-6)


@BOTH
@pytest.mark.parametrize("object_size", [1, 2, 9, 400])
def test_small_objects_before_a_large_background(
    object_size, ignore_background
):
    rng = np.random.default_rng(0)
    mask = np.zeros((4, 128 * 128), int)
    mask[:, :object_size] = 1 + np.arange(object_size) % 2
    slot = np.where(rng.random(mask.shape) < 1e-3, 2, mask)
    mask, slot = mask.reshape(4, 128, 128), slot.reshape(4, 128, 128)
    masks = to_masks(slot, 4)
    np.testing.assert_allclose(
        adjusted_rand_index(mask, masks, ignore_background),
        reference(mask, masks, ignore_background),
        atol=1e-6,
    )


DEGENERATE = {
    "one object, found": (row(0, 0, 1, 1), row(0, 0, 1, 1), 1.0),
    "one object, with the background": (row(0, 0, 1, 1), row(2, 2, 2, 2), 1.0),
    "one object, other label": (row(0, 0, 3, 3), row(1, 1, 1, 1), 1.0),
    "one object, split": (row(0, 1, 1, 1), row(0, 0, 1, 1), 0.0),
    "two objects, merged": (row(0, 1, 1, 2), row(0, 1, 1, 1), 0.0),
    "no foreground": (row(0, 0, 0, 0), row(0, 1, 2, 2), 1.0),
    "one pixel of foreground": (row(0, 0, 0, 1), row(0, 1, 2, 2), 1.0),
    "objects of one pixel": (row(0, 1, 2, 3), row(0, 2, 1, 0), 1.0),
}


@EACH_RUN
@pytest.mark.parametrize("case", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_degenerate_images(run, case):
    mask, slot, expected = case
    masks = to_masks(slot, 3)
    np.testing.assert_array_equal(run(mask, masks), [expected])
    np.testing.assert_array_equal(reference(mask, masks, True), [expected])


@EACH_RUN
def test_labels_may_be_any_integers(run):
    slot = np.random.default_rng(0).integers(0, 5, (3, 8, 8))
    wild = np.array([0, -7, 255, -(2**31), 2**31 - 1])
    masks = to_masks(np.roll(slot, 5, axis=1), 5)
    np.testing.assert_array_equal(
        run(wild[slot].astype("int32"), masks), run(slot, masks)
    )


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_dtypes_of_labels(dtype):
    slot = np.random.default_rng(0).integers(0, 5, (3, 8, 8))
    masks = to_masks(np.roll(slot, 1, axis=1), 5)
    np.testing.assert_array_equal(
        adjusted_rand_index(slot.astype(dtype), masks),
        adjusted_rand_index(slot, masks),
    )


def test_every_pixel_its_own_label():
    mask = np.arange(1, 26).reshape(1, 5, 5)
    masks = to_masks(np.arange(25).reshape(1, 5, 5) // 13, 2)
    np.testing.assert_allclose(
        adjusted_rand_index(mask, masks), reference(mask, masks, True)
    )


@EACH_RUN
def test_ties_go_to_the_first_slot(run):
    mask = row(1, 1, 2, 2)
    masks = np.full((1, 3, 1, 4, 1), 0.5, "float32")
    masks[0, 2, 0, 2:] = 0.6
    np.testing.assert_array_equal(run(mask, masks), [1.0])
    masks[0, 2, 0, 2:] = 0.5
    np.testing.assert_array_equal(run(mask, masks), [0.0])


def test_metric_is_the_mean_over_all_images():
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 4, (7, 6, 6))
    masks = to_masks(np.where(rng.random(mask.shape) < 0.7, mask, 0), 4)
    weight = rng.random(7)
    each = reference(mask, masks, True)
    metric = AdjustedRandIndex()
    for part in (slice(0, 4), slice(4, 7)):
        metric.update_state(mask[part], masks[part])
    np.testing.assert_allclose(metric.result(), each.mean(), rtol=1e-6)
    metric.reset_state()
    metric.update_state(mask, masks, sample_weight=weight)
    np.testing.assert_allclose(
        metric.result(), np.average(each, weights=weight), rtol=1e-6
    )


@EACH_JIT
def test_in_compile(jit_compile):
    mask = np.random.default_rng(0).integers(0, 3, (5, 4, 4)).astype("uint8")
    masks = to_masks(np.roll(mask, 1, axis=2), 3)
    model = passing_on(
        masks, [AdjustedRandIndex(), AdjustedRandIndex(False)], jit_compile
    )
    logs = model.evaluate(
        masks, mask, batch_size=2, verbose=0, return_dict=True
    )
    for name, ignore_background in (("fg_ari", True), ("ari", False)):
        expected = reference(mask, masks, ignore_background).mean()
        np.testing.assert_allclose(logs[name], expected, atol=1e-6)
    assert "fg_ari" in model.fit(masks, mask, verbose=0).history
