"""A damaged file is told by its name, and never taken for a good one."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.callbacks import TrainingCheckpoint
from tests.reliability.damaged_files import (
    DAMAGES,
    KINDS,
    damage,
    small_model,
)

# The last is what a dataset raises in the midst of training.
TOLD = (ValueError, OSError, tf.errors.InvalidArgumentError)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def check(kind, folder, seeds):
    """Damages a file once for each seed; gives how often it was noticed."""
    kind = KINDS[kind]
    kind.make(folder)
    (path,) = folder.glob(kind.file)
    good, expected = path.read_bytes(), kind.read(folder)
    refused = 0
    for seed in seeds:
        path.write_bytes(damage(good, seed))
        try:
            found = kind.read(folder)
        except Exception as error:
            refused += 1
            if kind.named:
                told = isinstance(error, TOLD) and path.parent.name in str(
                    error
                )
                assert told, f"seed {seed}: {error!r}"
        else:  # Where a bit means nothing, or what is missing is made again.
            same = map(np.array_equal, found, expected)
            assert len(found) == len(expected) and all(same), f"seed {seed}"
        path.write_bytes(good)
    return refused


@EVERY_KIND
def test_every_damage_is_harmless_or_told(tmp_path, kind):
    # The first three flip a bit: one of them, and each other damage.
    assert check(kind, tmp_path, range(2, len(DAMAGES))) > 0


@pytest.mark.slow
@EVERY_KIND
def test_many_more(tmp_path, kind):
    count = 100
    refused = check(kind, tmp_path, range(1000, 1000 + count))
    print(f"\n{kind}: {count} damages, {refused} refused, the rest harmless")
    assert refused


class Pickled:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def test_nothing_is_unpickled_from_a_checkpoint(tmp_path):
    path, trace = tmp_path / "run.npz", tmp_path / "trace"
    array = np.array([Pickled(trace)], dtype=object)
    np.savez(path, array, history="[]")
    with pytest.raises(ValueError, match=r"allow_pickle=False.*run\.npz"):
        TrainingCheckpoint(path).restore(small_model())
    assert not trace.exists()
    np.load(path, allow_pickle=True)["arr_0"]  # It would have.
    assert trace.exists()


def test_a_keras_file_runs_no_code_of_its_own(tmp_path):
    """What could hold code is refused unless its reader asks for it."""
    layer = keras.layers.Lambda(lambda x: x + 1)
    keras.Sequential([keras.Input((2,)), layer]).save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        keras.saving.load_model(tmp_path / "m.keras")
