"""SetEncoder: a set to a vector, and the gradient back to the set."""

import keras
from keras import ops

from keras_slots.layers.dense_layers import dense
from keras_slots.layers.set_decoding.sort_pool import SortPool


class SetEncoder(keras.layers.Layer):
    """Turns a set into a vector, which is the same for every order of the set.

    The encoder of iDSPN (Zhang et al., 2022): an MLP with one hidden layer for
    each element, then `SortPool`. Deep Set Prediction Networks decode with it:
    they search a set that has a given vector, along the gradient of
    `mismatch_gradient`.

    Everything is float32 under every policy, as a search is a sum of many
    small steps.

    The call takes sets `(B, n, d)`, n and d known, and gives vectors `(B, L)`.

    References:
        - [Zhang et al., 2019](https://arxiv.org/abs/1906.06565)
        - [Zhang et al., 2022](https://arxiv.org/abs/2111.12193)
    """

    # Letters: B batch, n elements, d features, H hidden units, L latent.

    def __init__(self, latent_size: int, hidden_size: int, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.latent_size = latent_size
        self.hidden_size = hidden_size

    def build(self, input_shape):
        _, set_size, num_features = input_shape
        self.hidden = dense(
            self, "element_hidden", num_features, self.hidden_size
        )
        self.project = dense(
            self, "element_features", self.hidden_size, self.latent_size
        )
        self.pool = SortPool(name="sort_pool", dtype=self.dtype_policy)
        self.pool.build((None, set_size, self.latent_size))

    def call(self, sets):
        return self.pool(self.project(ops.relu(self.hidden(sets))))

    def mismatch_gradient(self, sets, latent, huber):
        """Computes the gradient of the mismatch with `latent` for the set.

        The mismatch is the Huber loss (delta 1) or half the squared error
        between the two vectors, averaged over their features. Its gradient is
        written by hand because Keras has no operation for gradients. As it
        consists of operations, it can itself be differentiated.

        Returns:
            Float tensor `(B, n, d)`: each example's own gradient.
        """
        before = self.hidden(sets)  # (B, n, H)
        features = self.project(ops.relu(before))  # (B, n, L)
        weights = self.pool.element_weights(features)  # (B, n, L)
        vector = ops.sum(features * weights, axis=1)  # (B, L)

        error = vector - latent  # (B, L)
        if huber:
            error = ops.clip(error, -1.0, 1.0)
        error = ops.expand_dims(error / self.latent_size, 1)  # (B, 1, L)
        gradient = error * weights  # (B, n, L)
        gradient = ops.matmul(gradient, ops.transpose(self.project.kernel))
        gradient = ops.where(before > 0, gradient, 0.0)  # (B, n, H)
        return ops.matmul(gradient, ops.transpose(self.hidden.kernel))
