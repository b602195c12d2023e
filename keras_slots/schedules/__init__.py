"""Learning-rate schedules."""

from keras_slots.schedules.warmup_exponential_decay import (
    WarmupExponentialDecay as WarmupExponentialDecay,
)
