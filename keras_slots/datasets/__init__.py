"""Scenes for training and evaluation: tf.data in, tf.data out."""

from keras_slots.datasets.generated.clevr_scenes import clevr_scenes
from keras_slots.datasets.generated.multi_dsprites import multi_dsprites
from keras_slots.datasets.generated.tetrominoes import tetrominoes
from keras_slots.datasets.published.clevr_tfds import clevr
from keras_slots.datasets.published.convert_records import convert_records
from keras_slots.datasets.published.multi_object_records import (
    multi_object_records,
)
from keras_slots.datasets.published.record_shards import record_shards
from keras_slots.property_layout import PropertyLayout

__all__ = [
    "PropertyLayout",
    "clevr",
    "clevr_scenes",
    "convert_records",
    "multi_dsprites",
    "multi_object_records",
    "record_shards",
    "tetrominoes",
]
