"""What the generated datasets of rendered scenes have in common."""

import keras
import numpy as np
import pytest

from keras_slots.datasets import multi_dsprites, tetrominoes
from tests.datasets.joined import everything

SIDES = {tetrominoes: 35, multi_dsprites: 64}
EACH_DATASET = pytest.mark.parametrize(
    "dataset_of", SIDES, ids=lambda function: function.__name__
)


@EACH_DATASET
@pytest.mark.parametrize(
    ("split", "size"), [("train", 60_000), ("validation", 320), ("test", 320)]
)
def test_default_sizes_are_the_papers(dataset_of, split, size):
    assert dataset_of(split).cardinality() == size
    assert len(dataset_of(split, 64)) == -(-size // 64)


@EACH_DATASET
def test_batches_have_static_sizes_and_a_partial_end(dataset_of):
    side = SIDES[dataset_of]
    dataset = dataset_of("validation", batch_size=8, num_scenes=20)
    assert dataset.element_spec[0].shape.as_list() == [None, side, side, 3]
    assert dataset.element_spec[1].shape.as_list() == [None, side, side]
    assert [len(image) for image, _ in dataset] == [8, 8, 4]
    dataset = dataset_of("validation", 8, 20, drop_remainder=True)
    assert dataset.element_spec[0].shape.as_list() == [8, side, side, 3]
    assert [len(image) for image, _ in dataset] == [8, 8]
    assert len(dataset) == 2


@EACH_DATASET
def test_training_is_shuffled_anew_each_epoch_with_the_seed(dataset_of):
    def first_rows(dataset):
        return [x["x"].tobytes() for x in dataset.as_numpy_iterator()]

    dataset = dataset_of("train", 20, 40, as_dict=True)
    one, two = first_rows(dataset), first_rows(dataset)
    assert one != two
    again = dataset_of("train", 20, 40, as_dict=True)
    assert [first_rows(again), first_rows(again)] == [one, two]
    ordered = everything(
        dataset_of("train", 20, 40, as_dict=True, shuffle=False)
    )
    shuffled = everything(dataset)
    assert sorted(x.tobytes() for x in ordered["image"]) == sorted(
        x.tobytes() for x in shuffled["image"]
    )
    dataset = dataset_of("test", 20, 40, as_dict=True)
    assert first_rows(dataset) == first_rows(dataset)


@EACH_DATASET
def test_one_by_one_gives_the_scenes_of_the_batches(dataset_of):
    singles = list(dataset_of("test", num_scenes=40).as_numpy_iterator())
    batches = list(dataset_of("test", 16, 40).as_numpy_iterator())
    assert len(singles) == 40
    for position in (0, 1):
        np.testing.assert_array_equal(
            np.stack([single[position] for single in singles]),
            np.concatenate([batch[position] for batch in batches]),
        )


class Autoencoder(keras.Sequential):
    """Compares its output with its input, and so needs no targets."""

    def compute_loss(self, x, y=None, y_pred=None, *args, **kwargs):
        return keras.ops.mean((x - y_pred) ** 2)


@EACH_DATASET
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_fit_takes_images_alone(dataset_of):
    side = SIDES[dataset_of]
    images = dataset_of("train", 4, 10).map(lambda image, mask: image)
    assert len(images) == 3
    assert images.element_spec.shape.as_list() == [None, side, side, 3]
    model = Autoencoder([keras.layers.Conv2D(3, 1)])
    model.compile("sgd", run_eagerly=True)
    history = model.fit(images, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@EACH_DATASET
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"split": "val"},
            "`split` must be one of 'train', 'validation', 'test'. "
            "Received: split='val'",
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
def test_bad_arguments_are_named(dataset_of, arguments, message):
    with pytest.raises(ValueError) as error:
        dataset_of(**{"split": "test", **arguments})
    assert str(error.value) == message
