"""TFRecord files of scenes of fixed shapes: written whole, read in parallel."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from keras_slots.files import put_in_place

Arrays = dict[str, np.ndarray]

# The size of the buffer in memory that shuffles scenes.
_SHUFFLE_BYTES = 1 << 28
_PARSE_BATCH = 64
# A TFRecord file adds to each record its length and two checksums.
_FRAME_BYTES = 16


def write_shard(path: str, parts: Iterable[Arrays]) -> None:
    """Writes scenes, reads them back, and then puts the file in place.

    All parts have the same names, shapes and dtypes, the scenes' axis first.
    """
    written = 0
    with put_in_place(path) as unfinished:
        with tf.io.TFRecordWriter(unfinished) as writer:
            for part in parts:
                for values in zip(*part.values(), strict=True):
                    scene = dict(zip(part, values, strict=True))
                    writer.write(_serialize(scene))
                    written += 1
        # Reading compares the checksum of every record.
        found = sum(1 for _ in tf.data.TFRecordDataset(unfinished))
        if found != written:
            raise OSError(f"{path}: holds {found} scenes of {written} written")


def shard_bytes(spec: Mapping[str, tf.TensorSpec], num_scenes: int) -> int:
    """Computes the size of a file of scenes, which all have the same size."""
    scene = {
        name: np.zeros(value.shape, value.dtype.as_numpy_dtype)
        for name, value in spec.items()
    }
    return num_scenes * (len(_serialize(scene)) + _FRAME_BYTES)


def read_shards(
    spans: Sequence[tuple[str, int, int]],
    spec: Mapping[str, tf.TensorSpec],
    shuffle: bool,
    seed: int,
) -> tf.data.Dataset:
    """Reads the scenes of some files, one by one, as dicts of tensors.

    With `shuffle`, the order of the files changes at every pass, and scenes mix
    in a buffer. The error for a damaged file names the file, unlike
    TensorFlow's own error about a checksum. A span is path, first scene and
    number of scenes of a file; `spec` describes the arrays of a scene.
    """
    paths, skips, takes = map(np.array, zip(*spans, strict=True))
    files = tf.data.Dataset.from_tensor_slices((paths, skips, takes))
    total = int(takes.sum())

    def read(path, skip, take):
        readable = tf.data.TFRecordDataset(path).ignore_errors()
        records = readable.concatenate(_missing()).skip(skip).take(take)
        return records.map(lambda record: (path, record))

    if shuffle:
        files = files.shuffle(len(spans), seed)
        records = files.interleave(
            read,
            cycle_length=min(8, len(spans)),
            block_length=8,
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        size = sum(
            value.shape.num_elements() * value.dtype.size
            for value in spec.values()
        )
        buffer = max(1, _SHUFFLE_BYTES // size)
        records = records.shuffle(min(buffer, total), seed)
    else:
        records = files.flat_map(read)
    scenes = records.batch(_PARSE_BATCH).map(
        lambda paths, batch: _parse(paths, batch, spec),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return scenes.unbatch().apply(
        tf.data.experimental.assert_cardinality(total)
    )


def _serialize(scene):
    """Serializes a scene to an example, each array as its bytes."""
    feature = {
        name: tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[value.tobytes()])
        )
        for name, value in scene.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString()


def _missing():
    """Returns empty records, to replace the missing ones of a damaged file."""
    return tf.data.Dataset.from_tensors(b"").repeat()


def _parse(paths, batch, spec):
    # A whole record of another length is not one of these scenes, either.
    whole = tf.strings.length(batch) == shard_bytes(spec, 1) - _FRAME_BYTES
    damaged = tf.boolean_mask(paths, ~whole)[:1]
    check = tf.debugging.Assert(
        tf.reduce_all(whole),
        [
            "A file of scenes is damaged or cut short. Delete it, and repeat "
            "the call that made it. Received:",
            damaged,
        ],
    )
    with tf.control_dependencies([check]):
        batch = tf.identity(batch)
    features = {name: tf.io.FixedLenFeature((), tf.string) for name in spec}
    strings = tf.io.parse_example(batch, features)
    return {
        name: tf.reshape(
            tf.io.decode_raw(strings[name], value.dtype), (-1, *value.shape)
        )
        for name, value in spec.items()
    }
