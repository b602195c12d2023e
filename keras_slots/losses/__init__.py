"""Losses over sets."""

from keras_slots.losses.hungarian_huber import (
    HungarianHuberLoss as HungarianHuberLoss,
)
from keras_slots.losses.hungarian_huber import (
    hungarian_huber as hungarian_huber,
)
