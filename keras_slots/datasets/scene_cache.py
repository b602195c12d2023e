"""Scenes kept on disk in shards that are whole or not there."""

import json
import os
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf

SHARD_SCENES = 500
_MANIFEST = "settings.json"
_SHARD = re.compile(r"scenes-(\d{8})-(\d{8})\.tfrecord")
# Scenes of few enough bytes to shuffle among in memory.
_SHUFFLE_BYTES = 1 << 28
_PARSE_BATCH = 64

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
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, _MANIFEST)
        if not os.path.exists(path):
            if os.listdir(self.folder):
                raise ValueError(
                    "`cache` must name a folder of its own: this one is not "
                    "empty and holds no cache of scenes. "
                    f"Received: cache={self.folder!r}"
                )
            _write(path, json.dumps(self.settings, indent=2).encode())
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
        found = {}
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
        bar = keras.utils.Progbar(total, unit_name="scene")
        # NumPy lets go of the interpreter's lock within an array's operation.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start, stop in spans:
                pieces = np.array_split(
                    np.arange(start, stop), -(-(stop - start) // 50)
                )
                futures = [pool.submit(self.make, piece) for piece in pieces]
                try:
                    parts = []
                    for future in futures:
                        parts.append(future.result())
                        bar.add(len(next(iter(parts[-1].values()))))
                except BaseException:
                    for future in futures:
                        future.cancel()
                    raise
                self._write_shard(start, stop, parts)

    def _write_shard(self, start, stop, parts):
        path = self._path(start, stop)
        handle, temporary = tempfile.mkstemp(
            dir=self.folder, prefix=os.path.basename(path), suffix=".part"
        )
        os.close(handle)
        try:
            with tf.io.TFRecordWriter(temporary) as writer:
                for part in parts:
                    for record in _records(part):
                        writer.write(record)
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.remove(temporary)
        # A shorter shard of the same scenes, from a smaller number of them.
        for name in os.listdir(self.folder):
            match = _SHARD.fullmatch(name)
            if match and int(match[1]) == start and int(match[2]) < stop:
                os.remove(os.path.join(self.folder, name))

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


def _records(part):
    """Serialized examples: each array of a scene as its bytes."""
    for i in range(len(next(iter(part.values())))):
        feature = {
            name: tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[value[i].tobytes()])
            )
            for name, value in part.items()
        }
        yield tf.train.Example(
            features=tf.train.Features(feature=feature)
        ).SerializeToString()


def _write(path, content):
    """Writes a file beside its place, and moves it there."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
