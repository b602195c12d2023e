"""SortPool: a set to a vector, each feature sorted by itself."""

import keras
import numpy as np
from keras import ops


class SortPool(keras.layers.Layer):
    """Sums a set after weighting its elements by their rank in each feature.

    Featurewise sort pooling (Zhang et al., 2020). The largest value of each
    feature is multiplied by the first weight of this feature, the second
    largest by the second weight, and so on; the sum is the result. Different
    features can have different largest elements. Equal values keep their order
    in the set, so even equal elements get different weights and can separate in
    a gradient descent, unlike with a sum or a mean.

    The set has a fixed size with a weight for every rank. This is the paper's
    piecewise linear form with one piece less than elements.

    The call takes features `(B, n, L)`, n and L known, and gives `(B, L)`.

    References:
        - [Zhang et al., 2020](https://arxiv.org/abs/1906.02795)
    """

    # Letters: B batch, n elements, L features.

    def build(self, input_shape):
        set_size, num_features = input_shape[1:]
        self.rank_weights = self.add_weight(
            name="rank_weights",
            shape=(set_size, num_features),
            initializer=keras.initializers.RandomNormal(stddev=set_size**-0.5),
        )

    def call(self, features):
        return ops.sum(features * self.element_weights(features), axis=1)

    def element_weights(self, features):
        """Returns the weight of each value: `(B, n, L)`, like `features`.

        The weights are also the gradient of the result for the features, as
        ranks do not change with small changes of the values.
        """
        set_size, num_features = self.rank_weights.shape
        mine = ops.expand_dims(features, 2)  # (B, n, 1, L)
        other = ops.expand_dims(features, 1)  # (B, 1, n, L)
        # For sets this small, comparing all pairs is faster than sorting, and
        # XLA compiles it well.
        earlier = np.tri(set_size, k=-1, dtype=bool)[None, :, :, None]
        is_ahead = ops.logical_or(
            other > mine, ops.logical_and(other == mine, earlier)
        )  # (B, n, n, L)
        rank = ops.sum(ops.cast(is_ahead, "int32"), axis=2)  # (B, n, L)
        place = rank * num_features + ops.arange(num_features, dtype="int32")
        return ops.take(ops.reshape(self.rank_weights, (-1,)), place)
