"""IoU of objects and slots that are matched one to one."""

from typing import Any

import keras
from keras import ops

from keras_slots.metrics.object_overlap import mean_over_objects
from keras_slots.metrics.segmentation_mean import SegmentationMean
from keras_slots.metrics.segmentation_pair import SegmentationPair
from keras_slots.ops.linear_assignment import linear_sum_assignment
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class MaskIoU(SegmentationMean):
    """Mean intersection over union (mIoU) of objects and their slots.

    Objects and slots are matched one to one, so that the sum of their
    intersections over union (IoU) is largest. An object without a slot counts
    as 0. The IoUs are averaged over the objects of an image, then over images.
    The result is 1 if every object has a slot that covers exactly this object.
    Each pixel belongs to the slot with the largest mask, or to the first of
    several equal masks.

    Unlike the FG-ARI, the metric penalizes slots that reach into the
    background. It also penalizes a slot that covers several objects: the slot
    counts for one object, but in `keras_slots.metrics.MeanBestOverlap` for all.
    Unmatched slots are not penalized.

    With `ignore_background=True` the background, the pixels labeled 0, is
    not an object. An image without objects does not count; if no image counts,
    the result is 0.

    Labels may be any number of any integers; the number of slots must be
    static. The computation only uses `keras.ops` and runs under
    `jit_compile=True`.

    Args:
        ignore_background: Boolean. Whether to leave out the pixels labeled 0
            as an object. Defaults to `True`.
        name: String. Name of the metric. Defaults to `None`, which means
            `"mask_iou"` if `ignore_background`, otherwise
            `"mask_iou_with_background"`.
        dtype: The dtype of the mean. Defaults to `None`, which means
            `keras.config.floatx()`.

    Call arguments:
        mask: Integer tensor of shape `(batch_size, height, width)`: the true
            label of each pixel, 0 for the background.
        masks: Tensor of shape `(batch_size, num_slots, height, width, 1)`: the
            mask of each slot.
        sample_weight: Optional tensor of shape `(batch_size,)`.

    Example:
    >>> # One slot for both objects matches half of one of them.
    >>> mask = [[[0, 0, 1, 1], [0, 0, 2, 2]]]
    >>> slot = [[[0, 0, 1, 1], [0, 0, 1, 1]]]
    >>> masks = keras.ops.one_hot(slot, 2, axis=1)[..., None]
    >>> metric = keras_slots.metrics.MaskIoU()
    >>> metric.update_state(mask, masks)
    >>> float(metric.result())
    0.25

    References:
    - [Kuhn, 1955](https://doi.org/10.1002/nav.3800020109)
    - [Wu et al., 2023](https://arxiv.org/abs/2210.05861)
    """

    def __init__(
        self,
        ignore_background: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        name = name or (
            "mask_iou" if ignore_background else "mask_iou_with_background"
        )
        super().__init__(mask_iou, ignore_background, name, dtype)


@keras.saving.register_keras_serializable(package="keras_slots")
def mask_iou(
    mask: Tensor, masks: Tensor, ignore_background: bool = True
) -> Tensor:
    """Computes the mean IoU of objects and their matched slots, per image.

    See `keras_slots.metrics.MaskIoU` for the definition.

    Args:
        mask: Integer tensor of shape `(batch_size, height, width)`: the true
            label of each pixel, 0 for the background.
        masks: Tensor of shape `(batch_size, num_slots, height, width, 1)`: the
            mask of each slot. The number of slots must be static.
        ignore_background: Boolean. Whether to leave out the pixels labeled 0
            as an object. Defaults to `True`.

    Returns:
        `float32` tensor of shape `(batch_size,)`, NaN for an image without
        objects.

    Raises:
        ValueError: If the shapes are not as above.

    Example:
    >>> mask = [[[1, 1, 2, 2]]]
    >>> masks = keras.ops.one_hot([[[0, 0, 0, 0]]], 2, axis=1)[..., None]
    >>> iou = keras_slots.metrics.mask_iou(mask, masks)
    >>> keras.ops.convert_to_numpy(iou).tolist()
    [0.25]
    """
    pair = SegmentationPair(mask, masks, ignore_background)
    num_slots = ops.convert_to_tensor(masks).shape[1]
    if num_slots is None:
        raise ValueError(
            "`masks` must have a static number of slots. "
            f"Received: masks.shape={tuple(masks.shape)}"
        )

    # The number of objects is not known in advance, and a matching needs a
    # table of static size. When the table is full, the objects without a slot
    # in the best matching are removed. They also have no slot in a best
    # matching with more objects: one more object moves slots along a single
    # path that starts at this object.
    #
    # B batch, K slots, `table` (B, 2 K, K) the IoUs; free rows are 0.
    num_rows = 2 * num_slots
    row = ops.reshape(ops.arange(num_rows, dtype="int32"), (1, -1, 1))

    def add_row(iou, table, used):
        full = used == num_rows
        table = ops.cond(full, lambda: _best_rows(table), lambda: table)
        used = ops.where(full, num_slots, used)
        iou = ops.expand_dims(iou, 1)  # (B, 1, K)
        return ops.where(row == used, iou, table), used + 1

    batch_size = ops.shape(pair.labels)[0]
    return mean_over_objects(
        pair,
        add_object=add_row,
        total_of=lambda table, used: ops.sum(
            ops.where(_matched(table), table, 0.0), axis=(1, 2)
        ),
        state=(
            ops.zeros((batch_size, num_rows, num_slots), dtype="float32"),
            ops.convert_to_tensor(0, dtype="int32"),
        ),
    )


def _matched(table):
    """Returns which object and slot are matched, by their IoUs: (B, n, K)."""
    slot = linear_sum_assignment(-table)  # (B, n), -1 for none
    slots = ops.arange(table.shape[2], dtype="int32")
    return ops.expand_dims(slot, 2) == slots


def _best_rows(table):
    """Moves matched rows to the front, then rows of 0: (B, 2 K, K) -> same."""
    # Every slot has a row, as there are more rows than slots.
    row = ops.argmax(ops.cast(_matched(table), "int32"), axis=1)  # (B, K)
    best = ops.take_along_axis(table, ops.expand_dims(row, 2), axis=1)
    return ops.concatenate([best, ops.zeros_like(best)], axis=1)
