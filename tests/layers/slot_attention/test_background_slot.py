"""A slot for the background: a start of its own, and no place in the image."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder, SlotCenters
from keras_slots.layers.slot_centers import (
    INITIAL_REACH,
    grid_positions,
    is_object,
)
from keras_slots.models import ObjectDiscovery
from tests.backends import EAGERLY

B, K, D, F = 2, 4, 8, 3


def make_layer(**kwargs):
    settings = {"seed": 0, "background_slot": True, **kwargs}
    layer = SlotAttention(K, D, **settings)
    layer.build((None, None, 6))
    return layer


def test_the_first_slot_is_no_object():
    np.testing.assert_array_equal(is_object(3), [[0], [1], [1]])


@pytest.mark.parametrize("kind", ["shared_gaussian", "per_slot_gaussian"])
def test_only_the_background_starts_without_noise(kind):
    initial = make_layer(slot_initialization=kind).initial
    slots = np.array(initial.draw(B, K))
    background = np.array(initial.background)[:, 0]
    np.testing.assert_allclose(slots[:, 0], np.repeat(background, B, axis=0))
    assert np.ptp(slots[:, 1:], axis=0).min() > 0


def test_learned_slots_are_one_background_and_objects():
    initial = make_layer(slot_initialization="learned").initial
    expected = np.concatenate([initial.background, initial.mu], axis=1)
    np.testing.assert_allclose(initial.draw(1, K), expected)


@pytest.mark.parametrize("num_slots", [1, K, 7])
def test_any_number_of_objects_beside_it(num_slots):
    tokens = keras.random.normal((B, 5, 6), seed=0)
    slots = make_layer()(tokens, num_slots=num_slots)
    assert slots.shape == (B, num_slots, D)


def test_it_attends_to_near_and_far_alike():
    """Between equal tokens, only an object's logit depends on the place."""
    layer = make_layer(centers=SlotCenters(F), num_iterations=1)
    slots = np.array(keras.random.normal((B, K, D), seed=0))
    positions = np.array(grid_positions(3, 3))
    _, attention = layer(
        ops.ones((B, 9, 6)),
        initial_slots=slots,
        positions=positions,
        return_attention_scores=True,
    )
    logits = np.log(attention)
    logits = logits[:, 1:] - logits[:, :1]  # (B, K - 1, 9)
    away = positions - np.tanh(slots[:, 1:, None, :2])
    penalty = np.log1p(np.exp(INITIAL_REACH)) * np.square(away).sum(-1)
    np.testing.assert_allclose(
        logits - logits[..., :1], penalty[..., :1] - penalty, atol=1e-4
    )


def make_decoder(**kwargs):
    return SpatialBroadcastDecoder(
        8, (16,), 1, output_kernel_size=1, center_frequencies=F, **kwargs
    )


def test_it_is_drawn_around_the_middle_wherever_its_center_is():
    decoder = make_decoder(mask_falloff=2.0, background_slot=True)
    slots = keras.random.normal((B, K, D), seed=0)
    centers = keras.random.uniform((B, K, 2), -1.0, 1.0, seed=0)
    elsewhere = centers + 1.0 - is_object(K)
    for one, other in zip(
        decoder(slots, centers=centers),
        decoder(slots, centers=elsewhere),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_its_mask_alone_does_not_fall_off():
    steep = make_decoder(mask_falloff=1e6, background_slot=True)
    slots = keras.random.normal((B, K, D), seed=0)
    # No object is nearer to a pixel than this.
    masks = np.array(steep(slots, centers=5.0 * ops.ones((B, K, 2)))[2])
    np.testing.assert_allclose(masks[:, 0], 1.0)
    np.testing.assert_allclose(masks[:, 1:], 0.0)


def test_objects_can_be_permuted_and_the_background_cannot():
    layer = make_layer()
    tokens = keras.random.normal((B, 5, 6), seed=0)
    first = layer.initial.draw(B, K)
    order = np.array([0, 3, 1, 2])
    slots = np.array(layer(tokens, initial_slots=first))
    permuted = layer(tokens, initial_slots=ops.take(first, order, axis=1))
    np.testing.assert_allclose(permuted, slots[:, order], rtol=1e-4, atol=1e-5)


def test_a_model_with_a_background_learns():
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(6,)),
        make_layer(centers=SlotCenters(F)),
        make_decoder(mask_falloff=2.0, background_slot=True),
    )
    model.compile("adam", run_eagerly=EAGERLY)
    images = keras.random.uniform((4, 8, 8, 3), -1.0, 1.0, seed=0)
    losses = model.fit(images, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_it_needs_company_and_a_decoder_with_places():
    with pytest.raises(ValueError, match=r"at least 2\..*num_slots=1"):
        SlotAttention(1, D, background_slot=True)
    with pytest.raises(ValueError, match="background_slot=True, center_freq"):
        SpatialBroadcastDecoder(8, background_slot=True)
