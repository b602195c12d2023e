"""Segmentation and set metrics."""

from keras_slots.metrics.adjusted_rand_index import (
    AdjustedRandIndex as AdjustedRandIndex,
)
from keras_slots.metrics.adjusted_rand_index import (
    adjusted_rand_index as adjusted_rand_index,
)
