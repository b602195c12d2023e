"""Scenes kept on disk in shards that are either whole or missing."""

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from keras_slots.datasets.storage.scene_shards import (
    Arrays,
    read_shards,
    shard_bytes,
    write_shard,
)
from keras_slots.datasets.storage.settings_file import claim_folder

SHARD_SCENES = 500
_SHARD = re.compile(r"scenes-(\d{8})-(\d{8})\.tfrecord")
_MAKE_BATCH = 50


class SceneCache:
    """A folder of TFRecord files that hold the first scenes of a split.

    A shard is written under another name and then moved into place, so that
    an interrupted run leaves only whole shards, and the next run continues
    from there. Shards that were cut short are made again. Shards are ordered by
    index: a cache serves every smaller number of scenes, and grows for a larger
    number.

    The settings determine the scenes. `make` maps scene indices to a dict of
    arrays, the scenes' axis first, always of the same names, shapes and dtypes.
    """

    def __init__(
        self,
        folder: str,
        settings: dict,
        make: Callable[[np.ndarray], Arrays],
    ):
        self.folder = folder
        self.make = make
        claim_folder("cache", folder, settings)

    def fill(self, num_scenes: int) -> list[str]:
        """Makes the missing shards of the first scenes; returns all paths."""
        found: dict[int, int] = {}
        for name in sorted(os.listdir(self.folder)):
            match = _SHARD.fullmatch(name)
            if match:
                start, stop = map(int, match.groups())
                size = os.path.getsize(os.path.join(self.folder, name))
                if size == shard_bytes(self._spec, stop - start):
                    found[start] = stop
        spans = [
            (start, min(start + SHARD_SCENES, num_scenes))
            for start in range(0, num_scenes, SHARD_SCENES)
        ]
        missing = [
            (start, stop) for start, stop in spans if found.get(start, 0) < stop
        ]
        if missing:
            self._make_shards(missing)
        # A shard of fewer scenes stays beside the longer shard that replaces
        # it, as a dataset may still read it.
        return [
            self._path(start, max(found.get(start, 0), stop))
            for start, stop in spans
        ]

    def _path(self, start, stop):
        name = f"scenes-{start:08d}-{stop:08d}.tfrecord"
        return os.path.join(self.folder, name)

    def _make_shards(self, spans):
        total = sum(stop - start for start, stop in spans)
        print(f"Rendering {total} scenes into {self.folder}")
        bar = keras.utils.Progbar(total, interval=1, unit_name="scene")
        # NumPy releases the interpreter's lock in its operations, so threads
        # share the work.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start, stop in spans:
                pieces = [
                    np.arange(i, min(i + _MAKE_BATCH, stop))
                    for i in range(start, stop, _MAKE_BATCH)
                ]
                parts = []
                for part in pool.map(self.make, pieces):
                    parts.append(part)
                    bar.add(len(pieces[len(parts) - 1]))
                write_shard(self._path(start, stop), parts)

    def scenes(
        self, num_scenes: int, shuffle: bool, seed: int
    ) -> tf.data.Dataset:
        """Returns the first scenes, one by one, as dicts from `make`.

        With `shuffle`, the order of the shards changes at every pass, and
        scenes mix in a buffer.
        """
        shards = self.fill(num_scenes)
        last = num_scenes - SHARD_SCENES * (len(shards) - 1)
        spans = [(path, 0, SHARD_SCENES) for path in shards]
        spans[-1] = (shards[-1], 0, last)
        return read_shards(spans, self._spec, shuffle, seed)

    @cached_property
    def _spec(self):
        """Returns the arrays of a scene; makes one scene to see them."""
        return {
            name: tf.TensorSpec(value.shape[1:], value.dtype)
            for name, value in self.make(np.arange(1)).items()
        }
