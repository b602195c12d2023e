"""The layer normalisation of the paper's code: Keras's own, epsilon 1e-3."""

import keras

LAYER_NORM_EPSILON = 1e-3


def layer_norm(owner: keras.layers.Layer, name: str, shape):
    """A built `LayerNormalization` under the dtype policy of its owner."""
    layer = keras.layers.LayerNormalization(
        epsilon=LAYER_NORM_EPSILON, name=name, dtype=owner.dtype_policy
    )
    layer.build(shape)
    return layer
