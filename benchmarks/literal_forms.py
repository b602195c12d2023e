"""Models with the rewrites undone: the paper's formulas as they stand.

For comparison alone, of whole models, with centers or without; of a layer with
the paper's defaults, `layers.literal_slot_attention` is the literal form.
Tokens are normalized, keys and values are formed, the weights of the mean sum
to one, the broadcast is formed before the first transposed convolution, softmax
and norm are the usual operations, and gradients are those of automatic
differentiation.
"""

import contextlib
from unittest import mock

import keras
from keras import ops

from keras_slots.layers.decoder import mix_slots, spatial_broadcast_decoder
from keras_slots.layers.fast.layer_norm import LayerNorm
from keras_slots.layers.slot_attention import competitive_attention
from keras_slots.layers.slot_attention.token_projections import (
    FormedProjections,
    Projection,
)


@contextlib.contextmanager
def literal_forms():
    """Gives what is traced within the literal forms."""
    attention = competitive_attention.CompetitiveAttention
    with contextlib.ExitStack() as stack:
        for owner, name, literal in (
            (attention, "project", project),
            (attention, "gather", gather),
            (competitive_attention, "masked_softmax", softmax),
            (mix_slots, "masked_softmax", softmax),
            (spatial_broadcast_decoder, "broadcast_deconvolve", broadcast),
            (
                spatial_broadcast_decoder,
                "deconvolve",
                lambda x, layer: layer(x),
            ),
            (LayerNorm, "call", keras.layers.LayerNormalization.call),
        ):
            stack.enter_context(mock.patch.object(owner, name, literal))
        yield


def project(attention, inputs, *_):
    """Forms keys and values of normalized tokens, for one head."""
    tokens = ops.cast(attention.norm_inputs(inputs), "float32")
    kernels = attention.key_kernel, attention.value_kernel
    projections = (Projection(kernel[:, None]) for kernel in kernels)
    return FormedProjections(tokens, None, *projections)


def gather(attention, weights, projections, _):
    """Makes weights (B, 1, K, N) sum to one over the tokens."""
    weights = weights + attention.epsilon
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    updates = projections.gather(weights, None)[:, :, 0]  # (B, K, D)
    return ops.cast(updates, attention.compute_dtype)


def softmax(logits, mask, axis):
    """Leaves the softmax to Keras; masks are not compared here."""
    assert mask is None
    return ops.softmax(logits, axis=axis)


def broadcast(slots, position_map, deconv):
    """Forms the broadcast that the first layer decodes."""
    return deconv(slots[:, None, None, :] + position_map)
