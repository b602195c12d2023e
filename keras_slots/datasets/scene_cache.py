"""Scenes kept on disk in shards that are whole or not there."""

import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

SHARD_SCENES = 500
_MANIFEST = "settings.json"
_UNFINISHED = ".part"
_SHARD = re.compile(r"scenes-(\d{8})-(\d{8})\.tfrecord")
# Scenes of few enough bytes to shuffle among in memory.
_SHUFFLE_BYTES = 1 << 28
_PARSE_BATCH = 64
_MAKE_BATCH = 50

Arrays = dict[str, np.ndarray]


class SceneCache:
    """A folder of TFRecord files that hold the first scenes of a split.

    A shard is written under another name and then moved into place, so that
    an interrupted run leaves only whole shards, and the next one goes on from
    there. Shards lie by index: a cache serves every smaller number of scenes,
    and grows where a larger one is asked for.

    Args:
        folder: String. Made if it is not there.
        settings: Dict of what decides the scenes, for JSON.
        make: Function from scene indices to a dict of arrays, the scenes'
            axis first, always of the same names, shapes and dtypes.

    Raises:
        ValueError: If the folder holds scenes of other settings.
    """

    def __init__(
        self,
        folder: str,
        settings: dict,
        make: Callable[[np.ndarray], Arrays],
    ):
        self.folder = folder
        self.settings = json.loads(json.dumps(settings))
        self.make = make
        self._check_settings()

    def _check_settings(self):
        try:
            os.makedirs(self.folder, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ValueError(
                "`cache` must name a folder, not a file. "
                f"Received: cache={self.folder!r}"
            ) from error
        path = os.path.join(self.folder, _MANIFEST)
        if not os.path.exists(path):
            names = os.listdir(self.folder)
            if any(not name.endswith(_UNFINISHED) for name in names):
                raise ValueError(
                    "`cache` must name a folder of its own: this one is not "
                    "empty and holds no cache of scenes. "
                    f"Received: cache={self.folder!r}"
                )
            with _put_in_place(path) as unfinished:
                with open(unfinished, "w", encoding="utf-8") as file:
                    json.dump(self.settings, file, indent=2)
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found != self.settings:
            differing = [
                f"{name}={found.get(name)!r} there, {value!r} here"
                for name, value in self.settings.items()
                if found.get(name) != value
            ]
            raise ValueError(
                "`cache` holds scenes of other settings "
                f"({'; '.join(differing)}); name another folder, or delete "
                f"this one. Received: cache={self.folder!r}"
            )

    def fill(self, num_scenes: int) -> list[str]:
        """Makes what is missing of the first scenes; gives the shards."""
        found: dict[int, int] = {}
        for name in sorted(os.listdir(self.folder)):
            match = _SHARD.fullmatch(name)
            if match:
                found[int(match[1])] = int(match[2])
        spans = [
            (start, min(start + SHARD_SCENES, num_scenes))
            for start in range(0, num_scenes, SHARD_SCENES)
        ]
        missing = [
            (start, stop) for start, stop in spans if found.get(start, 0) < stop
        ]
        if missing:
            self._make_shards(missing)
        # A shard of fewer scenes stays beside the longer one that follows it,
        # as a dataset may still read it.
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
        # NumPy lets go of the interpreter's lock within its operations, so
        # that threads share the work.
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
                with _put_in_place(self._path(start, stop)) as unfinished:
                    _write_records(unfinished, parts)

    def scenes(
        self, num_scenes: int, shuffle: bool, seed: int
    ) -> tf.data.Dataset:
        """The first scenes, one by one, as dicts of what `make` gives.

        With `shuffle`, the order of the shards changes at every pass, and
        scenes mix in a buffer.
        """
        shards = self.fill(num_scenes)
        example = {
            name: tf.TensorSpec(value.shape[1:], value.dtype)
            for name, value in self.make(np.arange(1)).items()
        }
        last = num_scenes - SHARD_SCENES * (len(shards) - 1)
        counts = [SHARD_SCENES] * (len(shards) - 1) + [last]
        files = tf.data.Dataset.from_tensor_slices(
            (shards, np.array(counts, "int64"))
        )

        def read(path, count):
            return tf.data.TFRecordDataset(path).take(count)

        if shuffle:
            files = files.shuffle(len(shards), seed)
            records = files.interleave(
                read, cycle_length=min(8, len(shards)), block_length=8
            )
            size = sum(
                spec.shape.num_elements() * spec.dtype.size
                for spec in example.values()
            )
            buffer = max(1, _SHUFFLE_BYTES // size)
            records = records.shuffle(min(buffer, num_scenes), seed)
        else:
            records = files.flat_map(read)
        features = {
            name: tf.io.FixedLenFeature((), tf.string) for name in example
        }

        def parse(batch):
            strings = tf.io.parse_example(batch, features)
            return {
                name: tf.reshape(
                    tf.io.decode_raw(strings[name], spec.dtype),
                    (-1, *spec.shape),
                )
                for name, spec in example.items()
            }

        records = records.batch(_PARSE_BATCH)
        scenes = records.map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        return scenes.unbatch().apply(
            tf.data.experimental.assert_cardinality(num_scenes)
        )


def _write_records(path, parts):
    """Writes serialized examples: each array of a scene as its bytes."""
    with tf.io.TFRecordWriter(path) as writer:
        for part in parts:
            for values in zip(*part.values(), strict=True):
                feature = {
                    name: tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[value.tobytes()])
                    )
                    for name, value in zip(part, values, strict=True)
                }
                example = tf.train.Example(
                    features=tf.train.Features(feature=feature)
                )
                writer.write(example.SerializeToString())


@contextmanager
def _put_in_place(path):
    """A path to write to; the file is then moved to `path`, or removed."""
    unfinished = f"{path}.{os.getpid()}{_UNFINISHED}"
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)
