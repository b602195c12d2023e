"""SoftPositionEmbed: positions in a map, section 5.2 of the supplement."""

import math

import keras
from keras import ops

from keras_slots.checks import as_integer
from keras_slots.layers.dense_layers import dense
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class SoftPositionEmbed(keras.layers.Layer):
    """Adds a learned linear map of the position to a feature map.

    Every cell of the map is described by its distance to the four borders,
    each a gradient from 0 to 1 (section 5.2 of the supplement of Locatello
    et al., 2020). A linear layer projects the description to the features
    of the input, and the result is added. Slots see an unordered set of tokens,
    so tokens must carry their positions.

    The grid is made from the size of the input at each call, so one layer
    works for maps of any size.

    Args:
        num_frequencies: Integer F. With F > 0 the four gradients are
            followed by sines and cosines of `pi / 2 * 2 ** f * p` for
            f = 0, ..., F - 1, where p runs from -1 to 1 along each axis:
            4 F more features, which let a linear layer place sharp edges.
            `0` is the paper's embedding. Defaults to `0`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(B, H, W, C)`. B, H and W may be unknown.

    Returns:
        A tensor of the shape of `inputs`.

    Raises:
        ValueError: If `num_frequencies` is not an integer of at least 0, or
            the input is not a map.

    Example:
    >>> import keras
    >>> from keras_slots.layers import SoftPositionEmbed
    >>> layer = SoftPositionEmbed()
    >>> layer(keras.ops.zeros((2, 8, 8, 16))).shape
    TensorShape([2, 8, 8, 16])
    >>> layer(keras.ops.zeros((2, 5, 11, 16))).shape
    TensorShape([2, 5, 11, 16])

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """

    # Letters: B batch, H height, W width, C features, F frequencies.

    def __init__(self, num_frequencies: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.num_frequencies = as_integer(
            "num_frequencies", num_frequencies, minimum=0
        )
        self.input_spec = keras.InputSpec(ndim=4, name="inputs")

    def build(self, input_shape):
        num_features = 4 + 4 * self.num_frequencies
        self.dense = dense(self, "dense", num_features, input_shape[-1])

    def call(self, inputs):
        _, height, width, _ = ops.shape(inputs)
        return inputs + self.embedding(height, width)

    def embedding(self, height, width) -> Tensor:
        """Computes the embedding of a map of this size: `(1, H, W, C)`.

        Both are integers, or scalar tensors.
        """
        return self.dense(self._features(height, width))

    def _features(self, height, width):
        """Describes each cell in float32: (1, H, W, 4 + 4 F)."""
        y, x = ops.meshgrid(_gradient(height), _gradient(width), indexing="ij")
        columns = [y, x, 1 - y, 1 - x]
        for gradient in (y, x):
            angles = [
                math.pi / 2 * 2**f * (2 * gradient - 1)
                for f in range(self.num_frequencies)
            ]
            columns += [ops.sin(angle) for angle in angles]
            columns += [ops.cos(angle) for angle in angles]
        return ops.stack(columns, axis=-1)[None]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_frequencies": self.num_frequencies,
        }


def _gradient(size):
    """Returns `size` values from 0 to 1, both included; 0 for `size` 1."""
    # The size may be a tensor, which `linspace` does not accept. In float32,
    # since float16 cannot represent all integers above 2048.
    steps = ops.maximum(ops.cast(size, "float32") - 1.0, 1.0)
    return ops.arange(size, dtype="float32") / steps
