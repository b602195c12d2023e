"""SlotCenters: places and shapes, against a token-by-token definition."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention
from keras_slots.layers.slot_centers import (
    SlotCenters,
    fourier_angles,
    grid_positions,
    slot_centers,
)
from tests.backends import outputs_and_gradients

B, K, D, F = 2, 3, 8, 4


def random_attention(num_tokens):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(B, K, num_tokens))
    attention = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return attention.astype("float32")


def test_grid_positions_run_row_by_row_from_corner_to_corner():
    positions = ops.convert_to_numpy(grid_positions(2, 3))
    expected = [[-1, -1], [-1, 0], [-1, 1], [1, -1], [1, 0], [1, 1]]
    np.testing.assert_allclose(positions, expected, atol=1e-6)


def test_center_is_the_weighted_mean_position():
    positions = ops.convert_to_numpy(grid_positions(4, 5))
    attention = random_attention(20)
    expected = np.stack(
        [
            [np.average(positions, axis=0, weights=slot) for slot in example]
            for example in attention
        ]
    )
    centers = slot_centers(attention, positions)
    np.testing.assert_allclose(centers, expected, rtol=1e-5, atol=1e-6)


def test_slot_that_attends_to_nothing_has_a_finite_center():
    centers = slot_centers(np.zeros((1, 1, 4), "float32"), grid_positions(2, 2))
    np.testing.assert_array_equal(centers, np.zeros((1, 1, 2)))


def test_angles_are_octaves_of_a_half_turn_by_axis():
    angles = fourier_angles(ops.convert_to_tensor([[0.5, -1.0]]), 3)
    expected = [math.pi / 2 * f * p for p in (0.5, -1.0) for f in (1, 2, 4)]
    np.testing.assert_allclose(angles, [expected], rtol=1e-6)


def test_rotated_mean_equals_features_of_relative_positions():
    """The fast form against the mean over tokens of sin and cos f(p - c)."""
    layer = SlotCenters(F)
    layer.build((None, K, D))
    positions = ops.convert_to_numpy(grid_positions(4, 5))
    attention = random_attention(20)
    centers, updates = layer(
        ops.zeros((B, K, D)),
        ops.convert_to_tensor(attention),
        ops.convert_to_tensor(positions),
    )
    centers = ops.convert_to_numpy(centers)
    weights = attention / attention.sum(-1, keepdims=True)
    octaves = math.pi / 2 * 2.0 ** np.arange(F)

    def angles(places):  # (..., 2) -> (..., 2 F)
        return (places[..., None] * octaves).reshape(*places.shape[:-1], 2 * F)

    relative = angles(positions - centers[:, :, None])  # (B, K, N, 2 F)
    features = np.concatenate([np.sin(relative), np.cos(relative)], axis=-1)
    shape = np.einsum("bkn,bknf->bkf", weights, features)
    place = angles(centers)
    place = np.concatenate([centers, np.sin(place), np.cos(place)], axis=-1)
    expected = (
        place @ ops.convert_to_numpy(layer.tell_place.kernel)
        + ops.convert_to_numpy(layer.tell_place.bias)
        + shape @ ops.convert_to_numpy(layer.tell_shape.kernel)
    )
    np.testing.assert_allclose(updates, expected, rtol=1e-4, atol=1e-5)


def test_penalty_is_the_squared_distance_times_nearness():
    layer = SlotCenters(F)
    layer.build((None, K, D))
    positions = ops.convert_to_numpy(grid_positions(4, 5))
    generator = np.random.default_rng(1)
    slots = generator.normal(size=(B, K, D)).astype("float32")
    centers = generator.uniform(-1, 1, (B, K, 2)).astype("float32")
    penalty = layer.distance_penalty(
        slots, ops.convert_to_tensor(centers), ops.convert_to_tensor(positions)
    )
    distances = positions - centers[:, :, None]
    # The kernel starts at zero and the bias at 2.
    expected = np.log1p(np.exp(2.0)) * np.square(distances).sum(-1)
    np.testing.assert_allclose(penalty, expected, rtol=1e-4, atol=1e-5)


def test_the_first_two_features_of_a_slot_say_where_it_starts():
    layer = SlotCenters(F)
    slots = 2 * np.random.default_rng(0).normal(size=(B, K, D))
    np.testing.assert_allclose(
        layer.first_centers(ops.convert_to_tensor(slots)),
        np.tanh(slots[..., :2]),
        rtol=1e-5,
    )


@pytest.fixture
def layer():
    return SlotAttention(
        K,
        D,
        centers=SlotCenters(F),
        slot_initialization="learned",
        slots_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=1),
    )


@pytest.fixture
def tokens():
    return keras.random.normal((B, 20, 6), seed=0)


def test_every_iteration_moves_the_centers(tokens):
    """Step by step, of parts that have tests of their own."""
    layer = SlotAttention(K, D, centers=SlotCenters(F))
    layer.build(tokens.shape)
    generator = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        noise = 0.3 * generator.normal(size=weight.shape)
        weight.assign(ops.convert_to_numpy(weight) + noise)
    positions = ops.convert_to_tensor(grid_positions(4, 5))
    slots = keras.random.normal((B, K, D), seed=2)
    actual = layer(
        tokens,
        initial_slots=slots,
        positions=positions,
        return_all_iterations=True,
    )
    parts, centers = layer.attention, ops.tanh(slots[..., :2])
    projected = parts.project(tokens, None, K, 3, False)
    for iteration in range(3):
        queries = parts.normalize_slots(slots)
        penalty = layer.centers.distance_penalty(queries, centers, positions)
        attention = parts.attend(queries, projected, None, None, penalty)
        updates = parts.gather(attention, projected, None)
        centers, updates = layer.centers(updates, attention[:, 0], positions)
        slots = layer.updating(updates, slots)
        np.testing.assert_allclose(
            actual[:, iteration], slots, rtol=1e-4, atol=1e-5
        )


def test_centered_slots_follow_a_permutation_of_the_slots(layer, tokens):
    initial = keras.random.normal((B, K, D), seed=2)
    positions = grid_positions(4, 5)
    slots = layer(tokens, initial_slots=initial, positions=positions)
    order = [2, 0, 1]
    permuted = layer(
        tokens,
        initial_slots=ops.take(initial, order, axis=1),
        positions=positions,
    )
    np.testing.assert_allclose(
        permuted, ops.take(slots, order, axis=1), rtol=1e-4, atol=1e-5
    )


def test_centered_slots_ignore_the_order_of_the_tokens(layer, tokens):
    positions = grid_positions(4, 5)
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_allclose(
        layer(
            ops.take(tokens, order, axis=1),
            positions=ops.take(positions, order, axis=0),
        ),
        layer(tokens, positions=positions),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("gradient", ["implicit", "bilevel"])
def test_gradient_mode_leaves_centered_output_alone(layer, tokens, gradient):
    positions = grid_positions(4, 5)
    expected = layer(tokens, positions=positions)
    other = SlotAttention.from_config(
        {**layer.get_config(), "gradient": gradient}
    )
    other.build(tokens.shape)
    other.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        other(tokens, positions=positions), expected, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("gradient", ["implicit", "bilevel"])
def test_gradient_modes_are_of_centers_too(tokens, gradient):
    """Through a single iteration: all of the gradient, or none."""
    positions = grid_positions(4, 5)
    start = np.random.default_rng(0).normal(size=(B, K, D)).astype("float32")
    layer = SlotAttention(K, D, centers=SlotCenters(F), gradient=gradient)
    full = SlotAttention(K, D, centers=SlotCenters(F))
    for one in (layer, full):
        one.build(tokens.shape)
    full.set_weights(layer.get_weights())

    def gradient_of(layer):
        def loss(start):
            slots = layer(
                tokens,
                initial_slots=start,
                positions=positions,
                num_iterations=1,
            )
            return ops.sum(ops.sin(slots)), ()

        return np.array(outputs_and_gradients(loss, [start])[1][0])

    expected = gradient_of(full) * (gradient == "bilevel")
    np.testing.assert_allclose(
        gradient_of(layer), expected, rtol=1e-4, atol=1e-6
    )


def test_positions_and_centers_go_together(layer, tokens):
    with pytest.raises(ValueError, match="`positions` and `centers"):
        layer(tokens)
    with pytest.raises(ValueError, match="`positions` and `centers"):
        SlotAttention(K, D)(tokens, positions=grid_positions(4, 5))


def test_positions_must_fit_the_tokens(layer, tokens):
    with pytest.raises(ValueError, match=r"Received: positions.shape=\(6, 2\)"):
        layer(tokens, positions=grid_positions(2, 3))
