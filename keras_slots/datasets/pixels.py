"""Pixels as the models take them."""

import tensorflow as tf


def to_float(image: tf.Tensor) -> tf.Tensor:
    """Maps pixels from 0..255 to float32 in [-1, 1]."""
    return tf.cast(image, tf.float32) / 127.5 - 1.0
