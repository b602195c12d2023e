"""Losses between sets: SciPy's optimum, whatever the order, finite."""

import keras
import numpy as np
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment as scipy_assignment

from keras_slots import HungarianHuberLoss
from keras_slots.losses import (
    HungarianCrossEntropyLoss,
    hungarian_cross_entropy,
    hungarian_huber,
)
from tests.properties.cases import cases
from tests.properties.draws import (
    SCALES,
    SEEDS,
    assert_close,
    assert_is,
    numbers,
    order,
    run_finite,
)

SIZES = {
    "batch": st.integers(1, 3),
    "targets": st.integers(1, 7),
    "predictions": st.integers(1, 7),
    "features": st.integers(4, 8),
}
SETS = st.fixed_dictionaries({"seed": SEEDS, **SIZES})
DTYPES = st.sampled_from(("float32", "float16", "bfloat16"))
FUNCTIONS = st.sampled_from((hungarian_huber, hungarian_cross_entropy))


def two_sets(seed, batch, targets, predictions, features, scale=1.0):
    """Some equal to others, so that there is more than one best pairing."""
    pool = numbers(seed, batch, 9, features, scale=scale)
    rng = np.random.default_rng(seed)
    return (
        pool[:, rng.integers(9, size=targets)],
        pool[:, rng.integers(9, size=predictions)],
    )


def probabilities(sets):
    """Both in [0, 1], 0 and 1 among them."""
    return [np.clip(0.5 + each, 0, 1) for each in sets]


def huber_of_pairs(y_true, y_pred, delta):
    """Every target with every prediction: (B, n, m)."""
    error = np.abs(y_true[:, :, None] - y_pred[:, None]).astype("float64")
    linear = delta * error - 0.5 * delta**2
    return np.where(error <= delta, 0.5 * error**2, linear).mean(axis=-1)


def cross_entropy_of_pairs(y_true, y_pred, weight, scale):
    y_true, p = y_true.astype("float64"), y_pred.copy()
    p[..., :3] /= scale
    # In float32, as 1 - 1e-7 is another number there.
    p = np.clip(p, np.float32(1e-7), np.float32(1 - 1e-7))
    y_true[..., :3] /= scale
    p = p.astype("float64")[:, None]
    y = y_true[:, :, None]
    # Where y is 0 or 1, its own entropy is 0.
    both = np.stack([y, 1 - y])
    entropy = np.sum(both * np.log(np.where(both > 0, both, 1)), axis=0)
    kl = entropy - y * np.log(p) - (1 - y) * np.log1p(-p)
    real = y_true[:, :, None, -1]
    features = weight * kl[..., :3].sum(-1) + kl[..., 3:-1].sum(-1)
    return kl[..., -1] + real * features


def least_totals(cost):
    return np.array([each[scipy_assignment(each)].sum() for each in cost])


@cases(12, sets=SETS, scale=SCALES, delta=st.sampled_from((1.0, 1e-3, 50.0)))
def test_huber_is_the_least_total_of_scipy(sets, scale, delta):
    y_true, y_pred = two_sets(**sets, scale=scale)
    expected = least_totals(huber_of_pairs(y_true, y_pred, delta))
    assert_close(hungarian_huber(y_true, y_pred, delta), expected, 1e-4)
    for reduction, reduce in (("sum", np.sum), ("none", np.array)):
        loss = HungarianHuberLoss(delta, reduction=reduction)
        assert_close(loss(y_true, y_pred), reduce(expected), 1e-4)


@cases(
    12,
    sets=SETS,
    weight=st.sampled_from((10.0, 0.0, 1.0)),
    scale=st.sampled_from((1.0, 5.0)),
)
def test_cross_entropy_is_the_least_total_of_scipy(sets, weight, scale):
    y_true, y_pred = probabilities(two_sets(**sets))
    for each in (y_true, y_pred):
        each[..., :3] *= scale
    expected = least_totals(
        cross_entropy_of_pairs(y_true, y_pred, weight, scale)
    )
    actual = hungarian_cross_entropy(y_true, y_pred, weight, scale)
    assert_close(actual, expected, 1e-4)
    loss = HungarianCrossEntropyLoss(weight, scale, reduction="sum")
    assert_close(loss(y_true, y_pred), np.sum(expected), 1e-4)


@cases(14, function=FUNCTIONS, sets=SETS)
def test_the_order_of_sets_changes_no_loss(function, sets):
    y_true, y_pred = probabilities(two_sets(**sets))
    expected = function(y_true, y_pred)
    moved = order(sets["seed"], sets["targets"])
    assert_close(function(y_true[:, moved], y_pred), expected, 1e-5)
    moved = order(sets["seed"], sets["predictions"])
    assert_close(function(y_true, y_pred[:, moved]), expected, 1e-5)


@cases(12, function=FUNCTIONS, sets=SETS, scale=SCALES, dtype=DTYPES)
def test_losses_and_gradients_are_finite(function, sets, scale, dtype):
    """Half precision of predictions is widened for the loss."""
    y_true, y_pred = two_sets(**sets)
    if function is hungarian_cross_entropy:
        y_true, y_pred = probabilities([y_true, y_pred])
    else:
        y_true, y_pred = scale * y_true, scale * y_pred

    def loss(y_pred):
        return function(y_true, keras.ops.cast(y_pred, dtype))

    assert_is(run_finite(loss, [y_pred]), (sets["batch"],), "float32")


@cases(6, function=FUNCTIONS, sets=SETS, junk=st.sampled_from((np.nan, np.inf)))
def test_what_is_not_finite_shows_where_it_is_and_nowhere_else(
    function, sets, junk
):
    y_true, y_pred = probabilities(two_sets(**sets))
    sound = np.array(function(y_true, y_pred))
    rng = np.random.default_rng(sets["seed"])
    y_pred[0, rng.integers(sets["predictions"]), -1] = junk
    spoilt = np.array(function(y_true, y_pred))
    np.testing.assert_allclose(spoilt[1:], sound[1:], rtol=1e-5, atol=1e-6)
    # As many targets as predictions, or more: none is left over.
    clipped = function is hungarian_cross_entropy and junk == np.inf
    if sets["targets"] >= sets["predictions"] and not clipped:
        assert not np.isfinite(spoilt[0])
