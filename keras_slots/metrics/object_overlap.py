"""The overlap of objects with slots, averaged over the objects."""

import math

from keras import ops


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
