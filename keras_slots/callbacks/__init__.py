"""Callbacks for `fit`."""

from keras_slots.callbacks.training_checkpoint import (
    TrainingCheckpoint as TrainingCheckpoint,
)
