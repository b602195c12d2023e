"""The plain form against Keras's transposed convolution, in float64."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots.layers.decoder.plain_deconvolution import deconvolve, is_plain
from tests.backends import (
    DTYPE,
    EACH_MODE,
    HAS_FLOAT64,
    in_mode,
    outputs_and_gradients,
)

TOLERANCE = 1e-10 if HAS_FLOAT64 else 1e-4


def make(kernel_size, strides, activation="relu"):
    keras.utils.set_random_seed(0)
    deconv = keras.layers.Conv2DTranspose(
        4,
        kernel_size,
        strides=strides,
        padding="same",
        activation=activation,
        bias_initializer="normal",
        dtype=DTYPE,
    )
    deconv.build((None, 6, 7, 3))
    return deconv


def check_values_and_gradients(kernel_size, activation, mode):
    deconv = make(kernel_size, 1, activation)
    assert is_plain(deconv)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 7, 3)).astype(DTYPE)

    def run(function):
        def loss_and_outputs(inputs):
            outputs = function(inputs)
            return ops.sum(ops.sin(outputs)), outputs

        def differentiated(inputs):
            outputs, gradients = outputs_and_gradients(
                loss_and_outputs, [inputs], deconv.trainable_variables
            )
            return [outputs, *gradients]

        return in_mode(differentiated, mode)(inputs)

    for own, expected in zip(
        run(lambda inputs: deconvolve(inputs, deconv)), run(deconv), strict=True
    ):
        np.testing.assert_allclose(
            own, expected, rtol=TOLERANCE, atol=0.01 * TOLERANCE
        )


@pytest.mark.parametrize("kernel_size", [1, 3, 5], ids=str)
@pytest.mark.parametrize("activation", ["relu", None])
def test_values_and_gradients(kernel_size, activation):
    check_values_and_gradients(kernel_size, activation, "eager")


@EACH_MODE
def test_values_and_gradients_in_every_mode(mode):
    check_values_and_gradients((5, 3), "relu", mode)


@pytest.mark.parametrize(
    ("kernel_size", "strides"), [(4, 1), (5, 2), ((3, 2), 1), (5, (1, 2))]
)
def test_what_is_not_plain_is_left_to_keras(kernel_size, strides):
    deconv = make(kernel_size, strides)
    assert not is_plain(deconv)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 7, 3)).astype(DTYPE)
    np.testing.assert_array_equal(deconvolve(inputs, deconv), deconv(inputs))
