"""Pictures of scenes, slots, masks, attention and sets."""

from keras_slots.visualization.plot_attention import plot_attention
from keras_slots.visualization.plot_scene import plot_scene
from keras_slots.visualization.plot_set_prediction import plot_set_prediction
from keras_slots.visualization.plot_slots import plot_slots

__all__ = [
    "plot_attention",
    "plot_scene",
    "plot_set_prediction",
    "plot_slots",
]
