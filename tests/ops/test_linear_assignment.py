"""`linear_sum_assignment` against SciPy, and what it does with bad input."""

import keras
import numpy as np
import pytest
from scipy import optimize

from keras_slots.ops import linear_sum_assignment
from tests.backends import (
    EACH_MODE,
    EACH_TRACED_MODE,
    IN_FLOAT64,
    ON_TENSORFLOW,
    in_mode,
    outputs_and_gradients,
    ways_to_run,
)

EACH_RUN = ways_to_run(linear_sum_assignment)
EXAMPLES_PER_KIND = 100

# 14 shapes of 8 kinds of 100 matrices: 11,200 in all, in every mode.
SHAPES = [
    (1, 1),
    (1, 6),
    (6, 1),
    (2, 2),
    (3, 3),
    (5, 8),
    (8, 5),
    (7, 7),
    (10, 10),
    (10, 32),
    (32, 10),
    (31, 32),
    (32, 32),
    (40, 70),
]
KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "negative": lambda rng, shape: -rng.exponential(size=shape),
    "integers": lambda rng, shape: rng.integers(-50, 50, shape),
    "ties": lambda rng, shape: rng.integers(0, 3, shape),
    "constant": lambda rng, shape: np.broadcast_to(
        rng.normal(size=(shape[0], 1, 1)), shape
    ),
    "large": lambda rng, shape: rng.uniform(-1e6, 1e6, shape),
    "large offset": lambda rng, shape: 1e6 + rng.integers(0, 1000, shape),
    "equal rows": lambda rng, shape: np.where(
        np.arange(shape[1])[:, None] < shape[1] // 2,
        rng.normal(size=shape),
        rng.normal(size=(shape[0], 1, shape[2])),
    ),
}
EXACT_KINDS = {"integers", "ties", "large offset"}


def scipy_cost(cost):
    """The least total of each matrix, in float64."""
    cost = np.asarray(cost, "float64")
    return np.array([c[optimize.linear_sum_assignment(c)].sum() for c in cost])


def cost_of(cost, column):
    """The total of an assignment of each matrix, in float64."""
    cost = np.asarray(cost, "float64")
    chosen = np.take_along_axis(cost, np.maximum(column, 0)[..., None], 2)
    return np.where(column >= 0, chosen[..., 0], 0.0).sum(axis=1)


def assert_one_to_one(column, num_rows, num_columns):
    """Every row has a column of its own, as far as the columns go."""
    assert column.dtype == np.int32
    assert column.shape[1:] == (num_rows,)
    for example in column:
        matched = example[example >= 0]
        assert len(matched) == min(num_rows, num_columns)
        assert len(set(matched)) == len(matched)
        assert matched.max() < num_columns
        assert (example[example < 0] == -1).all()


@EACH_RUN
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(
            shape,
            id="{}x{}".format(*shape),
            marks=[pytest.mark.slow] if max(shape) > 20 else [],
        )
        for shape in SHAPES
    ],
)
def test_least_cost_is_that_of_scipy(run, shape):
    rng = np.random.default_rng(shape)
    size = (EXAMPLES_PER_KIND, *shape)
    costs = {
        kind: make(rng, size).astype("float32") for kind, make in KINDS.items()
    }
    columns = np.array(run(np.concatenate(list(costs.values()))))
    assert_one_to_one(columns, *shape)
    for (kind, cost), column in zip(
        costs.items(), np.split(columns, len(costs)), strict=True
    ):
        excess = cost_of(cost, column) - scipy_cost(cost)
        # Float32 holds the other kinds to a part in 1e7 of the largest cost.
        tolerance = 0 if kind in EXACT_KINDS else 1e-6 * np.abs(cost).max()
        assert np.abs(excess).max() <= tolerance, kind


@EACH_MODE
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)], ids=str)
def test_every_mode_gives_the_unique_optimum(mode, shape):
    cost = np.random.default_rng(0).normal(size=(20, *shape))
    run = in_mode(linear_sum_assignment, mode)
    column = np.array(run(cost.astype("float32")))
    expected = np.full((20, shape[0]), -1)
    for example, c in zip(expected, cost, strict=True):
        rows, columns = optimize.linear_sum_assignment(c)
        example[rows] = columns
    np.testing.assert_array_equal(column, expected)


@IN_FLOAT64
def test_float64_costs_are_compared_in_float64():
    rng = np.random.default_rng(0)
    # Differences that float32 cannot see.
    cost = 1.0 + 1e-12 * rng.integers(0, 1000, (50, 6, 6))
    column = np.array(in_mode(linear_sum_assignment, "graph")(cost))
    np.testing.assert_allclose(
        cost_of(cost, column), scipy_cost(cost), rtol=0, atol=1e-14
    )


@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16"])
def test_other_dtypes(dtype):
    cost = np.random.default_rng(0).integers(0, 100, (20, 5, 5))
    column = np.array(linear_sum_assignment(keras.ops.cast(cost, dtype)))
    np.testing.assert_array_equal(cost_of(cost, column), scipy_cost(cost))


@ON_TENSORFLOW
@pytest.mark.parametrize(
    "jit_compile",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["graph", "xla"],
)
def test_unknown_batch_size(jit_compile):
    import tensorflow as tf

    run = tf.function(
        linear_sum_assignment,
        input_signature=[tf.TensorSpec((None, 3, 4))],
        jit_compile=jit_compile,
    )
    for batch_size in (1, 5):
        cost = np.random.default_rng(0).normal(size=(batch_size, 3, 4))
        np.testing.assert_allclose(
            cost_of(cost, run(cost.astype("float32")).numpy()),
            scipy_cost(cost),
            rtol=1e-6,
        )


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3), (2, 3, 0)], ids=str)
def test_empty(shape):
    column = linear_sum_assignment(np.zeros(shape, "float32"))
    np.testing.assert_array_equal(column, np.full(shape[:2], -1))


def test_no_gradient_and_no_failure_when_differentiated():
    cost = np.random.default_rng(0).normal(size=(2, 3, 3))

    def loss(cost):
        column = keras.ops.cast(linear_sum_assignment(cost), cost.dtype)
        return keras.ops.sum(cost**2) + keras.ops.sum(column), column

    _, (gradient,) = outputs_and_gradients(loss, [cost])
    np.testing.assert_allclose(gradient, 2 * cost)


@EACH_RUN
@pytest.mark.parametrize("shape", [(5, 5), (4, 6)], ids=str)
def test_costs_that_would_overflow_in_sums(run, shape):
    """Finite ones, though their difference is not."""
    rng = np.random.default_rng(0)
    # So many large ones that the best assignments have some.
    cost = rng.choice([-3e38, 0, 3e38], (60, *shape), p=[0.1, 0.1, 0.8])
    cost = cost.astype("float32")
    column = np.array(run(cost))
    assert_one_to_one(column, *shape)
    np.testing.assert_array_equal(
        cost_of(np.sign(cost), column), scipy_cost(np.sign(cost))
    )


BAD_VALUES = {
    "nan": np.nan,
    "inf": np.inf,
    "minus inf": -np.inf,
}


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_not_finite_raises_eagerly(value):
    cost = np.zeros((2, 3, 4), "float32")
    cost[0, 1, 2] = cost[1, 0, 0] = value
    with pytest.raises(ValueError, match=r"must be finite.*2 non-finite"):
        linear_sum_assignment(cost)


@EACH_TRACED_MODE
@pytest.mark.parametrize("shape", [(4, 4), (4, 6), (6, 4)], ids=str)
def test_not_finite_in_a_graph_still_gives_an_assignment(mode, shape):
    rng = np.random.default_rng(0)
    cost = rng.normal(size=(60, *shape)).astype("float32")
    for bad, value in enumerate([*BAD_VALUES.values(), 3e38, -3e38]):
        # One entry, a row, a column, many, all: of five examples each.
        cost[5 * bad, 0, 0] = value
        cost[5 * bad + 1, 1] = value
        cost[5 * bad + 2, :, 1] = value
        cost[5 * bad + 3][rng.random(shape) < 0.7] = value
        cost[5 * bad + 4] = value
    cost[25:40][rng.random((15, *shape)) < 0.3] = np.nan
    cost[25:40][rng.random((15, *shape)) < 0.3] = np.inf
    cost[25:40][rng.random((15, *shape)) < 0.3] = -3e38
    column = np.array(in_mode(linear_sum_assignment, mode)(cost))
    assert_one_to_one(column, *shape)
    # The other examples of the batch are none the worse.
    np.testing.assert_allclose(
        cost_of(cost[40:], column[40:]), scipy_cost(cost[40:]), rtol=1e-5
    )


@EACH_TRACED_MODE
def test_not_finite_in_a_graph_is_avoided(mode):
    cost = np.array([[[np.inf, 5.0], [7.0, np.nan]]], "float32")
    column = in_mode(linear_sum_assignment, mode)(cost)
    np.testing.assert_array_equal(column, [[1, 0]])


@pytest.mark.parametrize("shape", [(3,), (3, 3), (1, 1, 3, 3)], ids=str)
def test_rank_is_checked(shape):
    with pytest.raises(
        ValueError,
        match=r"`cost` must have shape \(batch_.*Received: cost\.shape=\(",
    ):
        linear_sum_assignment(np.zeros(shape, "float32"))


@ON_TENSORFLOW
def test_rows_and_columns_must_be_static():
    import tensorflow as tf

    run = tf.function(
        linear_sum_assignment, input_signature=[tf.TensorSpec((2, None, 3))]
    )
    with pytest.raises(ValueError, match="static number of rows and columns"):
        run(tf.zeros((2, 3, 3)))
