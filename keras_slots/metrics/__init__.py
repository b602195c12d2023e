"""Segmentation and set metrics."""

from keras_slots.metrics.adjusted_rand_index import (
    AdjustedRandIndex as AdjustedRandIndex,
)
from keras_slots.metrics.adjusted_rand_index import (
    adjusted_rand_index as adjusted_rand_index,
)
from keras_slots.metrics.mask_iou import MaskIoU as MaskIoU
from keras_slots.metrics.mask_iou import mask_iou as mask_iou
from keras_slots.metrics.mean_best_overlap import (
    MeanBestOverlap as MeanBestOverlap,
)
from keras_slots.metrics.mean_best_overlap import (
    mean_best_overlap as mean_best_overlap,
)
from keras_slots.metrics.set_average_precision import (
    SetAveragePrecision as SetAveragePrecision,
)
from keras_slots.metrics.set_average_precision import (
    set_average_precision as set_average_precision,
)
