"""SlotCenters: a place in the image for every slot.

The paper names relative positions as a promising extension (section 1 of the
supplement, "Translation symmetry"); Biza et al. (2023) made them relative to
each slot. Here a slot's center is the mean position of the tokens it attends
to, and the slot learns where it is and what shape it has around its center.

The shape is told by the attention-weighted mean of Fourier features of the
tokens' positions *relative to the center*, the characteristic function of
what the slot attends to. It need not be computed token by token for every
slot: the features of a difference are a rotation of the features,

    sin f(p - c) = sin fp cos fc - cos fp sin fc
    cos f(p - c) = cos fp cos fc + sin fp sin fc

so the mean of the absolute features, one small product for all slots, is
rotated by each slot's center afterwards.

A slot with a scale, as in Biza et al. (2023), sees its tokens in units of the
standard deviation of what it attends to, along each axis: a shape is then told
alike near and far. Every slot has frequencies of its own, f / s, so that here
the features are computed token by token.

Letters: B batch, N tokens, K slots, D slot size, F frequencies. Positions are
(y, x) pairs in [-1, 1], the outermost pixels' centers at -1 and 1.
"""

import math

import keras
from keras import ops

from keras_slots.checks import as_integer
from keras_slots.layers.dense_layers import dense
from keras_slots.types import Shape, Tensor

# softplus(2) = 2.1: at first a token at the far side of the image is all but
# out of a slot's reach, one at a piece's distance is not.
INITIAL_REACH = 2.0
# Keeps the center of a slot that attends to nothing finite, in the middle.
SMALLEST_SHARE = 1e-8
# Of a slot that attends to a single token, or to nothing: a grid of 40 tokens
# has neighbors at this distance.
SMALLEST_SCALE = 0.05


def grid_positions(height: int, width: int) -> Tensor:
    """Lists the positions of a map's cells row by row: (height * width, 2)."""
    y = ops.linspace(-1.0, 1.0, height, dtype="float32")
    x = ops.linspace(-1.0, 1.0, width, dtype="float32")
    grid = ops.meshgrid(y, x, indexing="ij")
    return ops.reshape(ops.stack(grid, axis=-1), (height * width, 2))


def slot_centers(attention: Tensor, positions: Tensor) -> Tensor:
    """Computes the mean position of the tokens each slot attends to.

    Args:
        attention: Float tensor `(B, K, N)`.
        positions: Float tensor `(N, 2)`.

    Returns:
        Float32 tensor `(B, K, 2)`; where a slot attends to nothing, zero.
    """
    attention = ops.cast(attention, "float32")
    positions = ops.cast(positions, "float32")
    return ops.matmul(attention, positions) / _mass(attention)


def slot_scales(attention: Tensor, positions: Tensor) -> Tensor:
    """Computes the spread of the tokens each slot attends to, for each axis.

    Args:
        attention: Float tensor `(B, K, N)`.
        positions: Float tensor `(N, 2)`.

    Returns:
        Float32 tensor `(B, K, 2)`: standard deviations, and not less than
        `SMALLEST_SCALE`.
    """
    positions = ops.cast(positions, "float32")
    mean = slot_centers(attention, positions)
    mean_square = slot_centers(attention, ops.square(positions))
    variance = ops.maximum(
        mean_square - ops.square(mean), SMALLEST_SCALE**2
    )  # (B, K, 2)
    return ops.sqrt(variance)


def relative_positions(
    positions: Tensor, centers: Tensor, scales: Tensor | None = None
) -> Tensor:
    """Gives positions as slots with centers (B, K, 2) see them: (B, K, N, 2).

    In units of the scales (B, K, 2), if slots have them.
    """
    relative = positions - centers[:, :, None]
    if scales is None:
        return relative
    return relative / ops.cast(scales, "float32")[:, :, None]


def _mass(attention):
    """Sums the attention of each slot: (B, K, 1), safe to divide by."""
    total = ops.sum(attention, axis=-1, keepdims=True)
    return ops.maximum(total, SMALLEST_SHARE)


def is_object(num_slots: int) -> Tensor:
    """Returns 0 for the first slot, the background's, 1 for others: (K, 1)."""
    return ops.cast(ops.arange(num_slots) > 0, "float32")[:, None]


def fourier_angles(positions: Tensor, num_frequencies: int) -> Tensor:
    """Turns positions (..., 2) into octaves of angles, (..., 2 F)."""
    octaves = ops.power(2.0, ops.arange(num_frequencies, dtype="float32"))
    angles = positions[..., None] * (octaves * (math.pi / 2))  # (..., 2, F)
    return ops.reshape(angles, (*ops.shape(angles)[:-2], 2 * num_frequencies))


@keras.saving.register_keras_serializable(package="keras_slots")
class SlotCenters(keras.layers.Layer):
    """Gives every slot a place in the image (beyond the paper).

    The part that `SlotAttention(centers=...)` takes. It says where slots
    start, how far they reach, and what they learn of place and shape.
    Computed in float32 under every policy: a place is exact to a fraction of
    a pixel.

    Letters: B batch, K slots, N tokens, D slot size.

    Args:
        num_frequencies: Integer, how many octaves of Fourier features slots
            learn place and shape from.
        use_scales: Boolean. Slots have a scale too, the spread of the tokens
            they attend to along each axis, and learn their shape in its
            units. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        updates: Float tensor `(B, K, D)`, what each slot gathered.
        attention: Float tensor `(B, K, N)`, not negative.
        positions: Float tensor `(N, 2)`: (y, x) of the tokens, the outermost
            ones at -1 and 1.

    Returns:
        Pair of the slots' new centers `(B, K, 2)` and the updates with the
        slots' places and shapes added, `(B, K, D)`, both float32.

    Raises:
        ValueError: If `num_frequencies` is not a positive integer.

    Example:
    >>> import keras, keras_slots
    >>> from keras_slots.layers import SlotCenters
    >>> layer = keras_slots.SlotAttention(
    ...     num_slots=4, slot_size=16, centers=SlotCenters(4)
    ... )
    >>> tokens = keras.random.normal((2, 3, 32), seed=0)
    >>> positions = keras.ops.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    >>> layer(tokens, positions=positions).shape
    TensorShape([2, 4, 16])

    References:
        - [Biza et al., 2023](https://arxiv.org/abs/2302.04973)
    """

    def __init__(
        self, num_frequencies: int, use_scales: bool = False, **kwargs
    ):
        # Half precision would cost positions and attention their digits.
        super().__init__(autocast=False, **kwargs)
        self.num_frequencies = as_integer("num_frequencies", num_frequencies)
        self.use_scales = use_scales

    def build(self, updates_shape, attention_shape=None, positions_shape=None):
        slot_size = updates_shape[-1]
        self.reach = dense(
            self,
            "reach",
            slot_size,
            1,
            dtype="float32",
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(INITIAL_REACH),
        )
        features = 4 * self.num_frequencies
        place_features = features + (4 if self.use_scales else 2)
        self.tell_place = dense(
            self, "tell_place", place_features, slot_size, dtype="float32"
        )
        self.tell_shape = dense(
            self,
            "tell_shape",
            features,
            slot_size,
            use_bias=False,
            dtype="float32",
        )

    def first_centers(self, slots: Tensor) -> Tensor:
        """Returns centers (B, K, 2) of slots (B, K, D) before they attend.

        The first two features of an initial slot say where it starts.
        """
        return ops.tanh(ops.cast(slots[..., :2], "float32"))

    def distance_penalty(self, slots, centers, positions) -> Tensor:
        """Returns what distance takes off the logits (B, K, N).

        The squared distance between token and center, times how near the
        slot wants its tokens to be, which it decides itself.
        """
        positions = ops.cast(positions, "float32")
        nearness = ops.softplus(self.reach(ops.cast(slots, "float32")))
        # |p - c|^2 = |p|^2 - 2 p.c + |c|^2: no (B, K, N, 2) tensor.
        squared_distance = (
            ops.sum(ops.square(positions), axis=-1)
            - 2.0 * ops.matmul(centers, ops.transpose(positions))
            + ops.sum(ops.square(centers), axis=-1, keepdims=True)
        )  # (B, K, N)
        return nearness * squared_distance

    def call(self, updates, attention, positions):
        attention = ops.cast(attention, "float32")
        positions = ops.cast(positions, "float32")
        centers = slot_centers(attention, positions)
        angles = fourier_angles(centers, self.num_frequencies)  # (B, K, 2 F)
        sin_center, cos_center = ops.sin(angles), ops.cos(angles)
        place = [centers, sin_center, cos_center]
        weights = attention / _mass(attention)  # (B, K, N)
        if self.use_scales:
            scales = slot_scales(attention, positions)
            place.append(ops.log(scales))
            shape = self._scaled_shape(weights, positions, centers, scales)
        else:
            shape = self._shape(weights, positions, sin_center, cos_center)
        learned = self.tell_place(
            ops.concatenate(place, axis=-1)
        ) + self.tell_shape(ops.concatenate(shape, axis=-1))
        return centers, ops.cast(updates, "float32") + learned

    def _shape(self, weights, positions, sin_center, cos_center):
        """Averages sin and cos of f (p - c) by weight: (B, K, 2 F)."""
        angles = fourier_angles(positions, self.num_frequencies)  # (N, 2 F)
        sin_mean = ops.matmul(weights, ops.sin(angles))  # (B, K, 2 F)
        cos_mean = ops.matmul(weights, ops.cos(angles))
        return [
            sin_mean * cos_center - cos_mean * sin_center,
            cos_mean * cos_center + sin_mean * sin_center,
        ]

    def _scaled_shape(self, weights, positions, centers, scales):
        """Averages sin and cos of f (p - c) / s by weight: (B, K, 2 F)."""
        relative = relative_positions(positions, centers, scales)
        angles = fourier_angles(relative, self.num_frequencies)
        weights = weights[:, :, None]  # (B, K, 1, N), angles (B, K, N, 2 F)
        return [
            ops.squeeze(ops.matmul(weights, function(angles)), 2)
            for function in (ops.sin, ops.cos)
        ]

    def compute_output_shape(
        self, updates_shape, attention_shape=None, positions_shape=None
    ) -> tuple[Shape, Shape]:
        return (*updates_shape[:-1], 2), updates_shape

    def compute_output_spec(self, updates, attention, positions):
        return tuple(
            keras.KerasTensor(shape, dtype="float32")
            for shape in self.compute_output_shape(updates.shape)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "num_frequencies": self.num_frequencies,
            "use_scales": self.use_scales,
        }
