"""Scenes on disk: whole or not there, whatever interrupts."""

import json
import os
import pathlib

import numpy as np
import pytest

from keras_slots.datasets.storage import scene_cache, scene_shards
from keras_slots.datasets.storage.scene_cache import SceneCache

SETTINGS = {"seed": 1, "only": {"size": (0, 1)}}


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(scene_cache, "SHARD_SCENES", 8)
    monkeypatch.setattr(scene_cache, "_MAKE_BATCH", 3)


class Maker:
    """Makes scenes that tell their index, and remembers which it made."""

    def __init__(self, broken=()):
        self.made = []
        self.broken = set(broken)

    def __call__(self, indices):
        if self.broken & set(indices.tolist()):
            raise KeyboardInterrupt
        self.made += indices.tolist()
        return {
            "image": (
                indices[:, None, None] + np.arange(6).reshape(2, 3)
            ).astype("uint8"),
            "place": indices[:, None] * np.array([0.5, -2.0], "float32"),
            "count": indices.astype("int32"),
        }


def read(cache, num_scenes, shuffle=False, seed=0):
    dataset = cache.scenes(num_scenes, shuffle, seed)
    assert dataset.cardinality() == num_scenes
    return list(dataset.as_numpy_iterator())


def counts(scenes):
    return [int(scene["count"]) for scene in scenes]


def test_scenes_come_back_as_they_were_made(tmp_path):
    maker = Maker()
    scenes = read(SceneCache(str(tmp_path / "a" / "b"), SETTINGS, maker), 21)
    expected = Maker()(np.arange(21))
    for i, scene in enumerate(scenes):
        assert set(scene) == set(expected)
        for name, values in expected.items():
            assert scene[name].dtype == values.dtype
            np.testing.assert_array_equal(scene[name], values[i])


def test_what_is_there_is_not_made_again(tmp_path):
    read(SceneCache(str(tmp_path), SETTINGS, Maker()), 21)
    again = Maker()
    assert counts(read(SceneCache(str(tmp_path), SETTINGS, again), 21)) == list(
        range(21)
    )
    assert set(again.made) <= {0}  # A scene shows the shapes.


def test_smaller_and_larger_numbers_share_a_cache(tmp_path):
    few = SceneCache(str(tmp_path), SETTINGS, Maker()).scenes(11, False, 0)
    fewer = Maker()
    cache = SceneCache(str(tmp_path), SETTINGS, fewer)
    for number in (1, 5, 8, 10):
        assert counts(read(cache, number)) == list(range(number))
    assert set(fewer.made) <= {0}
    more = Maker()
    cache = SceneCache(str(tmp_path), SETTINGS, more)
    assert counts(read(cache, 20)) == list(range(20))
    assert sorted(set(more.made) - {0}) == list(range(8, 20))
    assert counts(read(cache, 12)) == list(range(12))
    # A dataset of before still has its files.
    assert counts(few.as_numpy_iterator()) == list(range(11))


def test_interrupted_run_is_resumed(tmp_path):
    broken = SceneCache(str(tmp_path), SETTINGS, Maker(broken=[18]))
    with pytest.raises(KeyboardInterrupt):
        broken.fill(24)
    names = sorted(os.listdir(tmp_path))
    assert names == [
        "scenes-00000000-00000008.tfrecord",
        "scenes-00000008-00000016.tfrecord",
        "settings.json",
    ]
    maker = Maker()
    cache = SceneCache(str(tmp_path), SETTINGS, maker)
    assert counts(read(cache, 24)) == list(range(24))
    assert sorted(set(maker.made) - {0}) == list(range(16, 24))


@pytest.mark.parametrize("where", ["write", "replace"])
def test_failure_while_writing_leaves_nothing(tmp_path, monkeypatch, where):
    cache = SceneCache(str(tmp_path), SETTINGS, Maker())

    def fail(*args):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        if where == "replace":
            patched.setattr(os, "replace", fail)
        else:
            # After some records have been written.
            scenes = iter([b"one", b"two"])
            patched.setattr(
                scene_shards,
                "_serialize",
                lambda scene: next(scenes, None) or fail(),
            )
        with pytest.raises(OSError, match="disk full"):
            cache.fill(8)
    assert os.listdir(tmp_path) == ["settings.json"]
    assert counts(read(cache, 8)) == list(range(8))


def test_traces_of_a_killed_run_do_no_harm(tmp_path):
    for name in (
        "settings.json.123.part",
        "scenes-00000000-00000008.tfrecord.123.part",
    ):
        (tmp_path / name).write_bytes(b"half")
    cache = SceneCache(str(tmp_path), SETTINGS, Maker())
    assert counts(read(cache, 8)) == list(range(8))


def test_shuffled_passes_hold_all_scenes_in_other_orders(tmp_path):
    cache = SceneCache(str(tmp_path), SETTINGS, Maker())
    dataset = cache.scenes(21, True, 3)
    passes = [counts(dataset.as_numpy_iterator()) for _ in range(2)]
    assert passes[0] != passes[1]
    for numbers in passes:
        assert numbers != list(range(21))
        assert sorted(numbers) == list(range(21))
    again = cache.scenes(21, True, 3)
    assert counts(again.as_numpy_iterator()) == passes[0]
    other = cache.scenes(21, True, 4)
    assert counts(other.as_numpy_iterator()) != passes[0]
    # Scenes of several files are mixed, though the buffer were small.
    assert len({number // 8 for number in passes[0][:8]}) > 1


def test_other_settings_are_refused(tmp_path):
    SceneCache(str(tmp_path), SETTINGS, Maker()).fill(8)
    before = sorted(os.listdir(tmp_path))
    message = r"`cache` holds scenes of other settings \(seed=1 there, 2 here\)"
    with pytest.raises(ValueError, match=message) as error:
        SceneCache(str(tmp_path), {**SETTINGS, "seed": 2}, Maker())
    assert str(error.value).endswith(f"Received: cache={str(tmp_path)!r}")
    assert sorted(os.listdir(tmp_path)) == before
    found = json.loads((tmp_path / "settings.json").read_text())
    assert found == {"seed": 1, "only": {"size": [0, 1]}}


def test_folders_of_something_else_are_refused(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    message = "`cache` must name a folder of its own"
    with pytest.raises(ValueError, match=message) as error:
        SceneCache(str(tmp_path), SETTINGS, Maker())
    assert str(error.value).endswith(f"Received: cache={str(tmp_path)!r}")
    assert os.listdir(tmp_path) == ["letters.txt"]
    path = tmp_path / "letters.txt"
    for folder in (path, path / "train"):
        with pytest.raises((FileExistsError, NotADirectoryError)):
            SceneCache(str(folder), SETTINGS, Maker())
    assert pathlib.Path(path).read_text() == "dear"


def test_progress_is_told(tmp_path, capsys):
    cache = SceneCache(str(tmp_path), SETTINGS, Maker())
    cache.fill(10)
    told = capsys.readouterr().out
    assert f"Rendering 10 scenes into {tmp_path}" in told
    assert "10/10" in told
    cache.fill(10)
    assert capsys.readouterr().out == ""
