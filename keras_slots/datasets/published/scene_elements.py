"""Stored scenes of the Multi-Object Datasets, and datasets' elements."""

import tensorflow as tf

from keras_slots.datasets.pixels import to_float
from keras_slots.datasets.published.image_window import ImageWindow
from keras_slots.datasets.published.record_formats import (
    RecordFormat,
    published_classes,
)


def scene_spec(
    record_format: RecordFormat, window: ImageWindow
) -> dict[str, tf.TensorSpec]:
    """Returns the arrays of a scene as read from a file: compact, in 8 bits."""
    spec = {
        name: tf.TensorSpec(shape, dtype)
        for name, (shape, dtype) in record_format.features.items()
    }
    spec["image"] = tf.TensorSpec(window.image_shape, "uint8")
    spec["mask"] = tf.TensorSpec(window.mask_shape, "uint8")
    return spec


def scene_elements(
    scenes: tf.data.Dataset,
    record_format: RecordFormat,
    batch_size: int | None,
    drop_remainder: bool,
    as_dict: bool,
) -> tf.data.Dataset:
    """Makes batches of `(image, mask)`, or of dictionaries of every factor.

    The scenes are as described by `scene_spec`.
    """
    if batch_size is not None:
        scenes = scenes.batch(batch_size, drop_remainder=drop_remainder)

    def finish(scene):
        image = to_float(scene["image"])
        mask = tf.cast(scene["mask"], tf.int32)
        if not as_dict:
            return image, mask
        classes = published_classes(record_format, scene)
        return {**scene, **classes, "image": image, "mask": mask}

    scenes = scenes.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
    return scenes.prefetch(tf.data.AUTOTUNE)
