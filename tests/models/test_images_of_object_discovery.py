"""ObjectDiscovery: images of unknown size, of integers, and with weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder, SlotCenters
from keras_slots.models import ObjectDiscovery, SetPrediction
from tests.backends import IN_FLOAT64, ON_TENSORFLOW

IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")


def make_model(frequencies=2, **drawing):
    return ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 4, centers=frequencies and SlotCenters(frequencies)),
        SpatialBroadcastDecoder(
            8, (4,), center_frequencies=frequencies, **drawing
        ),
    )


@ON_TENSORFLOW
def test_centers_of_images_whose_size_a_pipeline_does_not_know():
    """As `tf.io.decode_image` gives them."""
    model = make_model()
    model.build((None, 8, 8, 3))
    model.compile(run_eagerly=False)
    # Of a serialized tensor nothing is known but what is told.
    pipeline = tf.data.Dataset.from_tensors(tf.io.serialize_tensor(IMAGES)).map(
        lambda content: tf.ensure_shape(
            tf.io.parse_tensor(content, "float32"), (None, None, None, 3)
        )
    )
    losses = model.fit(pipeline, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    outputs = model(keras.Input((None, None, 3)))
    assert outputs["reconstruction"].shape == (None, 8, 8, 3)
    assert model.image_shape == (8, 8, 3)


# Elsewhere Keras calls it with images of some size.
@ON_TENSORFLOW
def test_centers_need_a_known_size_where_nothing_is_drawn():
    model = SetPrediction.from_preset(
        "clevr_scenes_properties", load_weights=False
    )
    with pytest.raises(ValueError, match=r"must be known.*image.shape=\(None"):
        model(keras.Input((None, None, 3)))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_integers_are_refused(dtype):
    images = np.zeros((2, 8, 8, 3), dtype)
    with pytest.raises(ValueError, match=rf"x / 127.5 - 1.*dtype={dtype}"):
        make_model()(images)


def test_weights_of_pixels_are_refused():
    model = make_model()
    model.build((None, 8, 8, 3))
    model.compile(run_eagerly=True)
    weights = np.ones((4, 8, 8), "float32")
    with pytest.raises(ValueError, match=r"one number for each example.*8, 8"):
        model.fit(IMAGES, IMAGES[..., 0], sample_weight=weights, verbose=0)


@IN_FLOAT64
def test_another_float_of_keras():
    """Masks fall off with distances, in the dtype of the centers."""
    keras.config.set_floatx("float64")
    try:
        model = make_model(mask_falloff=1.0)
        masks = model(IMAGES.astype("float64"))["masks"]
        assert np.isfinite(masks).all()
    finally:
        keras.config.set_floatx("float32")
