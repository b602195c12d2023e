"""Layer normalisation against Keras's own, gradients included."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.layers.layer_norm import (
    inverse_deviation,
    layer_norm,
    normalize,
)


def keras_normalize(inputs, epsilon):
    return keras.layers.LayerNormalization(
        epsilon=epsilon, center=False, scale=False, dtype="float64"
    )(inputs)


def value_and_gradients(function, inputs):
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            normed = function(inputs, 1e-3)
            loss = tf.reduce_sum(tf.sin(normed))
        gradient = tape.gradient(loss, inputs)
        norm = tf.reduce_sum(tf.square(gradient))
    return normed, gradient, outer.gradient(norm, inputs)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_value_gradient_and_second_gradient(compiled):
    inputs = np.random.default_rng(0).normal(2.0, 0.3, size=(2, 7, 5))
    inputs = tf.constant(inputs)
    function = value_and_gradients
    if compiled:
        function = tf.function(function, jit_compile=True)
    for own, expected in zip(
        function(normalize, inputs),
        function(keras_normalize, inputs),
        strict=True,
    ):
        assert own.dtype == "float64"
        np.testing.assert_allclose(own, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_inverse_deviation_and_its_gradients(compiled):
    def literal(inputs, epsilon):
        deviation = tf.sqrt(tf.math.reduce_variance(inputs, -1) + epsilon)
        return 1.0 / deviation

    inputs = np.random.default_rng(0).normal(2.0, 0.3, size=(2, 7, 5))
    inputs = tf.constant(inputs)
    function = value_and_gradients
    if compiled:
        function = tf.function(function, jit_compile=True)
    for own, expected in zip(
        function(inverse_deviation, inputs),
        function(literal, inputs),
        strict=True,
    ):
        assert own.dtype == "float64"
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
    inputs = tf.cast(inputs, layer.compute_dtype)
    own = layer(inputs)
    assert own.dtype == layer.compute_dtype
    tolerance = 1e-5 if policy == "float32" else 0.02
    np.testing.assert_allclose(
        tf.cast(own, "float32"),
        tf.cast(theirs(inputs), "float32"),
        atol=tolerance,
    )
