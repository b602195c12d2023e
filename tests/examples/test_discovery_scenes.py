"""Which scenes the example trains on, validates on, tests on and scores."""

import importlib
import pathlib
from argparse import Namespace

import pytest

from keras_slots.datasets import convert_records
from tests.examples.records import positions, write_records

PRESET = Namespace(image_shape=(35, 35, 3))
EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def scenes(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("discovery_scenes")


def test_records_are_split_as_published(scenes, tmp_path):
    options = Namespace(
        records=write_records(tmp_path / "t.tfrecords", 14),
        train_scenes=8,
        eval_scenes=3,
        batch_size=4,
        seed=0,
    )
    train, validation, test = scenes.open_scenes(options, PRESET)
    assert positions(train) == [*range(8)]
    assert positions(test) == [8, 9, 10]
    assert positions(validation) == [11, 12, 13]


@pytest.mark.parametrize(
    "records, train_scenes, expected",
    [
        ("elsewhere", 3, [3, 4, 5, 6, 7]),
        (None, 3, [3, 4, 5, 6, 7]),
        # Too short for the test scenes, but none was trained on.
        (None, 4, [0, 1, 2, 3, 4]),
    ],
    ids=["trained on records", "not trained on them", "a short file"],
)
def test_scores_are_of_scenes_outside_the_training(
    scenes, tmp_path, records, train_scenes, expected
):
    path = write_records(tmp_path / "t.tfrecords", 8)
    options = Namespace(records=path, eval_scenes=5)
    trained = {"records": records, "train_scenes": train_scenes}
    unseen = scenes.open_unseen_scenes(options, PRESET, trained)
    assert positions(unseen) == expected


def test_a_damaged_file_is_not_taken_for_a_short_one(scenes, tmp_path):
    path = write_records(tmp_path / "t.tfrecords", 8)
    path.write_bytes(path.read_bytes()[:-100])
    options = Namespace(records=path, eval_scenes=5)
    with pytest.raises(SystemExit, match=r"damaged.*t\.tfrecords"):
        scenes.open_unseen_scenes(
            options, PRESET, {"records": None, "train_scenes": 3}
        )


def test_shards_stand_in_for_the_file_they_were_made_from(scenes, tmp_path):
    path = write_records(tmp_path / "t.tfrecords", 14)
    convert_records(path, tmp_path / "shards")
    options = Namespace(
        records=tmp_path / "shards",
        train_scenes=8,
        eval_scenes=3,
        batch_size=4,
        seed=0,
    )
    train, validation, test = scenes.open_scenes(options, PRESET)
    assert positions(train) == [*range(8)]
    assert positions(test) == [8, 9, 10]
    assert positions(validation) == [11, 12, 13]


def test_records_of_another_size_are_refused(scenes, tmp_path):
    path = write_records(tmp_path / "t.tfrecords", 3)
    options = Namespace(records=path, eval_scenes=2)
    with pytest.raises(SystemExit, match=r"\(64, 64, 3\).*\(35, 35, 3\)"):
        scenes.open_unseen_scenes(
            options,
            Namespace(image_shape=(64, 64, 3)),
            {"records": None, "train_scenes": 1},
        )
