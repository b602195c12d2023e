"""Where there is no room, an error says so, and what was there stays."""

import contextlib
import resource

import numpy as np
import pytest
import tensorflow as tf

from keras_slots.callbacks import TrainingCheckpoint
from tests.reliability.damaged_files import (
    make_checkpoint,
    read_cache,
    read_checkpoint,
    small_model,
)


@contextlib.contextmanager
def room_for(num_bytes):
    """No file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("num_bytes", [0, 1, 1000])
def test_the_last_checkpoint_stands(tmp_path, num_bytes):
    make_checkpoint(tmp_path)
    expected = read_checkpoint(tmp_path)
    checkpoint = TrainingCheckpoint(tmp_path / "run.npz")
    checkpoint.set_model(small_model())
    checkpoint.on_train_begin()
    with room_for(num_bytes), pytest.raises(OSError, match="large"):
        checkpoint.on_epoch_end(1, {"loss": 0.5})
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    for value, old in zip(read_checkpoint(tmp_path), expected, strict=True):
        np.testing.assert_array_equal(value, old)


def test_a_cache_is_not_filled_by_half_a_shard(tmp_path):
    with room_for(20_000), pytest.raises((OSError, tf.errors.OpError)):
        read_cache(tmp_path)
    (folder,) = (tmp_path / "cache").iterdir()
    assert [path.name for path in folder.iterdir()] == ["settings.json"]
    assert read_cache(tmp_path)  # With room again, as if nothing had been.
