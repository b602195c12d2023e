"""Slots that attend to each other, beyond the paper."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention
from keras_slots.layers.slot_attention.slot_communication import (
    SlotCommunication,
)
from tests.algorithm_1 import layer_norm, softmax
from tests.backends import dtype_of, outputs_and_gradients
from tests.golden_weights import assert_close

SLOTS = np.array([[1, 0, 1, 1], [0, 0, 0, 0]], bool)


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("float32")


def make_layer(**kwargs):
    layer = SlotAttention(
        4, 6, num_heads=2, slot_communication="self_attention", seed=0, **kwargs
    )
    layer.build((None, None, 5))
    for seed, weight in enumerate(layer.weights):
        noise = 0.3 * draw(*weight.shape, seed=seed)
        weight.assign(np.array(weight) + noise)
    return layer


def communication(slots, weights):
    """Self-attention of one example (K, D) in NumPy, a loop over heads."""
    normed = layer_norm(slots, weights, "norm_messages")
    total = weights["messages/attention_output/bias"]
    for head in range(2):
        queries, keys, values = (
            normed @ weights[f"messages/{name}/kernel"][:, head]
            + weights[f"messages/{name}/bias"][head]
            for name in ("query", "key", "value")
        )
        logits = queries @ keys.T / np.sqrt(queries.shape[-1])
        gathered = softmax(logits, axis=1) @ values
        kernel = weights["messages/attention_output/kernel"][head]
        total = total + gathered @ kernel
    return slots + total


def test_equals_self_attention_in_numpy():
    layer, slots = make_layer().communication, draw(2, 4, 6)
    weights = {
        weight.path.split("communication/")[1]: np.array(weight, "float64")
        for weight in layer.weights
    }
    actual = layer(slots, None)
    for example in range(2):
        assert_close(actual[example], communication(slots[example], weights))


def test_every_iteration_ends_in_it():
    layer = make_layer()
    plain = SlotAttention(4, 6, num_heads=2)
    plain.build((None, None, 5))
    shared = [w for w in layer.weights if "communication" not in w.path]
    for weight, value in zip(plain.weights, shared, strict=True):
        weight.assign(value)
    tokens, slots = draw(2, 9, 5), draw(2, 4, 6)
    actual = layer(tokens, initial_slots=slots, return_all_iterations=True)
    for iteration in range(3):
        slots = plain(tokens, initial_slots=slots, num_iterations=1)
        slots = layer.communication(slots, None)
        assert_close(actual[:, iteration], slots, 1e-5)


def test_slots_that_take_no_part_neither_send_nor_receive():
    layer, slots = make_layer().communication, draw(2, 4, 6)
    actual = np.array(layer(slots, SLOTS))
    alone = layer(slots[:1, SLOTS[0]], None)
    assert_close(actual[:1, SLOTS[0]], alone, 1e-5)
    np.testing.assert_array_equal(actual[~SLOTS], slots[~SLOTS])
    other = np.where(SLOTS[:, :, None], slots, 9.0).astype("float32")
    np.testing.assert_array_equal(
        np.array(layer(other, SLOTS))[SLOTS], actual[SLOTS]
    )


@pytest.mark.parametrize(
    "dtype", ["float32", "mixed_float16", "mixed_bfloat16"]
)
def test_slots_left_out_are_zero_and_gradients_finite(dtype):
    layer = make_layer(dtype=dtype)

    def loss(tokens, start):
        slots = layer(tokens, initial_slots=start, slot_mask=SLOTS)
        return ops.sum(ops.cast(slots, "float32") ** 2), slots

    slots, gradients = outputs_and_gradients(
        loss, [draw(2, 9, 5), draw(2, 4, 6)], layer.trainable_weights
    )
    assert dtype_of(slots) == layer.compute_dtype
    np.testing.assert_array_equal(np.array(slots, "float32")[~SLOTS], 0)
    assert np.all(np.isfinite(np.array(slots, "float32")))
    for gradient in gradients:
        assert np.all(np.isfinite(np.array(gradient, "float32")))


@pytest.mark.parametrize("gradient", ["full", "implicit", "bilevel"])
def test_gradient_modes(gradient):
    layer, full = make_layer(gradient=gradient), make_layer()
    full.set_weights(layer.get_weights())
    tokens, start = draw(2, 9, 5), draw(2, 4, 6)
    weights = layer.communication.trainable_weights

    def loss(start):
        slots = layer(tokens, initial_slots=start)
        return ops.sum(ops.sin(slots)), slots

    slots, (first, *others) = outputs_and_gradients(loss, [start], weights)
    expected = full(tokens, initial_slots=start)
    np.testing.assert_allclose(slots, expected, rtol=1e-5, atol=1e-6)
    assert np.any(np.array(first)) == (gradient != "implicit")
    for weight, other in zip(weights, others, strict=True):
        # A softmax does not see what all its logits share.
        assert weight.path.endswith("key/bias") or np.any(np.array(other))


def test_weight_names_are_a_file_format():
    layer = SlotAttention(
        3, 6, slot_communication="self_attention", name="slots"
    )
    layer.build((None, None, 4))
    plain = SlotAttention(3, 6, name="slots")
    plain.build((None, None, 4))
    paths = [weight.path for weight in layer.weights]
    added = set(paths) - {weight.path for weight in plain.weights}
    assert len(paths) - len(plain.weights) == len(added) == 10
    assert {path.removeprefix("slots/communication/") for path in added} == {
        "norm_messages/gamma",
        "norm_messages/beta",
        *(
            f"messages/{name}/{kind}"
            for name in ("query", "key", "value", "attention_output")
            for kind in ("kernel", "bias")
        ),
    }


def test_no_layer_norm_where_the_layer_has_none():
    layer = SlotCommunication(6, 2, False, keras.initializers.GlorotUniform())
    layer.build((None, None, 6))
    assert len(layer.weights) == 8
