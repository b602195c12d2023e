"""ObjectDiscovery with a target, a decoder and an encoder of the user's own."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder, mix_slots
from keras_slots.models import ObjectDiscovery
from tests.backends import EAGERLY


@keras.saving.register_keras_serializable(package="tests")
class FeatureDecoder(keras.layers.Layer):
    """An MLP from slot and place to 384 features and a mask of each patch."""

    def build(self, slots_shape):
        self.places = self.add_weight(shape=(16, slots_shape[-1]))
        self.mlp = keras.Sequential(
            [keras.layers.Dense(32, "relu"), keras.layers.Dense(385)]
        )
        self.mlp.build((None, None, 16, slots_shape[-1]))

    def call(self, slots, slot_mask=None):
        drawn = self.mlp(slots[:, :, None] + self.places)  # (B, K, 16, 385)
        drawn = ops.reshape(drawn, (-1, slots.shape[1], 4, 4, 385))
        features, logits = drawn[..., :384], drawn[..., 384:]
        mixture, masks = mix_slots(features, logits, slot_mask)
        return mixture, features, masks


@keras.saving.register_keras_serializable(package="tests")
def patch_features(image):
    """Each 2 x 2 pixels of an 8 x 8 image, 32 times over: (B, 4, 4, 384)."""
    patches = ops.reshape(image, (-1, 4, 2, 4, 2, 3))
    patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
    return ops.tile(ops.reshape(patches, (-1, 4, 4, 12)), (1, 1, 1, 32))


def _model(target=patch_features, decoder=None):
    return ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 8, seed=0),
        decoder or FeatureDecoder(),
        target=target,
    )


def _images():
    return np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("f4")


def test_features_are_reconstructed_and_scored_at_the_image_s_size(tmp_path):
    images, masks = _images(), np.zeros((2, 8, 8), "int32")
    masks[:, 2:5, 2:5] = 1
    masks[:, 5:, 5:] = 2
    model = _model()
    model.compile("adam", run_eagerly=EAGERLY)
    logs = model.fit(images, masks, verbose=0).history
    assert set(logs) == {"loss", "fg_ari"}
    start = np.random.default_rng(1).normal(size=(2, 3, 8)).astype("float32")
    outputs = model(images, initial_slots=start)
    assert outputs["reconstruction"].shape == (2, 4, 4, 384)
    assert outputs["masks"].shape == (2, 3, 4, 4, 1)
    assert outputs["image_masks"].shape == (2, 3, 8, 8, 1)
    np.testing.assert_allclose(
        ops.sum(outputs["image_masks"], axis=1), 1, atol=1e-5
    )
    loss = model.compute_loss(images, None, outputs, training=False)
    expected = (patch_features(images) - outputs["reconstruction"]) ** 2
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-5)
    model.save(tmp_path / "model.keras")
    revived = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        revived(images, initial_slots=start)["masks"],
        outputs["masks"],
        atol=1e-6,
    )


def test_a_target_gets_no_gradient():
    target = keras.Sequential(
        [keras.layers.Conv2D(384, 2, strides=2, name="features")]
    )
    target.build((None, 8, 8, 3))
    before = target.get_weights()
    model = _model(target)
    model.compile("sgd", run_eagerly=EAGERLY)
    with pytest.warns(UserWarning, match="features"):  # It is not frozen.
        model.fit(_images(), verbose=0)
    for one, other in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_target_of_another_shape_is_refused():
    model = _model(target=lambda image: image)
    model.compile("sgd", run_eagerly=EAGERLY)
    with pytest.raises(ValueError, match=r"`target` must .*Received"):
        model.fit(_images(), verbose=0)
    with pytest.raises(ValueError, match=r"`target` must .*target='no'"):
        _model(target="no")


def test_a_decoder_that_gives_no_triple_is_refused():
    with pytest.raises(ValueError, match=r"`decoder` must give a triple"):
        _model(decoder=keras.layers.Dense(3)).build((None, 8, 8, 3))


def test_slots_left_out_have_no_mask():
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 8, seed=0),
        SpatialBroadcastDecoder(8, (4,)),
    )
    mask = np.array([[True, False, True], [True, True, False]])
    outputs = model(_images(), slot_mask=mask)
    total = ops.convert_to_numpy(ops.sum(outputs["masks"], axis=(2, 3, 4)))
    np.testing.assert_array_equal(total > 0, mask)
    assert "image_masks" not in outputs


@keras.saving.register_keras_serializable(package="tests")
class NotesTraining(keras.layers.Layer):
    """Passes slots on, and adds a loss of 1 in training."""

    def build(self, shape):
        self.built = True

    def call(self, inputs, training=None):
        if training:
            self.add_loss(ops.ones(()))
        return inputs

    def compute_output_shape(self, shape):
        return shape


def test_training_reaches_the_parts_of_a_model():
    encoder = keras.Sequential(
        [ConvEncoder((4,), mlp_sizes=(4,)), NotesTraining()]
    )
    model = ObjectDiscovery(
        encoder, SlotAttention(3, 8), SpatialBroadcastDecoder(8, (4,))
    )
    model.compile(
        "sgd",
        loss=lambda y, x: 0.0 * ops.mean(x - y, axis=-1),
        run_eagerly=EAGERLY,
    )
    assert model.fit(_images(), verbose=0).history["loss"] == [1.0]
    assert model.evaluate(_images(), verbose=0) == 0.0
