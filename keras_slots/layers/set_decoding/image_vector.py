"""ImageVector: a map of tokens to one vector."""

import keras
from keras import ops

from keras_slots.layers.dense_layers import dense

# The map is halved until its sides have at most this number of cells.
LARGEST_SIDE = 4
NUM_FILTERS = 128


class ImageVector(keras.layers.Layer):
    """Turns a map of tokens into one vector that keeps positions.

    Convolutions of stride 2 with ReLU reduce the map to at most 4 x 4 cells.
    Then follows a dense layer over all cells. Deep Set Prediction Networks do
    the same after their residual networks, where a map of 2 x 2 cells is
    flattened.

    The call takes tokens `(B, N, D)`, a map of `grid_size` row by row, and
    gives vectors `(B, latent_size)`.
    """

    def __init__(self, latent_size: int, grid_size, **kwargs):
        super().__init__(**kwargs)
        self.latent_size = latent_size
        self.grid_size = tuple(grid_size)

    def build(self, input_shape):
        shape = (None, *self.grid_size, input_shape[-1])
        self.convs: list[keras.layers.Conv2D] = []
        while max(shape[1:3]) > LARGEST_SIDE:
            conv = keras.layers.Conv2D(
                NUM_FILTERS,
                3,
                strides=2,
                padding="same",
                activation="relu",
                name=f"conv{len(self.convs)}",
                dtype=self.dtype_policy,
            )
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            self.convs.append(conv)
        self.flat_size = shape[1] * shape[2] * shape[3]
        self.project = dense(self, "project", self.flat_size, self.latent_size)

    def call(self, tokens):
        batch, _, size = ops.shape(tokens)
        features = ops.reshape(tokens, (batch, *self.grid_size, size))
        for conv in self.convs:
            features = conv(features)
        return self.project(ops.reshape(features, (batch, self.flat_size)))
