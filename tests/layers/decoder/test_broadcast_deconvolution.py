import keras
import numpy as np
import pytest
from scipy.signal import convolve

from keras_slots.layers.decoder.broadcast_deconvolution import (
    broadcast_deconvolve,
    tap_patterns,
)
from tests.backends import DTYPE, HAS_FLOAT64, outputs_and_gradients

TOLERANCE = 1e-12 if HAS_FLOAT64 else 1e-4

SIZES = [  # grid, kernel, stride
    ((35, 35), 5, 1),
    ((8, 8), 5, 2),
    ((4, 7), 3, 1),
    ((5, 3), 3, 2),
    ((5, 3), 4, 1),
    ((5, 3), 4, 2),
    ((3, 4), 2, 1),
    ((4, 5), 5, 3),
    ((4, 5), 6, 3),
    ((6, 5), 1, 1),
    ((6, 5), 1, 2),  # Pixels that no tap reaches hold the bias alone.
    ((6, 5), 2, 3),
    ((1, 1), 5, 1),
    ((1, 6), 5, 2),
    ((2, 3), 7, 1),  # No pixel sees the whole kernel.
]


def literal_broadcast_deconvolve(slots, position_map, deconv):
    """The form of the paper."""
    return deconv(slots[:, None, None, :] + position_map)


def build_deconv(grid, kernel_size, stride, dtype=DTYPE, features=(6, 4)):
    size, filters = features
    deconv = keras.layers.Conv2DTranspose(
        filters,
        kernel_size,
        strides=stride,
        padding="same",
        activation="tanh",  # Smooth, so that gradients can be compared.
        bias_initializer="random_normal",
        dtype=dtype,
    )
    deconv.build((None, *grid, size))
    return deconv


def draw_inputs(grid, size=6, num_slots=3, seed=0):
    rng = np.random.default_rng(seed)
    slots = rng.normal(size=(num_slots, size)).astype(DTYPE)
    return slots, rng.normal(size=(1, *grid, size)).astype(DTYPE)


def deconvolve_by_definition(maps, kernel, bias, stride):
    """Zeros between the cells, a full convolution, a cut: SciPy alone."""
    num_maps, height, width, size = maps.shape
    kernel_size, _, filters, _ = kernel.shape
    spaced = np.zeros((num_maps, height * stride, width * stride, size))
    spaced[:, ::stride, ::stride] = maps
    cut = max(kernel_size - stride, 0) // 2
    result = np.zeros((num_maps, height * stride, width * stride, filters))
    for m, f, d in np.ndindex(num_maps, filters, size):
        full = convolve(spaced[m, :, :, d], kernel[:, :, f, d], method="direct")
        full = full[cut : cut + height * stride, cut : cut + width * stride]
        result[m, :, :, f] += full
    return np.tanh(result + bias)


@pytest.mark.parametrize(("grid", "kernel_size", "stride"), SIZES)
def test_both_forms_match_the_definition(grid, kernel_size, stride):
    slots, position_map = draw_inputs(grid)
    deconv = build_deconv(grid, kernel_size, stride)
    expected = deconvolve_by_definition(
        slots[:, None, None] + position_map, *deconv.get_weights(), stride
    )
    inputs = keras.ops.array(slots), keras.ops.array(position_map)
    for form in (broadcast_deconvolve, literal_broadcast_deconvolve):
        np.testing.assert_allclose(
            form(*inputs, deconv), expected, rtol=TOLERANCE, atol=TOLERANCE
        )


@pytest.mark.parametrize(("grid", "kernel_size", "stride"), SIZES)
def test_gradients_match_the_literal_form(grid, kernel_size, stride):
    deconv = build_deconv(grid, kernel_size, stride)

    def gradients(form):
        def loss(slots, position_map):
            result = form(slots, position_map, deconv)
            cotangent = np.random.default_rng(1).normal(size=result.shape)
            cotangent = keras.ops.convert_to_tensor(cotangent, DTYPE)
            return keras.ops.sum(result * cotangent), result

        weights = [deconv.kernel, deconv.bias]
        return outputs_and_gradients(loss, draw_inputs(grid), weights)[1]

    for fused, literal in zip(
        gradients(broadcast_deconvolve),
        gradients(literal_broadcast_deconvolve),
        strict=True,
    ):
        np.testing.assert_allclose(
            fused, literal, rtol=1e3 * TOLERANCE, atol=10 * TOLERANCE
        )


def test_float32_differs_by_rounding_alone():
    slots, position_map = draw_inputs((35, 35), size=64, num_slots=2)
    arguments = (
        keras.ops.cast(slots, "float32"),
        keras.ops.cast(position_map, "float32"),
        build_deconv((35, 35), 5, 1, "float32", features=(64, 32)),
    )
    np.testing.assert_allclose(
        broadcast_deconvolve(*arguments),
        literal_broadcast_deconvolve(*arguments),
        atol=1e-5,
    )


def test_bfloat16_is_no_worse_than_the_literal_form():
    slots, position_map = draw_inputs((12, 12), size=64, num_slots=4)
    exact_deconv = build_deconv((12, 12), 5, 1, features=(64, 32))
    exact = np.array(
        literal_broadcast_deconvolve(
            keras.ops.array(slots), keras.ops.array(position_map), exact_deconv
        )
    )
    deconv = build_deconv((12, 12), 5, 1, "bfloat16", features=(64, 32))
    deconv.set_weights(exact_deconv.get_weights())

    def error(form):
        result = form(
            keras.ops.cast(slots, "bfloat16"),
            keras.ops.cast(position_map, "bfloat16"),
            deconv,
        )
        result = keras.ops.convert_to_numpy(keras.ops.cast(result, "float32"))
        return np.sqrt(np.mean((result - exact) ** 2))

    assert error(broadcast_deconvolve) < 1.5 * error(
        literal_broadcast_deconvolve
    )


@pytest.mark.parametrize(
    ("size", "kernel_size", "stride", "count"),
    [(35, 5, 1, 5), (35, 3, 1, 3), (8, 5, 2, 5), (8, 1, 1, 1), (8, 1, 2, 2)],
)
def test_few_patterns_of_taps(size, kernel_size, stride, count):
    taps, pattern = tap_patterns(size, kernel_size, stride)
    assert taps.shape == (count, kernel_size)
    assert pattern.shape == (size * stride, count)
    np.testing.assert_array_equal(pattern.sum(axis=1), 1)


def test_taps_of_a_strided_kernel_cut_the_odd_pixel_at_the_end():
    # Kernel 5, stride 2: three pixels beyond the grid, one cut at the start.
    taps, pattern = tap_patterns(2, 5, 2)
    np.testing.assert_array_equal(
        pattern @ taps,
        [[0, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]],
    )
