"""The rule that decides which predictions find an object."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from keras import ops

from keras_slots.checks import (
    as_integer,
    as_integer_or_none,
    as_number,
    as_sizes,
    as_tuple,
)

# The distance of coordinates that overflow: nearer than without any object.
_FARTHEST = 3e38


@dataclass(frozen=True)
class DetectionRule:
    """The rule for true positives, and the layout of the sets.

    See `keras_slots.metrics.SetAveragePrecision`, which has these arguments.
    """

    distance_thresholds: Sequence[float]
    num_coordinates: int
    category_sizes: Sequence[int]
    distance_scale: float
    inclusive: bool
    num_objects: int | None

    def __post_init__(self):
        as_integer("num_coordinates", self.num_coordinates)
        as_sizes("category_sizes", self.category_sizes)
        as_number("distance_scale", self.distance_scale, above=True)
        as_integer_or_none("num_objects", self.num_objects)
        thresholds = self.distance_thresholds
        as_tuple("distance_thresholds", thresholds, "numbers")
        for index, value in enumerate(thresholds):
            if value != math.inf:
                as_number(f"distance_thresholds[{index}]", value, above=True)
        if not thresholds or len(set(self.labels)) < len(thresholds):
            raise ValueError(
                "`distance_thresholds` must hold one number or more, each "
                f"once. Received: distance_thresholds={thresholds}"
            )

    @property
    def labels(self):
        """Returns the thresholds as written in the names of results."""
        return tuple(f"{value:g}" for value in self.distance_thresholds)

    @property
    def num_features(self):
        """Returns the number of features of an element."""
        return self.num_coordinates + sum(self.category_sizes) + 1

    def true_positives(self, y_true, y_pred):
        """Returns which predictions find an object, at each threshold.

        A prediction bids for one object, the nearest object that has all its
        properties. Of the bidders within the threshold, the most confident
        bidder gets the object. Other similar objects do not matter, so no
        prediction has to wait for another.

        Returns:
            Boolean tensor (T, B, m), T thresholds.
        """
        nearest, distance = self._bids(y_true, y_pred)  # (B, m) each
        thresholds = ops.convert_to_tensor(self.distance_thresholds, "float32")
        bids = ops.expand_dims(distance, 2)  # (B, m, 1)
        within = bids <= thresholds if self.inclusive else bids < thresholds
        within = ops.logical_and(within, ops.isfinite(bids))  # (B, m, T)

        same = ops.expand_dims(nearest, 2) == ops.expand_dims(nearest, 1)
        rivals = ops.logical_and(same, _earlier(y_pred[..., -1]))  # (B, m, m)
        outbid = ops.matmul(
            ops.cast(rivals, "float32"), ops.cast(within, "float32")
        )
        found = ops.logical_and(within, outbid == 0)  # (B, m, T)
        return ops.transpose(found, (2, 0, 1))

    def _bids(self, y_true, y_pred):
        """Returns each prediction's object to bid for, and distance: (B, m).

        The distance is infinite if no object has the prediction's properties.
        """
        y_true = ops.expand_dims(y_true, 1)  # (B, 1, n, d)
        y_pred = ops.expand_dims(y_pred, 2)  # (B, m, 1, d)
        alike = y_true[..., -1] > 0.5  # (B, 1, n): padding is not an object
        start = self.num_coordinates
        for size in self.category_sizes:
            columns = slice(start, start + size)
            start += size
            alike = ops.logical_and(
                alike,
                ops.argmax(y_pred[..., columns], axis=-1)
                == ops.argmax(y_true[..., columns], axis=-1),
            )  # (B, m, n)
        difference = (y_pred - y_true)[..., : self.num_coordinates]
        square = ops.sum(ops.square(self.distance_scale * difference), axis=-1)
        distance = ops.minimum(ops.sqrt(square), _FARTHEST)
        distance = ops.where(alike, distance, math.inf)  # (B, m, n)
        return ops.argmin(distance, axis=2), ops.min(distance, axis=2)


def _earlier(confidence):
    """Returns whether q comes before p in order of confidence: (B, p, q)."""
    place = ops.arange(ops.shape(confidence)[1], dtype="int32")
    before = ops.expand_dims(place, 0) < ops.expand_dims(place, 1)  # (p, q)
    other = ops.expand_dims(confidence, 1)  # (B, 1, q)
    own = ops.expand_dims(confidence, 2)  # (B, p, 1)
    return ops.logical_or(other > own, ops.logical_and(other == own, before))
