"""Algorithm 1 of the paper on one screen, line by line as it is printed."""

import math

from keras import ops

from keras_slots.types import Tensor


def literal_slot_attention(
    layer, inputs: Tensor, slots: Tensor, num_iterations: int = 3
) -> tuple[Tensor, Tensor]:
    """Runs Algorithm 1 of Locatello et al. (2020) with a layer's weights.

    This is the form to read. `SlotAttention` computes the same numbers faster
    (see docs/performance.md), and tests hold it to this form.

    Letters: B batch, N tokens, K slots, D slot size.

    Args:
        layer: A built `SlotAttention` with the paper's defaults.
        inputs: Float tensor `(B, N, D_in)`, the tokens.
        slots: Float tensor `(B, K, D)`, the slots before the first iteration.
        num_iterations: Integer T. Defaults to `3`.

    Returns:
        Slots `(B, K, D)` and the attention `(B, K, N)` of the last iteration.

    Example:

    >>> import keras, keras_slots
    >>> from keras_slots.layers import literal_slot_attention
    >>> tokens = keras.random.normal((2, 64, 32), seed=0)
    >>> start = keras.random.normal((2, 4, 16), seed=1)
    >>> layer = keras_slots.SlotAttention(num_slots=4, slot_size=16)
    >>> layer.build(tokens.shape)
    >>> slots, attention = literal_slot_attention(layer, tokens, start)
    >>> slots.shape, attention.shape
    (TensorShape([2, 4, 16]), TensorShape([2, 4, 64]))

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """
    attention, updating = layer.attention, layer.updating
    epsilon, scale = layer.epsilon, 1 / math.sqrt(layer.slot_size)
    inputs = _layer_norm(inputs, attention.norm_inputs)  # Line 3.
    keys = ops.matmul(inputs, attention.key_kernel)  # (B, N, D)
    values = ops.matmul(inputs, attention.value_kernel)  # (B, N, D)
    for _ in range(num_iterations):  # Line 4.
        slots_prev = slots  # Line 5.
        slots = _layer_norm(slots, attention.norm_slots)  # Line 6.
        queries = ops.matmul(slots, attention.query_kernel)  # (B, K, D)
        logits = scale * ops.matmul(keys, ops.swapaxes(queries, 1, 2))
        attn = ops.softmax(logits, axis=-1)  # Line 7, over slots: (B, N, K)
        weights = attn + epsilon
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        updates = ops.matmul(ops.swapaxes(weights, 1, 2), values)  # Line 8.
        slots = _gru(slots_prev, updates, updating.gru)  # Line 9.
        hidden = _layer_norm(slots, updating.norm_mlp)
        slots = slots + updating.mlp_output(updating.mlp_hidden(hidden))  # 10.
    return slots, ops.swapaxes(attn, 1, 2)  # Line 11.


def _layer_norm(x, norm):
    mean = ops.mean(x, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=-1, keepdims=True)
    normed = (x - mean) / ops.sqrt(variance + norm.epsilon)
    return normed * norm.gamma + norm.beta


def _gru(state, inputs, gru):
    """Applies the GRU of Cho et al. (2014), as in the authors' code."""
    bias_x, bias_h = gru.bias[0], gru.bias[1]
    x = ops.split(ops.matmul(inputs, gru.kernel) + bias_x, 3, axis=-1)
    h = ops.split(ops.matmul(state, gru.recurrent_kernel) + bias_h, 3, axis=-1)
    keep, reset = ops.sigmoid(x[0] + h[0]), ops.sigmoid(x[1] + h[1])
    candidate = ops.tanh(x[2] + reset * h[2])
    return keep * state + (1 - keep) * candidate
