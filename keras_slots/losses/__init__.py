"""Losses over sets."""

from keras_slots.losses.hungarian_cross_entropy import (
    HungarianCrossEntropyLoss as HungarianCrossEntropyLoss,
)
from keras_slots.losses.hungarian_cross_entropy import (
    hungarian_cross_entropy as hungarian_cross_entropy,
)
from keras_slots.losses.hungarian_huber import (
    HungarianHuberLoss as HungarianHuberLoss,
)
from keras_slots.losses.hungarian_huber import (
    hungarian_huber as hungarian_huber,
)
