"""Tokens and slots left out, and numbers at the edge of their range."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention
from tests.backends import BACKEND, ON_TENSORFLOW, outputs_and_gradients
from tests.golden_weights import assert_close

# Which of 8 tokens and which of 4 slots take part, for two examples.
TOKENS = np.array([[1, 1, 0, 1, 0, 1, 1, 0], [1] * 8], bool)
SLOTS = np.array([[1, 0, 1, 1], [1, 1, 1, 1]], bool)
EACH_NORMALIZATION = pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"softmax_axis": "inputs"},
        {"aggregation": "weighted_sum_layer_norm"},
        {"aggregation": "scaled_sum"},
        {"epsilon_position": "denominator"},
        {"num_heads": 2},
        {"use_layer_norm": False},
        {"slot_communication": "self_attention", "num_heads": 2},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())) or "default",
)


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("float32")


def make_layer(**kwargs):
    return SlotAttention(4, 6, mlp_hidden_size=5, seed=0, **kwargs)


def run(layer, tokens, start, **kwargs):
    outputs = layer(
        tokens, initial_slots=start, return_attention_scores=True, **kwargs
    )
    return [keras.ops.convert_to_numpy(output) for output in outputs]


def assert_finite(tensors):
    for tensor in tensors:
        assert np.all(np.isfinite(np.array(tensor, "float32")))


@EACH_NORMALIZATION
def test_masked_tokens_equal_fewer_tokens(arguments):
    layer = make_layer(**arguments)
    tokens, start = draw(2, 8, 6), draw(2, 4, 6, seed=1)
    slots, attention = run(layer, tokens, start, mask=TOKENS)
    few_slots, few_attention = run(layer, tokens[:1, TOKENS[0]], start[:1])
    assert_close(slots[:1], few_slots, 1e-5)
    assert_close(attention[:1, :, TOKENS[0]], few_attention, 1e-5)
    np.testing.assert_array_equal(attention[0][:, ~TOKENS[0]], 0)
    unmasked, _ = run(layer, tokens, start)
    assert_close(slots[1], unmasked[1], 1e-5)


@EACH_NORMALIZATION
def test_nan_in_a_masked_token_has_no_influence(arguments):
    layer = make_layer(**arguments)
    clean, start = draw(2, 8, 6), draw(2, 4, 6, seed=1)
    spoilt = np.where(TOKENS[:, :, None], clean, np.nan).astype("float32")

    def loss(tokens):
        slots = layer(tokens, initial_slots=start, mask=TOKENS)
        return ops.sum(slots**2), slots

    (expected, _), (slots, gradients) = (
        outputs_and_gradients(loss, [tokens], layer.trainable_weights)
        for tokens in (clean, spoilt)
    )
    # JAX may add up in another order from call to call.
    tolerance = 0.0 if BACKEND == "tensorflow" else 2e-6
    np.testing.assert_allclose(slots, expected, rtol=0, atol=tolerance)
    assert_finite(gradients)
    np.testing.assert_array_equal(np.array(gradients[0])[~TOKENS], 0)


@EACH_NORMALIZATION
def test_masked_slots_equal_fewer_slots(arguments):
    layer = make_layer(**arguments)
    tokens, start = draw(2, 8, 6), draw(2, 4, 6, seed=1)
    start[0, 1] = np.nan  # A slot left out may hold anything.
    slots, attention = run(layer, tokens, start, slot_mask=SLOTS)
    few = run(layer, tokens[:1], start[:1, SLOTS[0]])
    assert_close(slots[:1, SLOTS[0]], few[0], 1e-5)
    assert_close(attention[:1, SLOTS[0]], few[1], 1e-5)
    np.testing.assert_array_equal(slots[0, 1], 0)
    np.testing.assert_array_equal(attention[0, 1], 0)


def test_slots_that_take_part_share_every_token():
    _, attention = run(
        make_layer(), draw(2, 8, 6), draw(2, 4, 6), slot_mask=SLOTS
    )
    np.testing.assert_allclose(attention.sum(axis=1), 1, rtol=1e-6)


def test_masks_may_be_integers_or_floats():
    layer, tokens, start = make_layer(), draw(2, 8, 6), draw(2, 4, 6)
    masks = {"mask": TOKENS, "slot_mask": SLOTS}
    expected, _ = run(layer, tokens, start, **masks)
    for dtype in ("int32", "float32"):
        cast = {name: mask.astype(dtype) for name, mask in masks.items()}
        slots, _ = run(layer, tokens, start, **cast)
        np.testing.assert_array_equal(slots, expected)


@pytest.mark.parametrize("softmax_axis", ["slots", "inputs"])
@pytest.mark.parametrize("left_out", ["mask", "slot_mask"])
def test_everything_masked_is_finite(softmax_axis, left_out):
    """In half precision too: `tests/properties/test_numerical_stress.py`."""
    layer = make_layer(softmax_axis=softmax_axis, epsilon=0.0)
    size = {"mask": 8, "slot_mask": 4}[left_out]
    mask = np.array([[0] * size, [1] * size], bool)

    def loss(tokens, start):
        slots, attention = layer(
            tokens,
            initial_slots=start,
            return_attention_scores=True,
            **{left_out: mask},
        )
        loss = ops.sum(ops.cast(slots, "float32") ** 2)
        return loss, (slots, attention)

    inputs = [draw(2, 8, 6), draw(2, 4, 6)]
    layer.build(inputs[0].shape)
    (slots, attention), gradients = outputs_and_gradients(
        loss, inputs, layer.trainable_weights
    )
    np.testing.assert_array_equal(attention[0], 0)
    if left_out == "slot_mask":
        np.testing.assert_array_equal(slots[0], 0)
    assert_finite([slots, *gradients])


def test_keras_fills_in_the_token_mask():
    """A mask travels with its tokens, and ends at the slots."""
    ids = np.array([[1, 2, 0, 0], [3, 4, 5, 6]])
    embed = keras.layers.Embedding(7, 6, mask_zero=True)
    layer, start = make_layer(), draw(2, 4, 6)
    slots = layer(embed(ids), initial_slots=start)
    expected = layer(
        np.array(embed(ids)), initial_slots=start, mask=np.array(ids != 0)
    )
    np.testing.assert_array_equal(slots, expected)
    assert getattr(slots, "_keras_mask", None) is None


@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        "mixed_float16",
        "mixed_bfloat16",
        # For orthogonal kernels; PyTorch has no QR in half precision.
        pytest.param("float16", marks=ON_TENSORFLOW),
    ],
)
@pytest.mark.parametrize("epsilon", [0.0, 1e-8])
def test_a_dead_slot_is_finite(dtype, epsilon):
    """One slot wins every token outright; the others get exactly none."""
    layer = make_layer(
        dtype=dtype, epsilon=epsilon, temperature=1e-3, num_iterations=1
    )
    start = draw(1, 4, 6)
    tokens = np.repeat(draw(1, 1, 6, seed=2), 8, axis=1)
    layer.build(tokens.shape)

    def loss(tokens):
        slots, attention = layer(
            tokens, initial_slots=start, return_attention_scores=True
        )
        loss = ops.sum(ops.cast(slots, "float32") ** 2)
        return loss, (slots, attention)

    (slots, attention), gradients = outputs_and_gradients(
        loss, [tokens], layer.trainable_weights
    )
    assert np.sum(np.array(attention).max(axis=-1) == 0) == 3
    assert_finite([slots, *gradients])


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("size", [1e-4, 1e4])
def test_large_and_small_inputs_in_half_precision(dtype, size):
    layer, exact = make_layer(dtype=dtype), make_layer()
    tokens, start = size * draw(2, 8, 6), draw(2, 4, 6)
    exact.build(tokens.shape)
    layer.build(tokens.shape)
    layer.set_weights(exact.get_weights())
    slots, attention = run(layer, tokens, start)
    assert np.all(np.isfinite(slots.astype("float32")))
    expected_slots, expected_attention = run(exact, tokens, start)
    assert_close(slots.astype("float32"), expected_slots, 0.05)
    assert_close(attention.astype("float32"), expected_attention, 0.05)


@pytest.mark.parametrize("softmax_axis", ["slots", "inputs"])
def test_one_slot_and_one_token(softmax_axis):
    layer = SlotAttention(1, 6, softmax_axis=softmax_axis)
    _, attention = run(layer, draw(2, 8, 6), draw(2, 1, 6))
    if softmax_axis == "slots":
        np.testing.assert_array_equal(attention, 1)
    _, attention = run(layer, draw(2, 1, 6), draw(2, 1, 6))
    np.testing.assert_array_equal(attention, 1)


def test_a_sum_larger_than_float16_is_finite():
    layer = SlotAttention(
        1, 4, aggregation="weighted_sum", dtype="mixed_float16"
    )
    tokens = np.tile(np.arange(8, dtype="float32"), (1, 16384, 1))
    layer.build(tokens.shape)
    layer.attention.value_kernel.assign(np.full((8, 4), 4.0))
    layer.attention.norm_inputs.beta.assign(np.full(8, 2.0))
    assert np.isfinite(np.array(layer(tokens))).all()
