"""The layer normalization of the paper's code: Keras's own, epsilon 1e-3."""

import keras
from keras import ops

from keras_slots.layers.fast.written_gradient import with_written_gradient
from keras_slots.types import Tensor

LAYER_NORM_EPSILON = 1e-3


class LayerNorm(keras.layers.LayerNormalization):
    """Keras's layer normalization, with a gradient written by hand.

    With automatic differentiation, Keras's layer reads and writes its input
    several more times. For a map of tokens, this is a large part of a training
    step. Computes in float32 under every policy, also under float64.
    """

    def call(self, inputs):
        normed = normalize(ops.cast(inputs, "float32"), self.epsilon)
        scale, shift = self.scale_and_shift()
        return ops.cast(normed * scale + shift, self.compute_dtype)

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Returns scale and shift of normalized features: (C,), float32."""
        return ops.cast(self.gamma, "float32"), ops.cast(self.beta, "float32")


def layer_norm(owner: keras.layers.Layer, name: str, shape) -> LayerNorm:
    """Makes a built `LayerNorm` with the dtype policy of its owner."""
    layer = LayerNorm(
        epsilon=LAYER_NORM_EPSILON, name=name, dtype=owner.dtype_policy
    )
    layer.build(shape)
    return layer


def normalize(inputs: Tensor, epsilon: float) -> Tensor:
    """Subtracts the mean of (..., C) over C and divides by its deviation."""

    @with_written_gradient
    def value_of(inputs):
        centered = inputs - _mean(inputs)
        scale = ops.rsqrt(_mean(ops.square(centered)) + epsilon)
        normed = centered * scale

        def gradient(upstream):
            along = normed * _mean(upstream * normed)
            return scale * (upstream - _mean(upstream) - along)

        return normed, gradient

    return value_of(inputs)


def inverse_deviation(inputs: Tensor, epsilon: float) -> Tensor:
    """Computes 1 / sqrt(variance of (..., C) over C + epsilon): shape (...)."""

    @with_written_gradient
    def value_of(inputs):
        mean = _mean(inputs)
        variance = _mean(ops.square(inputs - mean))
        inverse = ops.rsqrt(variance + epsilon)  # (..., 1)

        def gradient(upstream):
            per_row = upstream[..., None] * inverse**3 / inputs.shape[-1]
            return -per_row * (inputs - mean)

        return inverse[..., 0], gradient

    return value_of(inputs)


def _mean(inputs):
    return ops.mean(inputs, axis=-1, keepdims=True)
