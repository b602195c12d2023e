"""Which scenes the example trains on, validates on, tests on and scores."""

import importlib
import pathlib
from argparse import Namespace

import pytest

from tests.examples.records import positions, write_records

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
    train, validation, test = scenes.open_scenes(options)
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
    unseen = scenes.open_unseen_scenes(options, trained)
    assert positions(unseen) == expected


def test_a_damaged_file_is_not_taken_for_a_short_one(scenes, tmp_path):
    path = write_records(tmp_path / "t.tfrecords", 8)
    path.write_bytes(path.read_bytes()[:-100])
    options = Namespace(records=path, eval_scenes=5)
    with pytest.raises(SystemExit, match=r"damaged.*t\.tfrecords"):
        scenes.open_unseen_scenes(options, {"records": None, "train_scenes": 3})
