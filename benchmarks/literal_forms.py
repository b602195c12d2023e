"""The package with its rewrites undone: the paper's formulas as they stand.

For comparison alone. Tokens are normalized, keys and values are formed, the
weights of the mean sum to one, the broadcast is formed before the first
transposed convolution, softmax and norm are the usual operations, and gradients
are those of automatic differentiation.
"""

import contextlib
from unittest import mock

import keras
from keras import ops

from keras_slots.layers.decoder import mix_slots, spatial_broadcast_decoder
from keras_slots.layers.fast import layer_norm
from keras_slots.layers.slot_attention import competitive_attention
from keras_slots.layers.slot_attention.token_projections import (
    FormedProjections,
    Projection,
)


@contextlib.contextmanager
def literal_forms():
    """Within, what is traced has the literal forms."""
    decoder = spatial_broadcast_decoder
    attention = competitive_attention
    with (
        mock.patch.object(
            competitive_attention.CompetitiveAttention, "project", _project
        ),
        mock.patch.object(
            competitive_attention.CompetitiveAttention, "gather", _gather
        ),
        mock.patch.object(decoder, "broadcast_deconvolve", _broadcast),
        mock.patch.object(decoder, "deconvolve", lambda x, deconv: deconv(x)),
        mock.patch.object(mix_slots, "masked_softmax", _softmax),
        mock.patch.object(attention, "masked_softmax", _softmax),
        mock.patch.object(
            layer_norm.LayerNorm, "call", keras.layers.LayerNormalization.call
        ),
    ):
        yield


def _broadcast(slots, position_map, deconv):
    return deconv(slots[:, None, None, :] + position_map)


def _softmax(logits, mask, axis):
    _refuse(mask)
    return ops.softmax(logits, axis=axis)


def _project(attention, inputs, mask, *_):
    """Keys and values of normalized tokens."""
    _refuse(mask)
    tokens = attention.norm_inputs(ops.cast(inputs, "float32"))
    tokens = ops.cast(tokens, "float32")
    heads = (attention.num_heads, attention.head_size)
    key, value = (
        Projection(ops.reshape(kernel, (-1, *heads)))
        for kernel in (attention.key_kernel, attention.value_kernel)
    )
    return FormedProjections(tokens, None, key, value)


def _gather(attention, weights, projections, mask):
    """Weights that sum to one over the tokens, times the values."""
    _refuse(mask)
    weights = weights + attention.epsilon  # (B, H, K, N)
    mass = ops.sum(weights, axis=-1, keepdims=True)
    updates = projections.gather(weights / mass, None)  # (B, K, H, F)
    batch, slots, *_ = ops.shape(updates)
    updates = ops.reshape(updates, (batch, slots, -1))
    return ops.cast(updates, attention.compute_dtype)


def _refuse(mask):
    if mask is not None:
        raise NotImplementedError("Masks are not compared here.")
