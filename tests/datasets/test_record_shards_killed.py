"""A conversion killed at any moment ends with every scene, and each once."""

import multiprocessing
import random
import time

import numpy as np
import pytest

from keras_slots.datasets import (
    convert_records,
    multi_object_records,
    record_shards,
    shard_folder,
)
from tests.datasets.published_records import clevr_record, clevr_scene, write

NUM_RECORDS = 200
# Few, so that a killing can hit any step of many.
SHARD_RECORDS = 7
PAPER = {"crop": ((29, 221), (64, 256)), "size": 128, "max_objects": 6}


def convert(path, folder):
    shard_folder.SHARD_RECORDS = SHARD_RECORDS
    convert_records(path, folder, **PAPER)


@pytest.fixture
def start(tmp_path):
    """Starts a process; it need not import TensorFlow anew every time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras_slots.datasets"])

    def start(path, folder):
        process = context.Process(target=convert, args=(path, folder))
        process.start()
        return process

    return start


def wait_for_settings(process, folder):
    """Waits until a conversion is about to begin."""
    while process.is_alive() and not (folder / "settings.json").exists():
        time.sleep(0.001)


@pytest.mark.slow
def test_no_scene_is_lost_or_doubled(tmp_path, start):
    rng = np.random.default_rng(0)
    # Copies, told apart by the corner of the image.
    drawn = [clevr_scene(rng, number) for number in range(3, 11)]
    corners = rng.integers(0, 256, (NUM_RECORDS, 8, 8, 3), "uint8")
    records = []
    for i, corner in enumerate(corners):
        scene = drawn[i % 8]
        scene["image"][29:37, 64:72] = corner
        records.append(clevr_record(scene))
    path = write(tmp_path / "clevr.tfrecords", records)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(path, whole)
    wait_for_settings(process, whole)
    begin = time.monotonic()
    process.join()
    duration = time.monotonic() - begin
    assert process.exitcode == 0

    chance = random.Random(0)
    steps = []
    for _ in range(10):
        process = start(path, killed)
        wait_for_settings(process, killed)
        time.sleep(chance.uniform(0, duration / 3))
        process.kill()
        process.join()
        steps.append(len(list(killed.glob("*.tfrecord"))))
    # What was done stayed, and the killings fell into the midst of it.
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]
    process = start(path, killed)
    process.join()
    assert process.exitcode == 0

    names = {file.name for file in killed.iterdir() if file.suffix != ".part"}
    assert names == {file.name for file in whole.iterdir()}
    assert len(names) == 2 + -(-NUM_RECORDS // SHARD_RECORDS)
    for name in names:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    expected = multi_object_records(path, validate=False, **PAPER)
    expected = list(expected.as_numpy_iterator())
    found = list(record_shards(killed).as_numpy_iterator())
    assert len(found) == NUM_RECORDS // 2
    for pair, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(pair[0], other[0])
        np.testing.assert_array_equal(pair[1], other[1])
    assert len({image.tobytes() for image, _ in found}) == len(found)
