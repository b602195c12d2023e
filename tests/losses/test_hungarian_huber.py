"""`HungarianHuberLoss` against SciPy and golden values, and in training."""

import pathlib

import keras
import numpy as np
import pytest
from scipy import optimize

from keras_slots.losses import HungarianHuberLoss, hungarian_huber
from tests.backends import (
    BACKEND,
    EACH_JIT,
    EAGERLY,
    IN_FLOAT64,
    dtype_of,
    outputs_and_gradients,
    ways_to_run,
)

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "hungarian_huber.npz"
# Other backends draw other weights.
EPOCHS = 15 if BACKEND == "tensorflow" else 25
EACH_RUN = ways_to_run(hungarian_huber)


def random_sets(n, m, d=4, batch_size=6, seed=0):
    rng = np.random.default_rng(seed)
    y_true = rng.normal(size=(batch_size, n, d), scale=2)
    y_pred = rng.normal(size=(batch_size, m, d), scale=2)
    return y_true.astype("float32"), y_pred.astype("float32")


def reference(y_true, y_pred, delta=1.0):
    """Loss of each example and its gradient at the predictions."""
    error = y_pred[:, None].astype("float64") - y_true[:, :, None]
    size = np.abs(error)
    huber = np.where(
        size <= delta, 0.5 * error**2, delta * size - 0.5 * delta**2
    )
    slope = np.clip(error, -delta, delta) / error.shape[-1]
    loss = np.zeros(len(y_true))
    gradient = np.zeros(y_pred.shape)
    for b, cost in enumerate(huber.mean(-1)):
        rows, columns = optimize.linear_sum_assignment(cost)
        loss[b] = cost[rows, columns].sum()
        gradient[b, columns] = slope[b, rows, columns]
    return loss, gradient


@EACH_RUN
def test_golden_values(run):
    golden = np.load(GOLDEN)
    loss = run(golden["y_true"], golden["y_pred"])
    np.testing.assert_allclose(loss, golden["loss_per_example"], rtol=1e-5)


def test_golden_mean():
    golden = np.load(GOLDEN)
    loss = HungarianHuberLoss()(golden["y_true"], golden["y_pred"])
    np.testing.assert_allclose(loss, golden["loss"], rtol=1e-5)


@EACH_RUN
@pytest.mark.parametrize("sizes", [(5, 5), (3, 6), (6, 3), (1, 1)], ids=str)
def test_loss_and_gradient_through_the_matched_pairs_only(run, sizes):
    y_true, y_pred = random_sets(*sizes)

    def total(y_pred):
        loss = run(y_true, y_pred)
        return keras.ops.sum(loss), loss

    loss, (gradient,) = outputs_and_gradients(total, [y_pred])
    expected, expected_gradient = reference(y_true, y_pred)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    gradient = np.array(gradient)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-6)
    unmatched = np.sum(np.all(gradient == 0, axis=-1))
    assert unmatched == len(y_pred) * max(0, sizes[1] - sizes[0])


@pytest.mark.parametrize("delta", [0.1, 1, 2.5, np.float32(3)])
def test_delta(delta):
    y_true, y_pred = random_sets(4, 4)
    loss = HungarianHuberLoss(delta=delta, reduction=None)(y_true, y_pred)
    expected, _ = reference(y_true, y_pred, float(delta))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_order_of_the_elements_does_not_matter():
    y_true, y_pred = random_sets(7, 7)
    loss = hungarian_huber(y_true, y_pred)
    order = np.random.default_rng(1).permutation(7)
    np.testing.assert_allclose(
        hungarian_huber(y_true[:, order], y_pred), loss, rtol=1e-5
    )
    np.testing.assert_allclose(
        hungarian_huber(y_true, y_true[:, order]), 0.0, atol=1e-6
    )


def test_a_single_feature_keeps_its_axis():
    y_true, y_pred = random_sets(4, 5, d=1)
    expected, _ = reference(y_true, y_pred)
    loss = HungarianHuberLoss(reduction="none")(y_true, y_pred)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_integer_targets():
    y_true = np.array([[[1, 0], [0, 1]]])
    y_pred = np.array([[[0.0, 1.0], [1.0, 2.0]]], "float32")
    np.testing.assert_allclose(HungarianHuberLoss()(y_true, y_pred), 0.75)


def test_sample_weight_and_reductions():
    y_true, y_pred = random_sets(3, 3, batch_size=4)
    weight = np.array([0.0, 1.0, 2.0, 0.5], "float32")
    each, _ = reference(y_true, y_pred)
    for reduction, expected in {
        "sum_over_batch_size": np.mean(each * weight),
        "mean": np.mean(each * weight),
        "sum": np.sum(each * weight),
        "mean_with_sample_weight": np.average(each, weights=weight),
        "none": each * weight,
    }.items():
        loss = HungarianHuberLoss(reduction=reduction)
        np.testing.assert_allclose(
            loss(y_true, y_pred, sample_weight=weight), expected, rtol=1e-5
        )


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", "float16", pytest.param("float64", marks=IN_FLOAT64)],
)
def test_dtype(dtype):
    y_true, y_pred = random_sets(4, 4)
    loss = HungarianHuberLoss(dtype=dtype)(y_true, y_pred)
    assert dtype_of(loss) == dtype
    expected = reference(y_true, y_pred)[0].mean()
    assert dtype_of(hungarian_huber(y_true, y_pred.astype("float16"))) == (
        "float32"
    )
    rtol = {"bfloat16": 0.05, "float16": 0.005, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(float(loss), expected, rtol=rtol)


@EACH_RUN
def test_values_that_are_not_finite_show_in_the_loss(run):
    y_true, y_pred = random_sets(3, 5)
    expected, _ = reference(y_true, y_pred)
    y_pred[0, 4] = np.nan
    y_pred[1, 2, 0] = np.inf
    loss = np.array(run(y_true, y_pred))
    assert np.isnan(loss[0])
    assert np.isinf(loss[1])
    np.testing.assert_allclose(loss[2:], expected[2:], rtol=1e-5)


@EACH_RUN
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_win_against_perfect_matches(run, value):
    """A perfect match costs nothing; they must be cheaper still."""
    bad = np.array([[[0.0], [value]], [[value], [0.0]]], "float32")
    perfect = np.zeros((2, 1, 1), "float32")
    for loss in (run(perfect, bad), run(bad, perfect)):
        assert not np.isfinite(np.array(loss)).any()


def make_model(num_features=8, set_size=3, element_size=2):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((num_features,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(set_size * element_size),
            keras.layers.Reshape((set_size, element_size)),
        ]
    )


@EACH_JIT
def test_fit_lowers_the_loss(jit_compile):
    model = make_model()
    model.compile("adam", loss=HungarianHuberLoss(), jit_compile=jit_compile)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8)).astype("float32")
    y = np.tanh(x[:, :6]).reshape(64, 3, 2)
    for example in y:  # a set has no order
        rng.shuffle(example)
    history = model.fit(
        x, y, sample_weight=np.ones(64), epochs=EPOCHS, batch_size=32, verbose=0
    )
    losses = history.history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    predictions = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        model.evaluate(x, y, verbose=0),
        reference(y, predictions)[0].mean(),
        rtol=1e-4,
    )


def test_compiled_model_saves_and_loads(tmp_path):
    model = make_model()
    loss = HungarianHuberLoss(delta=0.25)
    model.compile("sgd", loss=loss, run_eagerly=EAGERLY)
    x, y = np.ones((2, 8)), np.ones((2, 3, 2))
    expected = model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    revived = keras.saving.load_model(tmp_path / "model.keras")
    assert revived.loss.delta == 0.25
    np.testing.assert_allclose(revived.evaluate(x, y, verbose=0), expected)


def test_the_function_is_a_loss_too():
    model = make_model()
    model.compile("sgd", loss=hungarian_huber, run_eagerly=EAGERLY)
    x, (y, _) = np.ones((6, 8)), random_sets(4, 3, d=2)
    expected = reference(y, model.predict(x, verbose=0))[0].mean()
    np.testing.assert_allclose(
        model.evaluate(x, y, verbose=0), expected, rtol=1e-5
    )


@pytest.mark.parametrize("delta", [0, -1.0, np.nan, np.inf, "1", None])
def test_delta_is_checked(delta):
    with pytest.raises(ValueError, match="`delta` must be a positive number"):
        HungarianHuberLoss(delta=delta)


@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "message"),
    [
        (
            (2, 3),
            (2, 3, 4),
            r"`y_true` must have shape \(B, n, d.*y_true.shape=\(2, 3\)",
        ),
        (
            (2, 3, 4),
            (2, 3),
            r"`y_pred` must have shape \(B, m, d.*y_pred.shape=\(2, 3\)",
        ),
        ((2, 3, 4), (2, 3, 5), r"`y_pred` must .*here \(2, 3, 4\)"),
        ((1, 3, 4), (2, 3, 4), r"`y_pred` must .*here \(1, 3, 4\)"),
    ],
    ids=["rank of y_true", "rank of y_pred", "features", "batch"],
)
def test_shapes_are_checked(true_shape, pred_shape, message):
    with pytest.raises(ValueError, match=message):
        HungarianHuberLoss()(np.zeros(true_shape), np.zeros(pred_shape))
