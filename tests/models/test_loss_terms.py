"""What the loss gains beyond the squared error, against NumPy and SciPy."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp, softmax
from scipy.stats import norm

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder
from keras_slots.models import ObjectDiscovery
from tests.backends import EAGERLY

IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 5, 6, 3)).astype("float32")
NOISE = 0.4


def make_model(background_slot=False, **terms):
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
        **terms,
    )
    model.build((None, *IMAGES.shape[1:]))
    for index, value in enumerate(model.trainable_weights):
        noise = np.random.default_rng(index).normal(size=value.shape)
        value.assign(value + 0.3 * noise)
    model.compile(keras.optimizers.SGD(1e-12), run_eagerly=EAGERLY)
    return model


def log_joint(outputs):
    """Of mask and color, without the constant factor: (B, K, H, W)."""
    densities = norm.logpdf(
        IMAGES[:, None], outputs["slot_reconstructions"], NOISE
    ) - norm.logpdf(0, scale=NOISE)
    # The package adds 1e-4 to the masks.
    return np.log(outputs["decoder_masks"][..., 0] + 1e-4) + densities.sum(-1)


def losses(model):
    """The squared error and the mixture's, of each pixel: (B, H, W)."""
    outputs = model.predict(IMAGES, verbose=0)
    square = np.square(IMAGES - outputs["reconstruction"]).mean(-1)
    likelihood = logsumexp(log_joint(outputs), axis=1)
    return square - 2 * NOISE**2 / 3 * likelihood


def test_masks_say_which_slot_made_each_pixel():
    outputs = make_model(pixel_noise=NOISE).predict(IMAGES, verbose=0)
    expected = softmax(log_joint(outputs), axis=1)
    assert_allclose(outputs["masks"][..., 0], expected, atol=1e-5)
    assert np.abs(outputs["masks"] - outputs["decoder_masks"]).max() > 0.1
    plain = make_model().predict(IMAGES, verbose=0)
    assert_allclose(plain["masks"], outputs["decoder_masks"], atol=1e-6)
    assert "decoder_masks" not in plain


def test_a_slot_that_is_left_out_makes_no_pixel():
    slot_mask = np.array([[True, False, True]] * 4)
    masks = make_model(pixel_noise=NOISE)(IMAGES, slot_mask=slot_mask)["masks"]
    masks = keras.ops.convert_to_numpy(masks)
    assert (masks[:, 1] == 0).all()
    assert_allclose(masks.sum(axis=1), 1, atol=1e-6)


def test_the_loss_gains_the_error_of_the_mixture():
    model = make_model(pixel_noise=NOISE)
    expected = losses(model).mean()
    loss = model.evaluate(IMAGES, verbose=0)
    assert_allclose(loss, expected, rtol=1e-5)
    assert loss > 1.01 * make_model().evaluate(IMAGES, verbose=0)


def test_images_weigh_as_sample_weight_says():
    model = make_model(pixel_noise=NOISE)
    weights = np.array([0.0, 1.0, 2.0, 0.5], "float32")
    expected = (weights[:, None, None] * losses(model)).mean()
    loss = model.evaluate(
        IMAGES, np.zeros((4, 5, 6), "int32"), sample_weight=weights, verbose=0
    )
    loss = loss[0] if isinstance(loss, list) else loss
    assert_allclose(loss, expected, rtol=1e-5)


def test_it_learns():
    model = make_model(pixel_noise=NOISE)
    # Of so many steps, a graph is worth its tracing.
    model.compile(keras.optimizers.Adam(1e-2))
    loss = model.fit(IMAGES, epochs=20, verbose=0).history["loss"]
    assert loss[-1] < 0.9 * loss[0]


def test_wrong_noise_is_refused():
    with pytest.raises(ValueError, match="Received: pixel_noise=0"):
        make_model(pixel_noise=0)
    with pytest.raises(ValueError, match="is that of an image"):
        make_model(pixel_noise=0.5, target=keras.layers.Identity())


def root_shares(model, first):
    """The sum over objects of the roots of their shares of the image."""
    masks = keras.ops.convert_to_numpy(model(IMAGES)["masks"])
    shares = masks.mean(axis=(2, 3, 4))
    return np.sqrt(shares[:, first:]).sum(axis=1).mean()


@pytest.mark.parametrize("background", [False, True])
def test_slots_of_objects_are_charged(background):
    free = make_model(background_slot=background)
    loss = free.evaluate(IMAGES, verbose=0)
    charged = make_model(background_slot=background, slot_charge=0.5)
    expected = loss + 0.5 * root_shares(free, int(background))
    # An offset of 1e-4 to each share keeps the gradient of the root finite.
    assert_allclose(charged.evaluate(IMAGES, verbose=0), expected, atol=0.02)


def test_the_charge_begins_at_its_step_and_an_evaluation_is_no_step():
    model = make_model(slot_charge=1.0, penalty_start=3)
    free = make_model()
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


@pytest.mark.slow
def test_the_charge_alone_empties_slots():
    model = make_model(slot_charge=100.0)
    before = root_shares(model, 0)
    model.compile(keras.optimizers.Adam(3e-2))
    model.fit(IMAGES, epochs=50, verbose=0)
    assert root_shares(model, 0) < before - 0.2
