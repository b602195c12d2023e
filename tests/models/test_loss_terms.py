"""What the loss gains beyond the squared error, against NumPy."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder
from keras_slots.models import ObjectDiscovery
from tests.backends import EAGERLY

IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 5, 6, 3)).astype("float32")


def make_model(weight, background_slot=False, **charge):
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(
            3,
            4,
            slot_initialization="learned",
            background_slot=background_slot,
        ),
        SpatialBroadcastDecoder((5, 6), (4,)),
        disagreement_weight=weight,
        **charge,
    )
    model.build((None, *IMAGES.shape[1:]))
    for index, value in enumerate(model.trainable_weights):
        noise = np.random.default_rng(index).normal(size=value.shape)
        value.assign(value + 0.3 * noise)
    model.compile(keras.optimizers.SGD(1e-12), run_eagerly=EAGERLY)
    return model


def slot_errors(model):
    """The error of each slot's drawing, weighted by the masks: (B, H, W)."""
    drawn = model.predict(IMAGES, verbose=0)
    square = np.square(IMAGES[:, None] - drawn["slot_reconstructions"])
    return (drawn["masks"] * square).sum(axis=1).mean(axis=-1)


def test_weight_of_one_makes_the_loss_the_error_of_the_slots():
    model = make_model(1.0)
    expected = slot_errors(model).mean()
    loss = model.evaluate(IMAGES, verbose=0)
    assert_allclose(loss, expected, rtol=1e-5)
    assert loss > 1.01 * make_model(0.0).evaluate(IMAGES, verbose=0)


def test_the_loss_is_linear_in_the_weight():
    without, half, whole = (
        make_model(weight).evaluate(IMAGES, verbose=0)
        for weight in (0.0, 0.5, 1.0)
    )
    assert_allclose(half, (without + whole) / 2, rtol=1e-5)


def test_images_weigh_as_sample_weight_says():
    model = make_model(1.0)
    weights = np.array([0.0, 1.0, 2.0, 0.5], "float32")
    expected = (weights[:, None, None] * slot_errors(model)).mean()
    loss = model.evaluate(
        IMAGES, np.zeros((4, 5, 6), "int32"), sample_weight=weights, verbose=0
    )
    loss = loss[0] if isinstance(loss, list) else loss
    assert_allclose(loss, expected, rtol=1e-5)


def test_it_learns_sharper_masks_and_is_saved(tmp_path):
    model = make_model(1.0)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=EAGERLY)
    loss = model.fit(IMAGES, epochs=20, verbose=0).history["loss"]
    assert loss[-1] < 0.9 * loss[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.disagreement_weight == 1.0


def test_negative_weight_is_refused():
    with pytest.raises(ValueError, match="Received: disagreement_weight=-1"):
        make_model(-1)


def root_shares(model, first):
    """The sum over objects of the roots of their shares of the image."""
    shares = model.predict(IMAGES, verbose=0)["masks"].mean(axis=(2, 3, 4))
    return np.sqrt(shares[:, first:]).sum(axis=1).mean()


@pytest.mark.parametrize("background", [False, True])
def test_slots_of_objects_are_charged(background):
    free = make_model(0.0, background_slot=background)
    loss = free.evaluate(IMAGES, verbose=0)
    charged = make_model(0.0, background_slot=background, slot_charge=0.5)
    expected = loss + 0.5 * root_shares(free, int(background))
    # An offset of 1e-4 to each share keeps the gradient of the root finite.
    assert_allclose(charged.evaluate(IMAGES, verbose=0), expected, atol=0.02)


def test_the_charge_begins_at_its_step_and_an_evaluation_is_no_step():
    model = make_model(0.0, slot_charge=1.0, penalty_start=3)
    free = make_model(0.0)
    assert_allclose(
        model.evaluate(IMAGES, verbose=0), free.evaluate(IMAGES, verbose=0)
    )
    losses = [
        model.fit(IMAGES, batch_size=4, verbose=0).history["loss"][0]
        for _ in range(5)
    ]
    assert int(model.steps) == 5
    charge = root_shares(model, 0)
    assert_allclose(losses[3] - losses[2], charge, rtol=0.1)
    assert_allclose(losses[2], losses[1], rtol=1e-3)


def test_the_charge_alone_empties_slots():
    model = make_model(0.0, slot_charge=100.0)
    model.compile(keras.optimizers.Adam(3e-2), run_eagerly=EAGERLY)
    before = root_shares(model, 0)
    model.fit(IMAGES, epochs=50, verbose=0)
    assert root_shares(model, 0) < before - 0.2
