"""Pictures of scenes, slots and masks."""

from keras_slots.visualization.plot_scenes import plot_slots
from keras_slots.visualization.plot_set_prediction import plot_set_prediction

__all__ = ["plot_set_prediction", "plot_slots"]
