"""Segmentation and set metrics."""

from keras_slots.metrics.adjusted_rand_index import (
    AdjustedRandIndex as AdjustedRandIndex,
)
from keras_slots.metrics.adjusted_rand_index import (
    adjusted_rand_index as adjusted_rand_index,
)
from keras_slots.metrics.set_average_precision import (
    SetAveragePrecision as SetAveragePrecision,
)
from keras_slots.metrics.set_average_precision import (
    set_average_precision as set_average_precision,
)
