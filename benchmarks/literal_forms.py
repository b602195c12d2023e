"""The package with its rewrites undone: the paper's formulas as they stand.

For comparison alone. Keys and values are formed, the broadcast is formed
before the first transposed convolution, softmax and norm are the usual
operations, and gradients are those of automatic differentiation. One rewrite
stays, which costs next to nothing: the scale and shift of the tokens' norm
stand in the kernels of the projections.
"""

import contextlib
from unittest import mock

import keras
from keras import ops

from keras_slots.layers import (
    broadcast_deconvolution,
    competitive_attention,
    layer_norm,
    spatial_broadcast_decoder,
    token_projections,
)


@contextlib.contextmanager
def literal_forms():
    """Within, what is traced has the literal forms."""
    decoder = spatial_broadcast_decoder
    attention = competitive_attention
    literal = broadcast_deconvolution.literal_broadcast_deconvolve
    with (
        mock.patch.object(
            token_projections, "absorbing_is_cheaper", lambda *_: False
        ),
        mock.patch.object(decoder, "broadcast_deconvolve", literal),
        mock.patch.object(decoder, "deconvolve", lambda x, deconv: deconv(x)),
        mock.patch.object(decoder, "masked_softmax", _softmax),
        mock.patch.object(attention, "masked_softmax", _softmax),
        mock.patch.object(attention, "normalize", _normalize),
        mock.patch.object(
            layer_norm.LayerNorm, "call", keras.layers.LayerNormalization.call
        ),
    ):
        yield


def _softmax(logits, mask, axis):
    if mask is not None:
        raise NotImplementedError("Masks are not compared here.")
    return ops.softmax(logits, axis=axis)


def _normalize(inputs, epsilon):
    centred = inputs - ops.mean(inputs, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)
