"""A GZIP-compressed TFRecord file of the Multi-Object Datasets, checked."""

import gzip
import math
import zlib
from dataclasses import dataclass

import tensorflow as tf
from google.protobuf.message import DecodeError

_PARSE_BATCH = 64
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class RecordFormat:
    """How one of the datasets lies on disk.

    Attributes:
        name: The dataset's name, for error messages.
        features: Shape and dtype of every feature. A uint8 feature is stored
            as one string of one byte per value.
        entity_axis: The axis of `mask` that counts the entities.
    """

    name: str
    features: dict[str, tuple[tuple[int, ...], str]]
    entity_axis: int


class RecordFile:
    """Reads one file, and says which record is at fault where one is.

    TensorFlow's own errors about a damaged file name neither the file nor the
    record, so the checks find both out by reading again, record by record.

    Args:
        path: String. The file.
        record_format: A `RecordFormat`.
    """

    def __init__(self, path: str, record_format: RecordFormat):
        self.path = path
        self.format = record_format

    def check_head(self) -> None:
        """Raises unless the file is there, is GZIP and begins as it should."""
        if not tf.io.gfile.exists(self.path) or tf.io.gfile.isdir(self.path):
            raise FileNotFoundError(
                f"`path` must name a file. Received: path={self.path!r}"
            )
        with tf.io.gfile.GFile(self.path, "rb") as file:
            head = file.read(2)
        if head != b"\x1f\x8b":
            raise ValueError(
                "`path` must name a GZIP-compressed TFRecord file, as "
                f"published; this one begins with the bytes {head!r}. "
                f"Received: path={self.path!r}"
            )
        try:
            record = next(self._records().as_numpy_iterator(), None)
        except tf.errors.OpError as error:
            raise self._unreadable(0) from error
        if record is None:
            raise ValueError(
                f"The file holds no records. Received: path={self.path!r}"
            )
        self._check_record(0, record)

    def check_slice(self, skip: int, take: int | None) -> int:
        """Reads the records asked for; gives their number, or raises."""
        count = 0
        try:
            for batch in self._batches(skip, take):
                count += int(batch["mask"].shape[0])
        # TensorFlow quotes a record that it cannot parse, and trips over the
        # quotation where it is not UTF-8.
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            self._find_fault(skip + count)
            raise ValueError(
                f"The file cannot be read: {error}. "
                f"Received: path={self.path!r}"
            ) from error
        if take is None or count < take:
            self._check_end()
        if count < (take or 1):
            raise ValueError(
                "`skip` and `take` ask for records beyond the end of the file "
                f"{self.path!r}: {count} of its records come after the skipped "
                f"ones. Received: skip={skip}, take={take}"
            )
        return count

    def scenes(self, skip: int, take: int | None) -> tf.data.Dataset:
        """The scenes one by one; images and labels uint8, factors float32."""
        return self._batches(skip, take).unbatch()

    def _records(self):
        return tf.data.TFRecordDataset(self.path, compression_type="GZIP")

    def _batches(self, skip, take):
        records = self._records().skip(skip).take(-1 if take is None else take)
        return (
            records.enumerate(start=skip)
            .batch(_PARSE_BATCH)
            .map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)
        )

    def _parse(self, indices, records):
        """Parses serialized records (B,) into a dictionary of tensors."""
        dtypes = {"uint8": tf.string, "float32": tf.float32}
        features = {
            name: tf.io.FixedLenFeature(shape, dtypes[dtype])
            for name, (shape, dtype) in self.format.features.items()
        }
        names = tf.strings.join(
            [self.path, ", record ", tf.strings.as_string(indices)]
        )
        scene = tf.io.parse_example(records, features, example_names=names)
        for name, (shape, dtype) in self.format.features.items():
            if dtype == "uint8":
                pixels = tf.io.decode_raw(scene[name], tf.uint8)
                scene[name] = tf.reshape(pixels, (tf.shape(records)[0], *shape))
        # The masks are 255 where their entity is seen and 0 elsewhere.
        label = tf.argmax(scene["mask"], axis=1 + self.format.entity_axis)
        scene["mask"] = tf.cast(tf.squeeze(label, axis=-1), tf.uint8)
        return scene

    def _find_fault(self, first_unchecked):
        """Raises for the first bad record, if reading one by one shows it."""
        index = 0
        try:
            for index, record in enumerate(self._records().as_numpy_iterator()):
                if index >= first_unchecked:
                    self._check_record(index, record)
                index += 1
        except tf.errors.OpError as error:
            raise self._unreadable(index) from error

    def _check_record(self, index, record):
        fault = self._fault(record)
        if fault is not None:
            raise ValueError(
                f"Record {index} of the file is not one of "
                f"{self.format.name!r}: {fault}. Received: path={self.path!r}"
            )

    def _fault(self, record):
        """Why a serialized record does not fit the format, or `None`."""
        try:
            example = tf.train.Example.FromString(record)
        except DecodeError:
            return "it is not a serialized `tf.train.Example`"
        for name, (shape, dtype) in self.format.features.items():
            if name not in example.features.feature:
                return f"it has no feature {name!r}"
            feature = example.features.feature[name]
            kind = "bytes_list" if dtype == "uint8" else "float_list"
            if feature.WhichOneof("kind") != kind:
                return (
                    f"its feature {name!r} is of kind "
                    f"{feature.WhichOneof('kind')}, not {kind}"
                )
            values = getattr(feature, kind).value
            if len(values) != math.prod(shape):
                return (
                    f"its feature {name!r} holds {len(values)} values, not "
                    f"{math.prod(shape)} of shape {shape}"
                )
            if dtype == "uint8" and any(len(value) != 1 for value in values):
                return (
                    f"its feature {name!r} holds strings that are not of one "
                    "byte each"
                )
        return None

    def _check_end(self):
        """Raises if the GZIP stream stops before its end.

        TensorFlow takes a stream cut between two records for a whole one, so
        it reads the records before the cut without complaint.
        """
        try:
            with (
                tf.io.gfile.GFile(self.path, "rb") as raw,
                gzip.GzipFile(fileobj=raw) as file,
            ):
                while file.read(_CHUNK_BYTES):
                    pass
        except (EOFError, OSError, zlib.error) as error:
            # Counted, as `skip` may lie beyond the last of them.
            index = sum(1 for _ in self._records())
            raise ValueError(
                f"The file is truncated or damaged from record {index} on: "
                f"{error}. Received: path={self.path!r}"
            ) from error

    def _unreadable(self, index):
        return ValueError(
            f"Record {index} of the file cannot be read: the file is "
            "truncated, damaged or not a TFRecord file. "
            f"Received: path={self.path!r}"
        )
