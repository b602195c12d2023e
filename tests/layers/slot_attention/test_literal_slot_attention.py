"""The form to read, the NumPy reference and the fast layer give the same."""

import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention
from keras_slots.layers import literal_slot_attention
from tests.algorithm_1 import algorithm_1


def _arrays(num_tokens):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(2, num_tokens, 6)).astype("float32")
    slots = random.normal(size=(2, 3, 8)).astype("float32")
    return inputs, slots


# With few tokens the layer forms keys and values; with many it does not.
@pytest.mark.parametrize("num_tokens", [2, 40])
@pytest.mark.parametrize("num_iterations", [1, 3])
def test_the_fast_layer_gives_the_literal_form(num_tokens, num_iterations):
    inputs, slots = _arrays(num_tokens)
    layer = SlotAttention(3, 8, epsilon=0.01)
    actual = layer(
        inputs,
        initial_slots=slots,
        num_iterations=num_iterations,
        return_attention_scores=True,
    )
    expected = literal_slot_attention(layer, inputs, slots, num_iterations)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(one),
            ops.convert_to_numpy(other),
            rtol=1e-4,
            atol=1e-5,
        )


def test_the_literal_form_is_the_paper_s():
    inputs, slots = _arrays(20)
    layer = SlotAttention(3, 8)
    layer.build(inputs.shape)
    weights = {
        weight.path.split("/", 1)[1]: ops.convert_to_numpy(weight)
        for weight in layer.weights
    }
    actual, attention = literal_slot_attention(layer, inputs, slots)
    for example in range(2):
        all_slots, all_attention = algorithm_1(
            inputs[example], slots[example], weights
        )
        np.testing.assert_allclose(actual[example], all_slots[-1], atol=1e-5)
        np.testing.assert_allclose(
            attention[example], all_attention[-1], atol=1e-5
        )
