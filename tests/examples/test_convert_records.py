"""The command line of the converter, as its users run it."""

import functools
import pathlib

import numpy as np
import pytest

from keras_slots.datasets import record_shards
from tests.datasets.published_records import clevr_record, clevr_scene, write
from tests.examples.records import write_records

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "convert_records.py"


@pytest.fixture
def run(run_example):
    """Runs the example in this process; gives what it printed."""
    return functools.partial(run_example, "convert_records")


def test_clevr6_of_the_paper(run, tmp_path):
    rng = np.random.default_rng(0)
    records = [clevr_record(clevr_scene(rng, n)) for n in (3, 6, 7, 4)]
    path = write(tmp_path / "clevr.tfrecords", records)
    folder = tmp_path / "train"
    told = run(path, folder, "--take", 3, "--paper")
    assert f"2 scenes in {folder}: images (128, 128, 3), masks" in told
    assert len(record_shards(folder)) == 2


def test_a_part_of_a_file(run, tmp_path):
    path = write_records(tmp_path / "records", 9)
    told = run(path, tmp_path / "shards", "--skip", 2, "--take", 5)
    assert "images (35, 35, 3), masks (35, 35)" in told
    assert len(record_shards(tmp_path / "shards")) == 5


def test_errors_are_told_in_a_line(run, tmp_path):
    with pytest.raises(SystemExit, match="`path` must name a file"):
        run(tmp_path / "none", tmp_path / "shards")
    path = write_records(tmp_path / "records", 2)
    with pytest.raises(SystemExit, match="`skip` must be"):
        run(path, tmp_path / "shards", "--skip", -1)
