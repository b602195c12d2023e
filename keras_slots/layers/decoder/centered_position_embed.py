"""CenteredPositionEmbed: positions of a grid's cells relative to each slot."""

import keras
from keras import ops

from keras_slots.layers.dense_layers import dense
from keras_slots.layers.slot_centers import fourier_angles, relative_positions
from keras_slots.types import Tensor


class CenteredPositionEmbed(keras.layers.Layer):
    """Embeds positions relative to centers, by Fourier features.

    A part of `SpatialBroadcastDecoder`. With it the decoder learns the look of
    an object once, and not again for every place in the image.

    Letters: B batch, K slots, D slot size, P positions, H, W image.
    """

    def __init__(self, num_frequencies, **kwargs):
        # Positions stay in float32: a fraction of a pixel is visible.
        super().__init__(autocast=False, **kwargs)
        self.num_frequencies = num_frequencies

    def build(self, slots_shape):
        slot_size = slots_shape[-1]
        num_features = 4 * self.num_frequencies + 2
        self.dense = dense(self, "dense", num_features, slot_size)
        self.correction = dense(
            self,
            "correction",
            slot_size,
            2,
            kernel_initializer="zeros",
            dtype="float32",
        )

    def correct(self, slots: Tensor, centers: Tensor) -> Tensor:
        """Corrects centers (B, K, 2) by the slots (B, K, D).

        The mean position of a slot's attention is near the object's center,
        and the slot itself has more exact information.
        """
        return ops.cast(centers, "float32") + self.correction(slots)

    def call(
        self, positions: Tensor, centers: Tensor, scales: Tensor | None = None
    ) -> Tensor:
        """Embeds positions (P, 2) around centers (B, K, 2): (B, K, P, D).

        With scales (B, K, 2), positions are measured in these units.
        """
        relative = relative_positions(positions, centers, scales)
        angles = fourier_angles(relative, self.num_frequencies)
        features = [relative, ops.sin(angles), ops.cos(angles)]
        return self.dense(ops.concatenate(features, axis=-1))


def cell_positions(grid_size, image_size, pixels_per_cell) -> Tensor:
    """Returns the middles of a grid's cells (h * w, 2) as pixel positions."""
    axes = []
    for cells, size in zip(grid_size, image_size, strict=True):
        middles = pixels_per_cell * ops.arange(cells, dtype="float32")
        middles = middles + (pixels_per_cell - 1) / 2
        axes.append(2 * middles / max(size - 1, 1) - 1)
    grid = ops.meshgrid(*axes, indexing="ij")
    return ops.reshape(ops.stack(grid, axis=-1), (-1, 2))


def squared_distances(centers: Tensor, image_size) -> Tensor:
    """Computes squared distances to centers (B, K, 2): (B, K, H, W, 1)."""
    y, x = (
        ops.square(
            ops.linspace(-1.0, 1.0, size, dtype=centers.dtype)
            - centers[..., axis, None]
        )
        for axis, size in enumerate(image_size)
    )  # (B, K, H) and (B, K, W)
    return (y[:, :, :, None] + x[:, :, None])[..., None]
