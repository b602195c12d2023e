"""Generated Multi-dSprites: what the datasets yield, and in which order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets import multi_dsprites
from tests.datasets.sprite_reference import GRAYSCALE, VARIANTS, draw


def everything(dataset):
    """All elements of a batched dataset of dictionaries, joined."""
    batches = list(dataset.as_numpy_iterator())
    return {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}


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


@pytest.mark.parametrize(
    ("split", "size"), [("train", 60_000), ("validation", 320), ("test", 320)]
)
def test_default_sizes_are_the_papers(split, size):
    assert multi_dsprites(split).cardinality() == size
    assert len(multi_dsprites(split, 64)) == -(-size // 64)


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


def test_batches_have_static_sizes_and_a_partial_end():
    dataset = multi_dsprites("validation", batch_size=8, num_scenes=20)
    assert dataset.element_spec[0].shape.as_list() == [None, 64, 64, 3]
    assert dataset.element_spec[1].shape.as_list() == [None, 64, 64]
    assert [len(image) for image, _ in dataset] == [8, 8, 4]
    dataset = multi_dsprites("validation", 8, 20, drop_remainder=True)
    assert dataset.element_spec[0].shape.as_list() == [8, 64, 64, 3]
    assert [len(image) for image, _ in dataset] == [8, 8]
    assert len(dataset) == 2


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
    for i in range(40):
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


def test_images_follow_from_masks_and_colours(sample):
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

    first, again, fewer = load(50, 100), load(20, 100), load(7, 30)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        np.testing.assert_array_equal(first[name][:30], fewer[name])
    other = load(50, 100, seed=1)
    assert (first["image"] != other["image"]).any(axis=(1, 2, 3)).all()


def test_training_is_shuffled_anew_each_epoch_with_the_seed():
    def first_rows(dataset):
        return [x["x"].tobytes() for x in dataset.as_numpy_iterator()]

    dataset = multi_dsprites("train", 50, 100, as_dict=True)
    one, two = first_rows(dataset), first_rows(dataset)
    assert one != two
    again = multi_dsprites("train", 50, 100, as_dict=True)
    assert [first_rows(again), first_rows(again)] == [one, two]
    ordered = everything(
        multi_dsprites("train", 50, 100, as_dict=True, shuffle=False)
    )
    shuffled = everything(dataset)
    assert sorted(x.tobytes() for x in ordered["image"]) == sorted(
        x.tobytes() for x in shuffled["image"]
    )
    dataset = multi_dsprites("test", 50, 100, as_dict=True)
    assert first_rows(dataset) == first_rows(dataset)


def test_one_by_one_gives_the_scenes_of_the_batches():
    singles = list(multi_dsprites("test", num_scenes=70).as_numpy_iterator())
    batches = list(multi_dsprites("test", 32, 70).as_numpy_iterator())
    assert len(singles) == 70
    for position in (0, 1):
        np.testing.assert_array_equal(
            np.stack([single[position] for single in singles]),
            np.concatenate([batch[position] for batch in batches]),
        )


class Autoencoder(keras.Sequential):
    """Compares its output with its input, and so needs no targets."""

    def compute_loss(self, x, y=None, y_pred=None, *args, **kwargs):
        return keras.ops.mean((x - y_pred) ** 2)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_fit_takes_images_alone():
    images = multi_dsprites("train", 4, 10).map(lambda image, mask: image)
    assert len(images) == 3
    assert images.element_spec.shape.as_list() == [None, 64, 64, 3]
    model = Autoencoder([keras.layers.Conv2D(3, 1)])
    model.compile("sgd")
    history = model.fit(images, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"split": "val"},
            "`split` must be one of 'train', 'validation', 'test'. "
            "Received: split='val'",
        ),
        (
            {"variant": "color"},
            "`variant` must be one of 'binarized', 'colored_on_grayscale', "
            "'colored_on_colored'. Received: variant='color'",
        ),
        (
            {"batch_size": 0},
            "`batch_size` must be a positive integer. Received: batch_size=0",
        ),
        (
            {"batch_size": 1.5},
            "`batch_size` must be a positive integer. Received: batch_size=1.5",
        ),
        (
            {"num_scenes": -3},
            "`num_scenes` must be a positive integer. Received: num_scenes=-3",
        ),
        (
            {"num_scenes": True},
            "`num_scenes` must be a positive integer. "
            "Received: num_scenes=True",
        ),
        (
            {"seed": -1},
            "`seed` must be a non-negative integer. Received: seed=-1",
        ),
    ],
    ids=lambda value: value.split()[-1] if isinstance(value, str) else "",
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError) as error:
        multi_dsprites(**{"split": "test", **arguments})
    assert str(error.value) == message
