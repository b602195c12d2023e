"""Pictures of scenes, slots and masks."""

from keras_slots.visualization.plot_scenes import plot_slots

__all__ = ["plot_slots"]
