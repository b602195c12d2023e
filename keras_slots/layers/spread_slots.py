"""SpreadSlots: learned slots that start evenly spread over the image."""

import math

import keras
from keras import ops

from keras_slots.checks import as_number

# The spiral's share of the way from the image's middle to its border. Half of
# the region around a slot at the border would be outside the image.
RADIUS = 0.8


@keras.saving.register_keras_serializable(package="keras_slots")
class SpreadSlots(keras.initializers.Initializer):
    """Initial slots for `SlotAttention` with centers: normal, but apart.

    A slot's first two features are its initial center. This initializer puts
    the centers on a sunflower spiral, which spreads any number of points
    evenly over a disc, and draws all other features from a normal
    distribution. Two slots that start at the same place separate slowly.

    Args:
        stddev: Float, for the other features. Defaults to `1.0`.
        seed: Integer seed. Defaults to `None`.

    Example:

    >>> from keras_slots.layers import (
    ...     SlotAttention,
    ...     SlotCenters,
    ...     SpreadSlots,
    ... )
    >>> layer = SlotAttention(
    ...     num_slots=4,
    ...     slot_size=64,
    ...     slot_initialization="learned",
    ...     slots_initializer=SpreadSlots(),
    ...     centers=SlotCenters(4),
    ... )

    References:
        - Vogel, 1979, "A better way to construct the sunflower head".
    """

    def __init__(self, stddev: float = 1.0, seed: int | None = None):
        self.stddev = as_number("stddev", stddev)
        self.seed = seed

    def __call__(self, shape, dtype=None):
        *_, num_slots, slot_size = shape
        normal = keras.initializers.RandomNormal(
            stddev=self.stddev, seed=self.seed
        )
        features = normal((*shape[:-1], slot_size - 2), dtype=dtype)
        starts = ops.cast(sunflower(num_slots), features.dtype)
        starts = ops.broadcast_to(starts, (*shape[:-1], 2))
        return ops.concatenate([ops.arctanh(starts), features], axis=-1)

    def get_config(self):
        return {"stddev": self.stddev, "seed": self.seed}


def sunflower(num_points: int):
    """Spreads points (num_points, 2) evenly over a disc around the origin."""
    index = ops.arange(num_points, dtype="float32")
    radius = RADIUS * ops.sqrt((index + 0.5) / num_points)
    angle = index * (math.pi * (3 - math.sqrt(5)))
    return ops.stack([radius * ops.sin(angle), radius * ops.cos(angle)], -1)
