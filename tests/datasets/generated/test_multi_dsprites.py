"""Generated Multi-dSprites: what the datasets yield, and in which order."""

import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets import multi_dsprites
from tests.datasets.joined import everything
from tests.datasets.sprite_reference import GRAYSCALE, VARIANTS, draw


def to_pixels(image):
    """Images as 0..255."""
    return np.round((image + 1) * 127.5).astype("int64")


@pytest.fixture(scope="module", params=VARIANTS)
def sample(request):
    """1,000 scenes of each variant with all factors."""
    data = everything(
        multi_dsprites(
            "test", 250, 1_000, seed=3, as_dict=True, variant=request.param
        )
    )
    return {"variant": request.param, **data}


@pytest.mark.parametrize("variant", VARIANTS)
def test_elements_are_images_and_labels(variant):
    channels = VARIANTS[variant][2]
    dataset = multi_dsprites("test", num_scenes=3, variant=variant)
    image_spec, mask_spec = dataset.element_spec
    assert image_spec == tf.TensorSpec((64, 64, channels), tf.float32)
    assert mask_spec == tf.TensorSpec((64, 64), tf.int32)
    image, mask = next(iter(dataset))
    assert image.shape == (64, 64, channels) and image.dtype == tf.float32
    assert mask.shape == (64, 64) and mask.dtype == tf.int32


def test_grayscale_is_the_default():
    default = list(multi_dsprites("test", 8, 8).as_numpy_iterator())
    named = multi_dsprites("test", 8, 8, variant=GRAYSCALE).as_numpy_iterator()
    np.testing.assert_array_equal(default[0][0], next(named)[0])


def test_as_dict_names_every_factor(sample):
    variant = sample["variant"]
    _, most, channels = VARIANTS[variant]
    scalar = tf.TensorSpec((most + 1,), tf.float32)
    assert multi_dsprites(
        "test", as_dict=True, variant=variant
    ).element_spec == {
        "image": tf.TensorSpec((64, 64, channels), tf.float32),
        "mask": tf.TensorSpec((64, 64), tf.int32),
        "x": scalar,
        "y": scalar,
        "shape": scalar,
        "color": tf.TensorSpec((most + 1, channels), tf.float32),
        "visibility": scalar,
        "orientation": scalar,
        "scale": scalar,
    }
    assert (sample["visibility"][:, 0] == 1).all()
    seen = sample["visibility"][:, 1:] == 1
    # Sprites first, padding after them.
    assert (np.diff(seen.astype(int), axis=1) <= 0).all()
    for name in ("x", "y", "shape", "color", "orientation", "scale"):
        assert (sample[name][:, 0] == 0).all()  # the background
        assert (sample[name][:, 1:][~seen] == 0).all()
    np.testing.assert_array_equal(sample["visibility"][:, 1:] == 0, ~seen)
    np.testing.assert_array_equal(sample["shape"][:, 1:] > 0, seen)


def test_factors_take_the_values_of_dsprites(sample):
    seen = sample["shape"] > 0
    for name, values in {
        "shape": [1, 2, 3],
        "scale": np.linspace(0.5, 1, 6),
        "orientation": np.linspace(0, 2 * np.pi, 40),
        "x": np.linspace(0, 1, 32),
        "y": np.linspace(0, 1, 32),
    }.items():
        found = np.unique(sample[name][seen])
        np.testing.assert_allclose(found, values, rtol=1e-6)


def test_masks_follow_from_the_factors(sample):
    """Every pixel anew from the formulas; later sprites cover earlier ones."""
    for i in range(12):
        sprites = np.stack(
            [
                sample["shape"][i],
                sample["scale"][i] * 10 - 5,
                sample["orientation"][i] / (2 * np.pi) * 39,
                sample["x"][i] * 31,
                sample["y"][i] * 31,
            ],
            axis=-1,
        )
        expected = draw(np.round(sprites[1:]))
        np.testing.assert_array_equal(sample["mask"][i], expected)


def test_images_follow_from_masks_and_colors(sample):
    pixels, mask = to_pixels(sample["image"]), sample["mask"]
    np.testing.assert_array_equal(
        sample["image"], pixels.astype("float32") / np.float32(127.5) - 1
    )
    # The corner is out of every sprite's reach.
    palette = np.round(255 * sample["color"]).astype("int64")
    palette[:, 0] = pixels[:, 0, 0]
    expected = palette[np.arange(len(mask))[:, None, None], mask]
    np.testing.assert_array_equal(pixels, expected)


def test_hidden_sprites_count_as_visible(sample):
    labels = np.arange(1, sample["shape"].shape[1])
    shown = (sample["mask"][..., None] == labels).any(axis=(1, 2))
    hidden = (sample["visibility"][:, 1:] == 1) & ~shown
    assert hidden.any()
    assert (sample["shape"][:, 1:][hidden] > 0).all()


def test_binarized_is_white_on_black():
    data = everything(
        multi_dsprites("test", 50, 100, as_dict=True, variant="binarized")
    )
    np.testing.assert_array_equal(
        data["image"][..., 0], np.where(data["mask"] > 0, 1.0, -1.0)
    )
    np.testing.assert_array_equal(data["color"][..., 0], data["shape"] > 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_seed_and_split_give_the_same_scenes(variant):
    def load(*arguments, seed=0):
        return everything(
            multi_dsprites(
                "validation",
                *arguments,
                seed=seed,
                as_dict=True,
                variant=variant,
            )
        )

    first, again, fewer = load(20, 40), load(8, 40), load(7, 15)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        np.testing.assert_array_equal(first[name][:15], fewer[name])
    other = load(20, 40, seed=1)
    assert (first["image"] != other["image"]).any(axis=(1, 2, 3)).all()


def test_unknown_variants_are_named():
    with pytest.raises(ValueError) as error:
        multi_dsprites("test", variant="color")
    assert str(error.value) == (
        "`variant` must be one of 'binarized', 'colored_on_grayscale', "
        "'colored_on_colored'. Received: variant='color'"
    )
