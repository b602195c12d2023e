"""A conversion killed at any moment ends with every scene, and each once."""

import random
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_slots.datasets import multi_object_records, record_shards
from tests.datasets.published_records import clevr_record, clevr_scene, write

NUM_RECORDS = 200
PAPER = {"crop": ((29, 221), (64, 256)), "size": 128, "max_objects": 6}
# Small shards, so that a killing can hit any step of many.
CONVERT = """
import sys
from keras_slots.datasets import convert_records, shard_folder
shard_folder.SHARD_RECORDS = 7
print("imported", flush=True)
convert_records({path!r}, {folder!r}, **{options!r})
"""


def start(path, folder):
    """Starts a conversion; returns when it is about to begin."""
    script = CONVERT.format(path=path, folder=folder, options=PAPER)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "imported\n"
    return process


@pytest.mark.slow
def test_no_scene_is_lost_or_doubled(tmp_path):
    rng = np.random.default_rng(0)
    scenes = (clevr_scene(rng, 3 + i % 8) for i in range(NUM_RECORDS))
    records = map(clevr_record, scenes)
    path = write(tmp_path / "clevr.tfrecords", records)
    started = time.monotonic()
    whole = start(path, str(tmp_path / "whole"))
    whole.communicate()
    assert whole.returncode == 0
    duration = time.monotonic() - started

    folder = tmp_path / "killed"
    chance = random.Random(0)
    killed = 0
    while killed < 10:
        process = start(path, str(folder))
        # So that ten runs get about half of the way together.
        time.sleep(chance.uniform(0, duration / 5))
        if process.poll() is None:
            killed += 1
        process.kill()
        process.communicate()
    process = start(path, str(folder))
    process.communicate()
    assert process.returncode == 0

    for name in ("finished.json", "settings.json"):
        once = (tmp_path / "whole" / name).read_bytes()
        assert (folder / name).read_bytes() == once
    shards = sorted(file.name for file in folder.glob("*.tfrecord"))
    assert len(shards) == -(-NUM_RECORDS // 7)
    for name in shards:
        once = (tmp_path / "whole" / name).read_bytes()
        assert (folder / name).read_bytes() == once
    expected = multi_object_records(path, validate=False, **PAPER)
    expected = list(expected.as_numpy_iterator())
    found = list(record_shards(folder).as_numpy_iterator())
    assert len(found) == sum(3 + i % 8 <= 6 for i in range(NUM_RECORDS))
    for pair, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(pair[0], other[0])
        np.testing.assert_array_equal(pair[1], other[1])
