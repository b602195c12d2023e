"""Mean best overlap of segmentations."""

from typing import Any

import keras
from keras import ops

from keras_slots.metrics.object_overlap import mean_over_objects
from keras_slots.metrics.segmentation_mean import SegmentationMean
from keras_slots.metrics.segmentation_pair import SegmentationPair
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class MeanBestOverlap(SegmentationMean):
    """Mean best overlap (mBO) of true objects with predicted segments.

    For each object, the largest intersection over union (IoU) with a slot is
    averaged over the objects of an image, then over images. The result is 1 if
    every object has a slot that covers exactly this object. Each pixel belongs
    to the slot with the largest mask, or to the first of several equal masks.

    Unlike the FG-ARI, the mBO penalizes slots that reach into the background.
    The same slot may be the best for several objects; with
    `keras_slots.metrics.MaskIoU` it counts for one object only.

    With `ignore_background=True` the background, the pixels labeled 0, is
    not an object. An image without objects does not count; if no image counts,
    the result is 0.

    Labels may be any number of any integers. The computation only uses
    `keras.ops` and runs under `jit_compile=True`.

    Args:
        ignore_background: Boolean. Whether to leave out the pixels labeled 0
            as an object. Defaults to `True`.
        name: String. Name of the metric. Defaults to `None`, which means
            `"mbo"` if `ignore_background`, otherwise `"mbo_with_background"`.
        dtype: The dtype of the mean. Defaults to `None`, which means
            `keras.config.floatx()`.

    Call arguments:
        mask: Integer tensor of shape `(batch_size, height, width)`: the true
            label of each pixel, 0 for the background.
        masks: Tensor of shape `(batch_size, num_slots, height, width, 1)`: the
            mask of each slot.
        sample_weight: Optional tensor of shape `(batch_size,)`.

    Example:
    >>> # The object's slot also covers two pixels of the background.
    >>> mask = [[[0, 0, 0, 0], [0, 0, 1, 1]]]
    >>> slot = [[[0, 0, 1, 1], [0, 0, 1, 1]]]
    >>> masks = keras.ops.one_hot(slot, 2, axis=1)[..., None]
    >>> metric = keras_slots.metrics.MeanBestOverlap()
    >>> metric.update_state(mask, masks)
    >>> float(metric.result())
    0.5

    References:
    - [Pont-Tuset et al., 2017](https://arxiv.org/abs/1503.00848)
    - [Seitzer et al., 2023](https://arxiv.org/abs/2209.14860)
    """

    def __init__(
        self,
        ignore_background: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        name = name or ("mbo" if ignore_background else "mbo_with_background")
        super().__init__(mean_best_overlap, ignore_background, name, dtype)


@keras.saving.register_keras_serializable(package="keras_slots")
def mean_best_overlap(
    mask: Tensor, masks: Tensor, ignore_background: bool = True
) -> Tensor:
    """Computes the mean best overlap of objects with slots, per image.

    See `keras_slots.metrics.MeanBestOverlap` for the definition.

    Args:
        mask: Integer tensor of shape `(batch_size, height, width)`: the true
            label of each pixel, 0 for the background.
        masks: Tensor of shape `(batch_size, num_slots, height, width, 1)`: the
            mask of each slot.
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
    >>> mbo = keras_slots.metrics.mean_best_overlap(mask, masks)
    >>> keras.ops.convert_to_numpy(mbo).tolist()
    [0.5]
    """
    pair = SegmentationPair(mask, masks, ignore_background)

    # B batch, K slots.
    def add_best(iou, total):  # (B, K), (B,)
        return (total + ops.max(iou, axis=1),)

    batch_size = ops.shape(pair.labels)[0]
    return mean_over_objects(
        pair,
        add_object=add_best,
        total_of=lambda total: total,
        state=(ops.zeros((batch_size,), dtype="float32"),),
    )
