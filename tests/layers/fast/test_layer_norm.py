"""Layer normalization against Keras's own, gradients included."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots.layers.fast.layer_norm import (
    inverse_deviation,
    layer_norm,
    normalize,
)
from tests.backends import (
    EACH_MODE,
    IN_FLOAT64,
    dtype_of,
    in_mode,
    outputs_and_gradients,
)


def keras_normalize(inputs, epsilon):
    return keras.layers.LayerNormalization(
        epsilon=epsilon, center=False, scale=False, dtype="float64"
    )(inputs)


def value_and_gradients(function, mode):
    """Also the gradient of the gradient's norm."""

    def loss(inputs):
        normed = function(inputs, 1e-3)
        return ops.sum(ops.sin(normed)), normed

    def norm_of_gradient(inputs):
        normed, (gradient,) = outputs_and_gradients(loss, [inputs])
        return ops.sum(ops.square(gradient)), (normed, gradient)

    def run(inputs):
        outputs, second = outputs_and_gradients(norm_of_gradient, [inputs])
        return [*outputs, *second]

    inputs = np.random.default_rng(0).normal(2.0, 0.3, size=(2, 7, 5))
    return in_mode(run, mode)(inputs)


@IN_FLOAT64
@EACH_MODE
def test_value_gradient_and_second_gradient(mode):
    for own, expected in zip(
        value_and_gradients(normalize, mode),
        value_and_gradients(keras_normalize, mode),
        strict=True,
    ):
        assert dtype_of(own) == "float64"
        np.testing.assert_allclose(own, expected, rtol=1e-9, atol=1e-12)


@IN_FLOAT64
@EACH_MODE
def test_inverse_deviation_and_its_gradients(mode):
    def literal(inputs, epsilon):
        return 1.0 / ops.sqrt(ops.var(inputs, axis=-1) + epsilon)

    for own, expected in zip(
        value_and_gradients(inverse_deviation, mode),
        value_and_gradients(literal, mode),
        strict=True,
    ):
        assert dtype_of(own) == "float64"
        np.testing.assert_allclose(own, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "float16"])
def test_layer_is_that_of_keras(policy):
    owner = keras.layers.Layer(dtype=policy)
    layer = layer_norm(owner, "norm", (None, 6))
    layer.gamma.assign(np.linspace(0.5, 1.5, 6))
    layer.beta.assign(np.linspace(-1.0, 1.0, 6))
    theirs = keras.layers.LayerNormalization(epsilon=1e-3, dtype=policy)
    theirs.build((None, 6))
    theirs.set_weights(layer.get_weights())
    inputs = np.random.default_rng(0).normal(size=(9, 6))
    inputs = ops.cast(inputs, layer.compute_dtype)
    own = layer(inputs)
    assert dtype_of(own) == layer.compute_dtype
    tolerance = 1e-5 if policy == "float32" else 0.02
    np.testing.assert_allclose(
        ops.cast(own, "float32"),
        ops.cast(theirs(inputs), "float32"),
        atol=tolerance,
    )
