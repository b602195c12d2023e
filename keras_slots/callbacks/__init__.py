"""Callbacks for `fit`."""

from keras_slots.callbacks.slot_diagnosis import SlotDiagnosis as SlotDiagnosis
from keras_slots.callbacks.slot_findings import diagnose as diagnose
from keras_slots.callbacks.slot_health import measure_slots as measure_slots
from keras_slots.callbacks.slot_pictures import SlotPictures as SlotPictures
from keras_slots.callbacks.training_checkpoint import (
    TrainingCheckpoint as TrainingCheckpoint,
)
