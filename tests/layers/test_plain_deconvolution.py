"""The plain form against Keras's transposed convolution, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.layers.plain_deconvolution import deconvolve, is_plain


def make(kernel_size, strides, activation="relu"):
    keras.utils.set_random_seed(0)
    deconv = keras.layers.Conv2DTranspose(
        4,
        kernel_size,
        strides=strides,
        padding="same",
        activation=activation,
        bias_initializer="normal",
        dtype="float64",
    )
    deconv.build((None, 6, 7, 3))
    return deconv


@pytest.mark.parametrize("kernel_size", [1, 3, 5, (5, 3)], ids=str)
@pytest.mark.parametrize("activation", ["relu", None])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "xla"])
def test_values_and_gradients(kernel_size, activation, compiled):
    deconv = make(kernel_size, 1, activation)
    assert is_plain(deconv)
    inputs = tf.constant(np.random.default_rng(0).normal(size=(2, 6, 7, 3)))

    def run(function):
        sources = [inputs, *deconv.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function()
            loss = tf.reduce_sum(tf.sin(outputs))
        return [outputs, *tape.gradient(loss, sources)]

    if compiled:
        run = tf.function(run, jit_compile=True)
    for own, expected in zip(
        run(lambda: deconvolve(inputs, deconv)),
        run(lambda: deconv(inputs)),
        strict=True,
    ):
        np.testing.assert_allclose(own, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("kernel_size", "strides"), [(4, 1), (5, 2), ((3, 2), 1), (5, (1, 2))]
)
def test_what_is_not_plain_is_left_to_keras(kernel_size, strides):
    deconv = make(kernel_size, strides)
    assert not is_plain(deconv)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 7, 3))
    np.testing.assert_array_equal(deconvolve(inputs, deconv), deconv(inputs))
