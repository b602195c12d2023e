"""Scenes for training and evaluation: tf.data in, tf.data out."""

from keras_slots.datasets.multi_object_records import multi_object_records
from keras_slots.datasets.tetrominoes import tetrominoes

__all__ = ["multi_object_records", "tetrominoes"]
