"""Adjusted Rand index of segmentations."""

from typing import Any

import keras
from keras import ops

from keras_slots.metrics.segmentation_mean import SegmentationMean
from keras_slots.metrics.segmentation_pair import SegmentationPair
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class AdjustedRandIndex(SegmentationMean):
    """Mean adjusted Rand index (ARI) between true and predicted segments.

    The ARI considers all pairs of pixels and measures how often two
    segmentations agree that a pair belongs together or not. It is 1 for equal
    segmentations, in any order of the slots, and 0 on average for random
    segmentations. Each pixel belongs to the slot with the largest mask, or to
    the first of several equal masks.

    With `ignore_background=True` it is the FG-ARI of the paper: pixels
    labeled 0 are left out. Note that it then ignores how much of the
    background a slot covers.

    An image whose foreground has fewer than two pixels, or one object covered
    by a single slot, has no pixels to separate: it counts as 1.

    Labels may be any number of any integers. The computation only uses
    `keras.ops` and runs under `jit_compile=True`.

    Args:
        ignore_background: Boolean. Whether to leave out the pixels labeled
            0. Defaults to `True`.
        name: String. Name of the metric. Defaults to `None`, which means
            `"fg_ari"` if `ignore_background`, otherwise `"ari"`.
        dtype: The dtype of the mean. Defaults to `None`, which means
            `keras.config.floatx()`.

    Call arguments:
        mask: Integer tensor of shape `(batch_size, height, width)`: the true
            label of each pixel, 0 for the background.
        masks: Tensor of shape `(batch_size, num_slots, height, width, 1)`: the
            mask of each slot.
        sample_weight: Optional tensor of shape `(batch_size,)`.

    Example:
    >>> mask = [[[0, 1], [2, 2]]]
    >>> masks = keras.ops.one_hot([[[0, 1], [2, 2]]], 3, axis=1)[..., None]
    >>> metric = keras_slots.metrics.AdjustedRandIndex()
    >>> metric.update_state(mask, masks)
    >>> float(metric.result())
    1.0

    References:
    - [Hubert and Arabie, 1985](https://doi.org/10.1007/BF01908075)
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      section 5.9.
    """

    def __init__(
        self,
        ignore_background: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        name = name or ("fg_ari" if ignore_background else "ari")
        super().__init__(adjusted_rand_index, ignore_background, name, dtype)


@keras.saving.register_keras_serializable(package="keras_slots")
def adjusted_rand_index(
    mask: Tensor, masks: Tensor, ignore_background: bool = True
) -> Tensor:
    """Computes the adjusted Rand index of predicted segments, per image.

    See `keras_slots.metrics.AdjustedRandIndex` for the definition.

    Args:
        mask: Integer tensor of shape `(batch_size, height, width)`: the true
            label of each pixel, 0 for the background.
        masks: Tensor of shape `(batch_size, num_slots, height, width, 1)`: the
            mask of each slot.
        ignore_background: Boolean. Whether to leave out the pixels labeled
            0. Defaults to `True`.

    Returns:
        `float32` tensor of shape `(batch_size,)`.

    Raises:
        ValueError: If the shapes are not as above.

    Example:
    >>> mask = [[[1, 1, 2, 2]]]
    >>> masks = keras.ops.one_hot([[[0, 0, 0, 1]]], 2, axis=1)[..., None]
    >>> ari = keras_slots.metrics.adjusted_rand_index(mask, masks)
    >>> keras.ops.convert_to_numpy(ari).tolist()
    [0.0]
    """
    pair = SegmentationPair(mask, masks, ignore_background)
    return _index(*_pair_counts(pair))


def _index(together, only_true, only_pred, apart):
    """Computes the index from the numbers of pairs that are joined.

    Hubert and Arabie's index with its denominator multiplied out (Steinley,
    2004, equation 3). The numerator is bounded by the denominator term by
    term, so rounding errors do not grow for any of these numbers.
    """
    agreement = 2.0 * (together * apart - only_true * only_pred)
    possible = (together + only_true) * (only_true + apart) + (
        together + only_pred
    ) * (only_pred + apart)
    degenerate = possible == 0
    return ops.where(
        degenerate, 1.0, agreement / ops.where(degenerate, 1.0, possible)
    )


def _pair_counts(pair):
    """Counts ordered pixel pairs, (B,) each.

    In this order: pairs in one segment in both segmentations, only in the true
    segmentation, only in the predicted segmentation, and in neither.

    Each count is a sum of products of non-negative integers, taken one cell
    (label, slot) at a time. Nothing cancels, so float32 keeps seven digits
    even for the 2.7e8 pairs of an image of 128 x 128.
    """
    # B batch, K slots.
    slot_size = ops.cast(pair.count_in_slots(pair.in_segment), "float32")
    total = ops.sum(slot_size, axis=1, keepdims=True)  # (B, 1)
    zeros = ops.zeros_like(slot_size[:, 0])

    def add_label(cell, together, only_true, only_pred, apart):
        cell = ops.cast(cell, "float32")  # (B, K)
        size = ops.sum(cell, axis=1, keepdims=True)
        return (
            together + ops.sum(cell * (cell - 1.0), axis=1),
            only_true + ops.sum(cell * (size - cell), axis=1),
            only_pred + ops.sum(cell * (slot_size - cell), axis=1),
            apart + ops.sum(cell * (total - size - slot_size + cell), axis=1),
        )

    return pair.fold_segments(add_label, (zeros, zeros, zeros, zeros))
