"""Targets of set prediction, made in tf.data from objects' properties."""

import tensorflow as tf

from keras_slots.property_layout import (
    COORDINATE_LIMIT,
    PROPERTIES,
    PropertyLayout,
)


def property_targets(
    objects: dict[str, tf.Tensor], layout: PropertyLayout, num_targets: int
) -> tf.Tensor:
    """Makes one row per object of a scene, padded with rows of zeros.

    `objects` has `"coordinates"`, float32 (n, 3) in the units of the scene, and
    of each property of the layout the integer classes (n,). Returns float32
    (num_targets, layout.num_features); n must not exceed `num_targets`.
    """
    coordinates = tf.cast(objects["coordinates"], tf.float32)
    coordinates = (coordinates + COORDINATE_LIMIT) / layout.distance_scale
    count = tf.shape(coordinates)[0]
    rows = tf.concat(
        [
            coordinates,
            *(
                tf.one_hot(objects[name], len(PROPERTIES[name]))
                for name in layout.properties
            ),
            tf.ones((count, 1)),
        ],
        axis=1,
    )  # (n, d)
    enough_room = tf.debugging.assert_less_equal(
        count,
        num_targets,
        "A scene has more objects than there are targets; raise "
        f"`num_targets` or lower `max_objects`. Received: num_targets="
        f"{num_targets}",
    )
    # In a graph nothing else orders the check and the padding, and the padding
    # has a worse message. In eager mode the check gives `None`.
    with tf.control_dependencies([enough_room] if enough_room else []):
        rows = tf.pad(rows, [(0, num_targets - count), (0, 0)])
    return tf.ensure_shape(rows, (num_targets, layout.num_features))
