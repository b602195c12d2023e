"""Models built from the layers, and their presets."""

from keras_slots.models.deep_set_prediction import (
    DeepSetPrediction as DeepSetPrediction,
)
from keras_slots.models.object_discovery import (
    ObjectDiscovery as ObjectDiscovery,
)
from keras_slots.models.presets import Preset as Preset
from keras_slots.models.presets import get_preset as get_preset
from keras_slots.models.reference_checkpoint import (
    load_reference_checkpoint as load_reference_checkpoint,
)
from keras_slots.models.set_prediction import SetPrediction as SetPrediction
from keras_slots.models.trained_weights import list_presets as list_presets
