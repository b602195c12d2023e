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

from keras_slots.layers.decoder import spatial_broadcast_decoder
from keras_slots.layers.fast import masked_softmax
from keras_slots.layers.fast.layer_norm import LayerNorm
from keras_slots.layers.slot_attention.competitive_attention import (
    CompetitiveAttention,
)
from keras_slots.layers.slot_attention.token_projections import (
    FormedProjections,
    Projection,
)


@contextlib.contextmanager
def literal_forms():
    """Gives what is traced within the literal forms."""
    attention = {"project": project, "gather": gather}
    decoder = {"broadcast_deconvolve": broadcast, "deconvolve": deconvolve}
    layer_norm = keras.layers.LayerNormalization.call
    with (
        mock.patch.multiple(CompetitiveAttention, **attention),
        mock.patch.multiple(spatial_broadcast_decoder, **decoder),
        mock.patch.object(masked_softmax, "_softmax", ops.softmax),
        mock.patch.object(LayerNorm, "call", layer_norm),
    ):
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


def broadcast(slots, position_map, deconv):
    """Forms the broadcast that the first layer decodes."""
    return deconv(slots[:, None, None, :] + position_map)


def deconvolve(x, deconv):
    """Leaves the transposed convolution to Keras."""
    return deconv(x)
