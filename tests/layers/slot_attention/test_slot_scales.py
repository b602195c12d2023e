"""Slots with a scale: sizes, and shapes told alike near and far."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SpatialBroadcastDecoder
from keras_slots.layers.slot_centers import (
    SMALLEST_SCALE,
    SlotCenters,
    grid_positions,
    slot_scales,
)
from keras_slots.models import ObjectDiscovery, get_preset
from tests.layers.decoder.test_centered_decoding import make_decoder
from tests.layers.test_slot_centers import B, D, F, K, random_attention


def make_centers():
    layer = SlotCenters(F, use_scales=True)
    layer.build((None, K, D))
    return layer


def test_scale_is_the_weighted_standard_deviation():
    positions = ops.convert_to_numpy(grid_positions(4, 5))
    attention = random_attention(20)
    expected = np.empty((B, K, 2))
    for b, k in np.ndindex(B, K):
        covariance = np.cov(positions.T, aweights=attention[b, k], ddof=0)
        expected[b, k] = np.sqrt(np.diag(covariance))
    scales = slot_scales(attention, positions)
    np.testing.assert_allclose(scales, expected, rtol=1e-5)


@pytest.mark.parametrize("seen", [0.0, 1.0], ids=["nothing", "one token"])
def test_slot_that_attends_to_no_two_tokens_has_the_smallest_scale(seen):
    attention = np.zeros((1, 1, 4), "float32")
    attention[..., 0] = seen
    scales = slot_scales(attention, grid_positions(2, 2))
    np.testing.assert_allclose(scales, np.full((1, 1, 2), SMALLEST_SCALE))


def test_shape_is_the_mean_of_features_token_by_token():
    """Against NumPy: the mean over tokens of sin and cos of f (p - c) / s."""
    layer = make_centers()
    positions = ops.convert_to_numpy(grid_positions(4, 5))
    attention = random_attention(20)
    centers, updates = layer(
        ops.zeros((B, K, D)),
        ops.convert_to_tensor(attention),
        ops.convert_to_tensor(positions),
    )
    centers = ops.convert_to_numpy(centers)
    weights = attention / attention.sum(-1, keepdims=True)
    relative = positions - centers[:, :, None]  # (B, K, N, 2)
    scales = np.sqrt(np.einsum("bkn,bkna->bka", weights, relative**2))
    octaves = np.pi / 2 * 2.0 ** np.arange(F)

    def features(places):  # (..., 2) -> (..., 4 F)
        angles = places[..., None] * octaves
        angles = angles.reshape(*places.shape[:-1], 2 * F)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)

    shape = np.einsum(
        "bkn,bknf->bkf", weights, features(relative / scales[:, :, None])
    )
    place = [centers, features(centers), np.log(scales)]
    expected = (
        np.concatenate(place, axis=-1)
        @ ops.convert_to_numpy(layer.tell_place.kernel)
        + ops.convert_to_numpy(layer.tell_place.bias)
        + shape @ ops.convert_to_numpy(layer.tell_shape.kernel)
    )
    np.testing.assert_allclose(updates, expected, rtol=1e-4, atol=1e-5)


def test_shape_does_not_change_with_place_and_size():
    """The same tokens, half as far apart and elsewhere, are told alike."""
    layer = make_centers()
    layer.tell_place.kernel.assign(np.zeros(layer.tell_place.kernel.shape))
    positions = grid_positions(4, 5)
    attention = ops.convert_to_tensor(random_attention(20))
    zeros = ops.zeros((B, K, D))
    _, near = layer(zeros, attention, positions)
    moved = positions * ops.array([0.5, 0.7]) + ops.array([0.3, -0.2])
    _, far = layer(zeros, attention, moved)
    np.testing.assert_allclose(far, near, rtol=1e-4, atol=1e-5)


def test_twice_the_scale_draws_twice_the_size():
    """Every other pixel of a large drawing is a pixel of the small one."""
    decoder = make_decoder(grid_size=9)
    slots = keras.random.normal((B, K, D), seed=0)
    centers = ops.zeros((B, K, 2))
    scales = ops.ones((B, K, 2))
    _, small, _ = decoder(slots, centers=centers, scales=scales)
    _, large, _ = decoder(slots, centers=centers, scales=2 * scales)
    np.testing.assert_allclose(
        large[:, :, ::2, ::2], small[:, :, 2:7, 2:7], rtol=1e-4, atol=1e-5
    )


def test_model_draws_slots_in_units_of_their_scale():
    """The decoder hears of the scales: drawn without them, images differ."""
    model = ObjectDiscovery.from_preset("tetrominoes")
    slot_attention = get_preset("tetrominoes").make("slot_attention")
    slot_attention.centers.use_scales = True
    model = ObjectDiscovery(model.encoder, slot_attention, model.decoder)
    images = keras.random.uniform((2, 35, 35, 3), -1.0, 1.0, seed=0)
    outputs = model(images)
    positions = grid_positions(*model.encoder.grid_size(35, 35))
    scales = slot_scales(outputs["attention"], positions)
    centers = ops.matmul(outputs["attention"], positions) / ops.sum(
        outputs["attention"], axis=-1, keepdims=True
    )
    expected, *_ = model.decoder(
        outputs["slots"], centers=centers, scales=scales
    )
    np.testing.assert_allclose(
        outputs["reconstruction"], expected, rtol=1e-4, atol=1e-5
    )
    without, *_ = model.decoder(outputs["slots"], centers=centers)
    assert np.abs(without - outputs["reconstruction"]).max() > 1e-3


def test_scales_need_centers():
    slots = keras.random.normal((B, K, D), seed=0)
    decoder = SpatialBroadcastDecoder(4, (4,))
    with pytest.raises(ValueError, match="`scales` need `centers`"):
        decoder(slots, scales=ops.ones((B, K, 2)))


def test_scales_must_fit_the_slots():
    slots = keras.random.normal((B, K, D), seed=0)
    with pytest.raises(ValueError, match=r"`scales` must have shape .*here"):
        make_decoder()(
            slots, centers=ops.zeros((B, K, 2)), scales=ops.ones((B, 2, 2))
        )
