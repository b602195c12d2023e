"""Layers of the user's own in place of the update and the communication."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention
from tests.backends import EAGERLY


@keras.saving.register_keras_serializable(package="tests")
class ForgetUpdate(keras.layers.Layer):
    """Forgets and takes in by gates, as an LSTM without an output gate."""

    def build(self, updates_shape, slots_shape):
        size = slots_shape[-1]
        self.gates = keras.layers.Dense(3 * size, dtype=self.dtype_policy)
        self.gates.build((*slots_shape[:-1], 2 * size))

    def call(self, updates, slots):
        both = ops.concatenate([updates, slots], axis=-1)
        forget, take, new = ops.split(self.gates(both), 3, axis=-1)
        kept = ops.sigmoid(forget) * slots
        return kept + ops.sigmoid(take) * ops.tanh(new)


@keras.saving.register_keras_serializable(package="tests")
class MeanOfSlots(keras.layers.Layer):
    """Adds the mean of all slots that take part to each of them."""

    def call(self, slots, slot_mask=None):
        if slot_mask is None:
            return slots + ops.mean(slots, axis=1, keepdims=True)
        weights = ops.cast(slot_mask, slots.dtype)[:, :, None]
        total = ops.sum(slots * weights, axis=1, keepdims=True)
        return slots + total / ops.sum(weights, axis=1, keepdims=True)


@keras.saving.register_keras_serializable(package="tests")
class LastFeatures(keras.layers.Layer):
    def call(self, *slots):
        return slots[0][..., 1:]


def _inputs():
    random = np.random.default_rng(0)
    tokens = random.normal(size=(2, 10, 5)).astype("float32")
    return tokens, random.normal(size=(2, 3, 4)).astype("float32")


def test_an_update_of_one_s_own_takes_the_gru_s_place():
    tokens, slots = _inputs()
    update = ForgetUpdate()
    layer = SlotAttention(3, 4, num_iterations=1, update=update, use_mlp=False)
    actual = layer(tokens, initial_slots=slots)
    bare = SlotAttention(3, 4, num_iterations=1, update="none", use_mlp=False)
    bare.build(tokens.shape)
    bare.attention.set_weights(layer.attention.get_weights())
    expected = update(bare(tokens, initial_slots=slots), slots)
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    assert not any("gru" in weight.path for weight in layer.weights)


def test_slots_communicate_by_a_layer_of_one_s_own():
    tokens, slots = _inputs()
    layer = SlotAttention(3, 4, slot_communication=MeanOfSlots())
    plain = SlotAttention(3, 4, num_iterations=1)
    layer(tokens)
    plain.build(tokens.shape)
    plain.set_weights(layer.get_weights())
    mask = np.array([[True, True, False], [True, True, True]])
    alone = ops.convert_to_numpy(
        plain(tokens, initial_slots=slots, slot_mask=mask)
    )
    actual = layer(
        tokens, initial_slots=slots, slot_mask=mask, num_iterations=1
    )
    counts = mask.sum(axis=1)[:, None, None]
    expected = alone + alone.sum(axis=1, keepdims=True) / counts
    expected = expected * mask[:, :, None]
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_layers_of_one_s_own_are_saved_and_trained(tmp_path):
    tokens, slots = _inputs()
    inputs = keras.Input((None, 5))
    layer = SlotAttention(
        3,
        4,
        slot_initialization="learned",
        update=ForgetUpdate(),
        slot_communication=MeanOfSlots(),
    )
    model = keras.Model(inputs, layer(inputs))
    kernel = ops.convert_to_numpy(layer.update.gates.kernel)
    model.compile("sgd", "mse", run_eagerly=EAGERLY)
    model.fit(tokens, np.ones_like(slots), verbose=0)
    assert np.abs(kernel - layer.update.gates.kernel).max() > 0
    model.save(tmp_path / "model.keras")
    revived = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(revived(tokens), model(tokens), atol=1e-6)


@pytest.mark.parametrize("name", ["update", "slot_communication"])
def test_a_layer_must_give_slots(name):
    layer = SlotAttention(3, 4, **{name: LastFeatures()})
    with pytest.raises(ValueError, match=rf"`{name}` .*Received: {name}="):
        layer(_inputs()[0])


def test_what_is_past_epsilon_has_a_name():
    with pytest.raises(TypeError, match="positional"):
        SlotAttention(3, 4, 3, 128, 1e-8, "weighted_sum")
