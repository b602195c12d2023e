"""`HungarianCrossEntropyLoss` against every pairing, written out in NumPy."""

import itertools

import keras
import numpy as np
import pytest
from scipy.special import expit, rel_entr

from keras_slots.losses import (
    HungarianCrossEntropyLoss,
    hungarian_cross_entropy,
)
from tests.backends import (
    EACH_JIT,
    IN_FLOAT64,
    dtype_of,
    outputs_and_gradients,
    ways_to_run,
)

EACH_RUN = ways_to_run(hungarian_cross_entropy)


def random_sets(n, m, d=7, batch_size=4, num_real=None, seed=0):
    """Targets with one bit per feature after the coordinates, and a padding
    of zeros; predictions within (0, 1)."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(2, size=(batch_size, n, d)).astype("float32")
    y_true[..., :3] = rng.uniform(size=(batch_size, n, 3))
    y_true[..., -1] = 1
    y_true[:, n if num_real is None else num_real :] = 0
    y_pred = rng.uniform(0.02, 0.98, size=(batch_size, m, d))
    return y_true, y_pred.astype("float32")


def pair_loss(true, pred, weight):
    """One pair, feature by feature, in float64."""
    true, pred = true.astype("float64"), pred.astype("float64")
    kl = rel_entr(true, pred) + rel_entr(1 - true, 1 - pred)
    real = true[-1]
    return kl[-1] + real * (weight * kl[:3].sum() + kl[3:-1].sum())


def best_pairing(true, pred, weight=10.0):
    """The loss and the pairs (i, j), of all pairings there are."""
    n, m = len(true), len(pred)
    cost = [[pair_loss(t, p, weight) for p in pred] for t in true]
    if n <= m:
        pairings = [
            list(zip(range(n), columns, strict=True))
            for columns in itertools.permutations(range(m), n)
        ]
    else:
        pairings = [
            list(zip(rows, range(m), strict=True))
            for rows in itertools.permutations(range(n), m)
        ]
    totals = [sum(cost[i][j] for i, j in pairs) for pairs in pairings]
    best = int(np.argmin(totals))
    return totals[best], pairings[best]


def reference(y_true, y_pred, weight=10.0):
    return np.array(
        [
            best_pairing(t, p, weight)[0]
            for t, p in zip(y_true, y_pred, strict=True)
        ]
    )


@EACH_RUN
@pytest.mark.parametrize(
    ("n", "m", "num_real"),
    [(5, 5, 5), (5, 5, 2), (3, 5, 2), (5, 3, 4), (1, 1, 1), (3, 3, 0)],
)
def test_loss_of_the_best_pairing(run, n, m, num_real):
    y_true, y_pred = random_sets(n, m, num_real=num_real)
    expected = reference(y_true, y_pred)
    np.testing.assert_allclose(run(y_true, y_pred), expected, rtol=1e-4)


@pytest.mark.parametrize("weight", [0, 2.5])
def test_weight_of_the_coordinates(weight):
    y_true, y_pred = random_sets(4, 4, num_real=3)
    loss = HungarianCrossEntropyLoss(coordinate_weight=weight, reduction=None)
    expected = reference(y_true, y_pred, weight)
    np.testing.assert_allclose(loss(y_true, y_pred), expected, rtol=1e-4)


def test_the_range_of_the_coordinates_changes_nothing():
    y_true, y_pred = random_sets(4, 4, num_real=3)
    expected = reference(y_true, y_pred)
    y_true[..., :3] *= 4
    y_pred[..., :3] *= 4
    loss = HungarianCrossEntropyLoss(coordinate_scale=4, reduction=None)
    np.testing.assert_allclose(loss(y_true, y_pred), expected, rtol=1e-4)


def test_coordinates_and_existence_alone():
    """A layout without properties has four columns."""
    y_true, y_pred = random_sets(3, 3, d=4, num_real=2)
    loss = hungarian_cross_entropy(y_true, y_pred)
    np.testing.assert_allclose(loss, reference(y_true, y_pred), rtol=1e-4)


def test_padding_asks_only_that_nothing_is_there():
    y_true, y_pred = random_sets(4, 4, num_real=0)
    loss = hungarian_cross_entropy(y_true, y_pred)
    expected = -np.log1p(-y_pred[..., -1].astype("float64")).sum(axis=1)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    y_pred[..., :-1] = 0.5
    again = hungarian_cross_entropy(y_true, y_pred)
    np.testing.assert_allclose(again, loss, rtol=1e-6)


@EACH_RUN
def test_a_perfect_prediction_costs_nothing(run):
    y_true, _ = random_sets(6, 6, d=19, num_real=4)
    order = np.random.default_rng(1).permutation(6)
    np.testing.assert_allclose(run(y_true, y_true[:, order]), 0, atol=1e-4)
    # And anything else costs something, an exchange of two features as well.
    other = y_true[:, order]
    other[..., [0, 1]] = other[..., [1, 0]]
    assert (np.array(run(y_true, other)) > 0.01).all()


@EACH_RUN
def test_gradient_at_the_input_of_the_sigmoid(run):
    """weight * (p - y) at the pairs of the best pairing, and nowhere else."""
    y_true, y_pred = random_sets(3, 5, num_real=2)
    logits = np.log(y_pred) - np.log1p(-y_pred)
    logits[0, 0, 4:] = 12.0  # Sure of itself, and mostly wrong.
    y_pred = expit(logits.astype("float64"))
    expected = np.zeros(logits.shape)
    for b in range(len(logits)):
        for i, j in best_pairing(y_true[b], y_pred[b])[1]:
            real = y_true[b, i, -1]
            weight = real * np.array([10, 10, 10, 1, 1, 1, 1])
            weight[-1] = 1
            expected[b, j] = weight * (y_pred[b, j] - y_true[b, i])

    def loss(logits):
        return keras.ops.sum(run(y_true, keras.ops.sigmoid(logits))), ()

    _, (gradient,) = outputs_and_gradients(loss, [logits])
    np.testing.assert_allclose(gradient, expected, rtol=0.03, atol=1e-5)


@EACH_RUN
@pytest.mark.parametrize("where", ["y_true", "y_pred"])
@pytest.mark.parametrize("feature", [0, 4, -1])
def test_nan_shows(run, where, feature):
    """In the last row too, which is padding, and against perfect matches."""
    y_true, _ = random_sets(3, 3, num_real=2)
    sets = {"y_true": y_true, "y_pred": y_true.copy()}
    sets[where][0, 2, feature] = np.nan
    loss = np.array(run(sets["y_true"], sets["y_pred"]))
    assert np.isnan(loss[0])
    np.testing.assert_allclose(loss[1:], 0, atol=1e-4)


def test_bits_outright_wrong_are_finite():
    y_true = np.ones((1, 1, 5), "float32")
    loss = hungarian_cross_entropy(y_true, 1 - y_true)
    assert 30 * 15 < float(loss[0]) < 32 * 17


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", "float16", pytest.param("float64", marks=IN_FLOAT64)],
)
def test_dtype(dtype):
    y_true, y_pred = random_sets(4, 4, num_real=3)
    y_pred[0, 0] = 1.0
    y_pred[0, 1] = 0.0
    loss = HungarianCrossEntropyLoss(dtype=dtype)
    assert dtype_of(loss(y_true, y_pred)) == dtype
    exact = HungarianCrossEntropyLoss()(y_true, y_pred)
    np.testing.assert_allclose(
        float(loss(y_true, y_pred)), float(exact), rtol=0.03
    )
    np.testing.assert_allclose(float(loss(y_true, y_true)), 0, atol=0.1)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_widened(dtype):
    y_true, y_pred = random_sets(3, 3)
    y_pred = keras.ops.cast(y_pred, dtype)
    loss = hungarian_cross_entropy(y_true, y_pred)
    assert dtype_of(loss) == "float32"
    expected = reference(y_true, np.array(keras.ops.cast(y_pred, "float32")))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_sample_weight_and_reductions():
    y_true, y_pred = random_sets(3, 3)
    weight = np.array([0.0, 1.0, 2.0, 0.5], "float32")
    each = reference(y_true, y_pred)
    for reduction, expected in {
        "sum_over_batch_size": np.mean(each * weight),
        "sum": np.sum(each * weight),
        "none": each * weight,
    }.items():
        loss = HungarianCrossEntropyLoss(reduction=reduction)
        np.testing.assert_allclose(
            loss(y_true, y_pred, sample_weight=weight), expected, rtol=1e-4
        )


@EACH_JIT
def test_fit_lowers_the_loss(jit_compile):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((21,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(21, activation="sigmoid"),
            keras.layers.Reshape((3, 7)),
        ]
    )
    loss = HungarianCrossEntropyLoss()
    adam = keras.optimizers.Adam(1e-2)
    model.compile(adam, loss=loss, jit_compile=jit_compile)
    y, _ = random_sets(3, 3, batch_size=64, num_real=2)
    history = model.fit(
        y.reshape(64, 21), y[:, ::-1], epochs=20, batch_size=32, verbose=0
    ).history["loss"]
    assert history[-1] < 0.6 * history[0]


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "1", None])
def test_arguments_are_checked(value):
    with pytest.raises(ValueError, match="`coordinate_weight` must be a non-n"):
        HungarianCrossEntropyLoss(coordinate_weight=value)
    with pytest.raises(ValueError, match="`coordinate_scale` must be a posit"):
        HungarianCrossEntropyLoss(coordinate_scale=value)


def test_a_range_of_nothing():
    with pytest.raises(ValueError, match="`coordinate_scale` must be a posit"):
        HungarianCrossEntropyLoss(coordinate_scale=0)


@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "message"),
    [
        ((2, 5), (2, 3, 5), r"`y_true` must have shape .*shape=\(2, 5\)"),
        ((2, 3, 5), (2, 5), r"`y_pred` must have shape .*shape=\(2, 5\)"),
        ((2, 3, 5), (2, 3, 6), r"`y_pred` must .*here \(2, 3, 5\)"),
        ((2, 3, 3), (2, 3, 3), r"three coordinates.*y_true.shape=\(2, 3, 3\)"),
    ],
    ids=["rank of y_true", "rank of y_pred", "features", "too few features"],
)
def test_shapes_are_checked(true_shape, pred_shape, message):
    with pytest.raises(ValueError, match=message):
        HungarianCrossEntropyLoss()(np.zeros(true_shape), np.zeros(pred_shape))
