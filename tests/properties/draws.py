"""Random numbers, sizes and policies, and what every result must be."""

import keras
import numpy as np
from hypothesis import strategies as st
from keras import ops

from tests.backends import dtype_of, outputs_and_gradients

POLICIES = {
    "float32": "float32",
    "mixed_float16": "float16",
    "mixed_bfloat16": "bfloat16",
}
SEEDS = st.integers(0, 2**16)
# From the small noise of an untrained network to images in 16-bit integers.
SCALES = st.sampled_from((1.0, 1e-3, 30.0, 1e4))


def numbers(seed, *shape, scale=1.0, constant=False):
    """Float32 normal numbers of a scale, or one such number everywhere."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=() if constant else shape)
    return np.broadcast_to(scale * drawn, shape).astype("float32")


def choices(seed, *shape):
    """Random masks. Every one of a row may be false."""
    rng = np.random.default_rng(seed)
    return rng.random(shape) < rng.choice((0.0, 0.4, 0.9, 1.0))


def order(seed, size):
    return np.random.default_rng(seed).permutation(size)


def some(strategy):
    """`None`, or a draw."""
    return st.none() | strategy


def as_arrays(tensors):
    """The leaves of any structure as float32 arrays."""
    return [
        ops.convert_to_numpy(ops.cast(leaf, "float32"))
        for leaf in keras.tree.flatten(tensors)
    ]


def assert_finite(tensors):
    for array in as_arrays(tensors):
        assert np.all(np.isfinite(array))


def assert_is(tensor, shape, dtype):
    assert tuple(tensor.shape) == tuple(shape)
    assert dtype_of(tensor) == dtype


def assert_close(actual, expected, tolerance=1e-3):
    """Equal but for rounding, next to the largest finite number of all."""
    for got, wanted in zip(as_arrays(actual), as_arrays(expected), strict=True):
        finite = np.isfinite(wanted)
        largest = np.max(np.abs(wanted), initial=1.0, where=finite)
        np.testing.assert_allclose(
            got, wanted, rtol=0, atol=tolerance * largest
        )


def run_finite(function, inputs, variables=()):
    """The outputs of `function(*inputs)`; they and all gradients are finite.

    What is differentiated is a mean over the outputs of a loss whose gradient
    is at most 1, as that of a Huber loss.
    """

    def loss(*inputs):
        outputs = function(*inputs)
        leaves = [
            ops.cast(leaf, "float32") for leaf in keras.tree.flatten(outputs)
        ]
        return sum(ops.mean(ops.sqrt(1 + x**2)) for x in leaves), outputs

    outputs, gradients = outputs_and_gradients(loss, inputs, variables)
    assert_finite(outputs)
    assert_finite(gradients)
    return outputs
