"""Metrics of masks and of sets, against plain references."""

import keras
import numpy as np
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from keras_slots import metrics
from tests.metrics.mask_scenes import to_masks
from tests.properties.cases import cases
from tests.properties.draws import SEEDS, assert_close, assert_is, order
from tests.set_average_precision_reference import average_precision

SCENES = st.fixed_dictionaries(
    {
        "seed": SEEDS,
        "batch": st.integers(1, 3),
        "labels": st.integers(1, 7),
        "slots": st.integers(1, 6),
        "height": st.integers(1, 6),
        "width": st.integers(1, 6),
    }
)
OF_MASKS = {
    metrics.adjusted_rand_index: metrics.AdjustedRandIndex,
    metrics.mask_iou: metrics.MaskIoU,
    metrics.mean_best_overlap: metrics.MeanBestOverlap,
}
EACH = st.sampled_from(tuple(OF_MASKS))


def scene(seed, batch, labels, slots, height, width):
    """Labels (B, H, W), and slots that are partly right, as (B, H, W)."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, labels, (batch, height, width))
    known = rng.random(mask.shape) < rng.random()
    slot = np.where(known, mask % slots, rng.integers(0, slots, mask.shape))
    return mask, slot


def ious(true, slot, num_slots, ignore_background):
    """Of every object with every slot."""
    labels = [x for x in np.unique(true) if x or not ignore_background]
    pairs = [
        [((true == x) & (slot == k), (true == x) | (slot == k)) for x in labels]
        for k in range(num_slots)
    ]
    return np.array([[a.sum() / b.sum() for a, b in row] for row in pairs]).T


def reference(function, true, slot, num_slots, ignore_background):
    """The value of one image in plain Python."""
    if function is metrics.adjusted_rand_index:
        counted = (true != 0) | (not ignore_background)
        if counted.sum() < 2:
            return 1.0
        return adjusted_rand_score(true[counted], slot[counted])
    table = ious(true, slot, num_slots, ignore_background)
    if not table.size:
        return np.nan
    if function is metrics.mean_best_overlap:
        return table.max(axis=1).mean()
    return table[linear_sum_assignment(-table)].sum() / len(table)


@cases(24, function=EACH, sizes=SCENES, ignore_background=st.booleans())
def test_values_of_plain_references(function, sizes, ignore_background):
    """Those of scikit-learn and SciPy among them."""
    mask, slot = scene(**sizes)
    masks = to_masks(slot, sizes["slots"])
    values = function(mask, masks, ignore_background)
    assert_is(values, (sizes["batch"],), "float32")
    expected = [
        reference(function, true, own, sizes["slots"], ignore_background)
        for true, own in zip(mask, slot, strict=True)
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)
    metric = OF_MASKS[function](ignore_background)
    for i in range(sizes["batch"]):
        metric.update_state(mask[i : i + 1], masks[i : i + 1])
    count = np.isfinite(expected).sum()
    mean = np.nansum(expected) / max(count, 1)
    np.testing.assert_allclose(metric.result(), mean, rtol=1e-4, atol=1e-5)


@cases(16, function=EACH, sizes=SCENES, soft=st.booleans())
def test_names_of_objects_and_slots_change_nothing(function, sizes, soft):
    mask, slot = scene(**sizes)
    seed = sizes["seed"]
    masks = to_masks(slot, sizes["slots"])
    if soft:  # No two equal, so that the largest has a name.
        masks = masks + np.random.default_rng(seed).random(masks.shape)
    names = order(seed, sizes["labels"] - 1) * 1000 - 500
    renamed = np.concatenate([[0], np.where(names == 0, 7, names)])[mask]
    expected = function(mask, masks)
    moved = masks[:, order(seed + 1, sizes["slots"])]
    assert_close_or_nan(function(renamed, moved), expected)


def assert_close_or_nan(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


@cases(
    8,
    seed=SEEDS,
    batch=st.integers(1, 3),
    targets=st.integers(1, 5),
    predictions=st.integers(1, 6),
    inclusive=st.booleans(),
)
def test_average_precision_of_a_plain_loop(
    seed, batch, targets, predictions, inclusive
):
    rng = np.random.default_rng(seed)
    layout = {"num_coordinates": 2, "category_sizes": (2,)}
    rule = {**layout, "distance_scale": 2.0, "inclusive": inclusive}

    def eighths(*shape):
        """Exact numbers: of equally near objects both choose the first."""
        return (rng.integers(0, 9, shape) / 8).astype("float32")

    y_true = eighths(batch, targets, 5)
    y_true[..., -1] = rng.random((batch, targets)) < 0.7
    y_true[0, 0, -1] = 1
    # Near to objects, or anywhere; often equally confident.
    near = y_true[:, rng.integers(targets, size=predictions)]
    y_pred = eighths(batch, predictions, 5)
    y_pred = np.where(rng.random((*y_pred.shape[:2], 1)) < 0.6, near, y_pred)
    y_pred[..., -1] = eighths(batch, predictions)
    thresholds = (np.inf, 0.55, 0.3)
    expected = [
        average_precision(y_true.tolist(), y_pred.tolist(), t, **rule)
        for t in thresholds
    ]
    arguments = (thresholds,)
    values = metrics.set_average_precision(y_true, y_pred, *arguments, **rule)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
    metric = metrics.SetAveragePrecision(*arguments, **rule, capacity=20)
    for i in range(batch):
        metric.update_state(y_true[i : i + 1], y_pred[i : i + 1])
    results = [keras.ops.convert_to_numpy(x) for x in metric.result().values()]
    assert_close(results, expected, 1e-4)
    # Objects have no order; predictions have, where equally confident.
    moved = y_true[:, order(seed, targets)]
    again = metrics.set_average_precision(moved, y_pred, *arguments, **rule)
    assert again.shape == (3,) and np.all(np.isfinite(np.array(again)))
