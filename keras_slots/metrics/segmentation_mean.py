"""The common base of metrics of segmentations."""

from typing import Any

import keras
from keras import ops

from keras_slots.checks import check_sample_weight
from keras_slots.types import Tensor


class SegmentationMean(keras.metrics.Mean):
    """Mean over images of how well slots fit the true segments.

    `measure` is a function from `(mask, masks, ignore_background)` to one value
    per image, NaN for an image that does not count.
    """

    def __init__(self, measure, ignore_background, name, dtype):
        super().__init__(name=name, dtype=dtype)
        self.ignore_background = ignore_background
        self._measure = measure

    def update_state(
        self, mask: Tensor, masks: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        check_sample_weight(sample_weight)
        values = self._measure(mask, masks, self.ignore_background)
        left_out = ops.isnan(values)
        weight = ops.cast(~left_out, "float32")
        if sample_weight is not None:
            # One weight per image, also as a column, or one for all images.
            given = ops.reshape(ops.convert_to_tensor(sample_weight), (-1,))
            weight = weight * ops.cast(given, "float32")
        super().update_state(
            ops.where(left_out, 0.0, values), sample_weight=weight
        )

    def get_config(self) -> dict[str, Any]:
        config = {"ignore_background": self.ignore_background}
        return {**super().get_config(), **config}
