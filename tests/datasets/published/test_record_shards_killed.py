"""A conversion killed at any moment ends with every scene, and each once."""

import multiprocessing
import random
import signal
import time

import numpy as np
import pytest

from keras_slots.datasets import (
    convert_records,
    multi_object_records,
    record_shards,
)
from keras_slots.datasets.published import shard_folder
from tests.datasets.published_records import clevr_record, clevr_scene, write

NUM_RECORDS = 200
# Few, so that a killing can hit any step of many.
SHARD_RECORDS = 7
PAPER = {"crop": ((29, 221), (64, 256)), "size": 128, "max_objects": 6}


def convert(path, folder):
    shard_folder.SHARD_RECORDS = SHARD_RECORDS
    convert_records(path, folder, **PAPER)


def start(path, folder):
    """Starts a process; it need not import TensorFlow anew every time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras_slots.datasets"])
    process = context.Process(target=convert, args=(path, folder))
    process.start()
    return process


def count_shards(folder):
    return len(list(folder.glob("*.tfrecord")))


def kill_one(path, folder, chance):
    """Kills a conversion after some shards more, in the midst of another."""
    process = start(path, folder)
    enough = count_shards(folder) + chance.randrange(3)
    while process.is_alive() and count_shards(folder) < enough:
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.15))
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return count_shards(folder)


@pytest.fixture
def path(tmp_path):
    """Copies of a few scenes, told apart by a corner of the image."""
    rng = np.random.default_rng(0)
    scenes = [clevr_scene(rng, number) for number in range(3, 11)]
    corners = rng.integers(0, 256, (NUM_RECORDS, 8, 8, 3), "uint8")
    records = []
    for i, corner in enumerate(corners):
        scene = scenes[i % 8]
        scene["image"][29:37, 64:72] = corner
        records.append(clevr_record(scene))
    return write(tmp_path / "clevr.tfrecords", records)


def run(path, folder):
    process = start(path, folder)
    process.join()
    assert process.exitcode == 0


@pytest.mark.slow
def test_no_scene_is_lost_or_doubled(path, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(path, whole)
    chance = random.Random(0)
    steps = [kill_one(path, killed, chance) for _ in range(10)]
    # What was done stayed, and a killing fell into the midst of it.
    assert steps == sorted(steps)
    assert 0 < steps[-1] < count_shards(whole)
    run(path, killed)

    names = {file.name for file in killed.iterdir() if file.suffix != ".part"}
    assert names == {file.name for file in whole.iterdir()}
    assert count_shards(killed) == -(-NUM_RECORDS // SHARD_RECORDS)
    for name in names:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    expected = multi_object_records(path, validate=False, **PAPER)
    found = list(record_shards(killed).as_numpy_iterator())
    for (image, mask), scene in zip(
        found, expected.as_numpy_iterator(), strict=True
    ):
        np.testing.assert_array_equal(image, scene[0])
        np.testing.assert_array_equal(mask, scene[1])
    assert len({image.tobytes() for image, _ in found}) == NUM_RECORDS // 2
