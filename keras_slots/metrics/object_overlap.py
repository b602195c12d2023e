"""The common base of metrics of overlap between objects and slots."""

import math
from typing import Any

import keras
from keras import ops

from keras_slots.checks import check_sample_weight
from keras_slots.types import Tensor


class ObjectOverlap(keras.metrics.Mean):
    """Mean over images of an overlap between objects and slots.

    Args:
        overlap: Function from `(mask, masks, ignore_background)` to one value
            per image, NaN for an image that does not count.
        ignore_background: Boolean. Whether to leave out the label 0.
        name: String. Name of the metric.
        dtype: The dtype of the mean.
    """

    def __init__(self, overlap, ignore_background, name, dtype):
        super().__init__(name=name, dtype=dtype)
        self.ignore_background = ignore_background
        self._overlap = overlap

    def update_state(
        self, mask: Tensor, masks: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        check_sample_weight(sample_weight)
        values = self._overlap(mask, masks, self.ignore_background)
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


def mean_over_objects(pair, add_object, total_of, state):
    """Averages a total of the objects' IoUs over the objects of each image.

    The intersection over union (IoU) of an object with a slot covers all pixels
    of both, so a slot's pixels on the background reduce it.

    Args:
        pair: `SegmentationPair`, whose segments are the objects.
        add_object: Function `(iou, *state) -> state`. `iou` (B, K): the IoU of
            one object of each image with each slot, all 0 for an image without
            objects left.
        total_of: Function `(*state) -> total`, the sum over objects (B,).
        state: Tuple of tensors, the initial state.

    Returns:
        `float32` tensor (B,), NaN for an image without objects.
    """
    slot_size = pair.count_in_slots(pair.everywhere)  # (B, K)

    def add_segment(cell, num_objects, *state):
        size = ops.sum(cell, axis=1, keepdims=True)  # (B, 1)
        # At least 1, so that the IoU is 0 if neither has a pixel.
        union = ops.maximum(size + slot_size - cell, 1)  # (B, K)
        iou = ops.cast(cell, "float32") / ops.cast(union, "float32")
        present = ops.cast(size[:, 0] > 0, "int32")
        return num_objects + present, *add_object(iou, *state)

    num_objects = ops.zeros_like(slot_size[:, 0])
    num_objects, *state = pair.fold_segments(add_segment, (num_objects, *state))
    count = ops.cast(ops.maximum(num_objects, 1), "float32")
    return ops.where(num_objects == 0, math.nan, total_of(*state) / count)
