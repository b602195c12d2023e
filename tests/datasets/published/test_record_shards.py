"""Shards as training reads them: slices, orders, batches, and errors."""

import keras
import numpy as np
import pytest

from keras_slots.datasets import (
    clevr_scenes,
    convert_records,
    record_shards,
    tetrominoes,
)
from keras_slots.datasets.published import record_file, shard_folder
from tests.datasets.published_records import tetrominoes_record, write

NUM_RECORDS = 22


@pytest.fixture(scope="module")
def scenes():
    dataset = tetrominoes("test", num_scenes=NUM_RECORDS, as_dict=True)
    return list(dataset.as_numpy_iterator())


@pytest.fixture(scope="module")
def folder(scenes, tmp_path_factory):
    """Shards of 8, 8 and 6 scenes."""
    folder = tmp_path_factory.mktemp("records")
    path = write(folder / "t.tfrecords", map(tetrominoes_record, scenes))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shard_folder, "SHARD_RECORDS", 8)
        patched.setattr(record_file, "_PARSE_BATCH", 4)
        convert_records(path, folder / "shards")
    return folder / "shards"


def positions(scenes, dataset):
    """Where among the scenes a dataset's elements lie."""
    known = [scene["image"].tobytes() for scene in scenes]
    return [
        known.index(image.tobytes()) for image, _ in dataset.as_numpy_iterator()
    ]


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_elements_are_those_of_tetrominoes(folder, batch_size, as_dict):
    dataset = record_shards(folder, batch_size, as_dict=as_dict)
    generated = tetrominoes("test", batch_size, as_dict=as_dict)
    assert dataset.element_spec == generated.element_spec


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("skip", "take"),
    [(0, None), (0, 5), (3, 5), (3, 9), (8, 8), (10, None), (17, 5), (21, 1)],
)
def test_slices_count_scenes_over_the_shards(
    scenes, folder, skip, take, shuffle
):
    dataset = record_shards(folder, skip=skip, take=take, shuffle=shuffle)
    expected = list(range(NUM_RECORDS))[skip:][:take]
    assert len(dataset) == len(expected)
    found = positions(scenes, dataset)
    assert (sorted(found) if shuffle else found) == expected


def test_batches(folder):
    assert len(record_shards(folder, 8)) == 3
    dataset = record_shards(folder, 8, drop_remainder=True)
    assert len(dataset) == 2
    assert dataset.element_spec[0].shape == (8, 35, 35, 3)


def test_order_follows_the_seed_and_changes_at_every_pass(scenes, folder):
    first, again = (
        record_shards(folder, shuffle=True, seed=3) for _ in range(2)
    )
    passes = [positions(scenes, first) for _ in range(2)]
    assert passes[0] != passes[1]
    assert passes[0] == positions(scenes, again)
    other = record_shards(folder, shuffle=True, seed=4)
    assert positions(scenes, other) != passes[0]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_a_model_learns_from_the_shards_as_they_are(folder):
    model = keras.Sequential(
        [
            keras.Input((35, 35, 3)),
            keras.layers.Conv2D(4, 1, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(
        record_shards(folder, 8, take=16, shuffle=True),
        validation_data=record_shards(folder, 8, skip=16),
        shuffle=False,  # Keras warns of its own shuffling otherwise.
        verbose=0,
    )
    assert np.isfinite(history.history["val_loss"]).all()


@pytest.mark.parametrize(
    "options", [{"take": 23}, {"skip": 20, "take": 3}, {"skip": 22}]
)
def test_too_few_scenes_are_refused(folder, options):
    message = "`skip` and `take` ask for more scenes than are in the folder"
    with pytest.raises(ValueError, match=message) as error:
        record_shards(folder, **options)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"skip": -1},
        {"take": 0},
        {"seed": -1},
    ],
    ids=str,
)
def test_bad_arguments_are_named_before_the_folder_is_read(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"^`{name}` must be") as error:
        record_shards("no such folder", **options)
    assert str(error.value).endswith(f"Received: {name}={value}")


def test_folders_of_something_else_are_refused(tmp_path):
    clevr_scenes("test", num_scenes=1, image_size=8, cache=tmp_path / "clevr")
    message = "^`folder` must name a folder made by `convert_records`"
    for other in (tmp_path, tmp_path / "none", tmp_path / "clevr" / "test"):
        with pytest.raises(ValueError, match=message) as error:
            record_shards(other)
        assert str(error.value).endswith(f"Received: folder={str(other)!r}")
