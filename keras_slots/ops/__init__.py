"""Tensor operations that Keras lacks."""

from keras_slots.ops.linear_assignment import (
    linear_sum_assignment as linear_sum_assignment,
)
