"""Slot Attention for Keras 3.

Importing the package registers its classes with Keras, so that saved files
can be loaded. The data sets and the pictures are imported when first used, as
they need TensorFlow and Matplotlib.
"""

import importlib

from keras_slots import callbacks as callbacks
from keras_slots import layers as layers
from keras_slots import losses as losses
from keras_slots import metrics as metrics
from keras_slots import models as models
from keras_slots import ops as ops
from keras_slots import schedules as schedules
from keras_slots.layers import SlotAttention as SlotAttention
from keras_slots.layers import SoftPositionEmbed as SoftPositionEmbed
from keras_slots.layers import (
    SpatialBroadcastDecoder as SpatialBroadcastDecoder,
)
from keras_slots.losses import HungarianHuberLoss as HungarianHuberLoss

__version__ = "0.1.0"

_IMPORTED_WHEN_USED = ("datasets", "export", "visualization")


def __getattr__(name):
    if name in _IMPORTED_WHEN_USED:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_IMPORTED_WHEN_USED])
