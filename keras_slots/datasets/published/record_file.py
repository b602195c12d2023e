"""A published TFRecord file of the Multi-Object Datasets, checked."""

import gzip
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from keras_slots.checks import as_integer_or_none, check_option
from keras_slots.datasets.published.image_window import Crop, ImageWindow
from keras_slots.datasets.published.record_formats import FORMATS, recognize

# The most records, and values, parsed together: TensorFlow makes a string of
# 24 bytes of each value, so the values take 50 MB.
_PARSE_BATCH = 50
_PARSE_VALUES = 1 << 21
_CHUNK_BYTES = 1 << 20


class RecordFile:
    """A published file, whose errors name the damaged record.

    TensorFlow's own errors about a damaged file name neither the file nor the
    record, so the checks find both by reading again, record by record. The
    arguments are as in `multi_object_records`.
    """

    def __init__(
        self,
        path: str,
        dataset: str | None,
        crop: Crop | None = None,
        size: int | Sequence[int] | None = None,
        max_objects: int | None = None,
    ):
        if dataset is not None:
            check_option("dataset", dataset, FORMATS)
        max_objects = as_integer_or_none("max_objects", max_objects)
        self.path = path
        self.max_objects = max_objects
        self._compression = self._find_compression()
        first = self._first_record()
        name = dataset or recognize(first)
        if name is None:
            raise self._error(
                "Record 0 of the file fits no published dataset; set `dataset` "
                "to see the difference"
            )
        self.format = FORMATS[name]
        self._check_record(0, first)
        self.window = ImageWindow(crop, size, self.format.image_shape)
        if max_objects and "visibility" not in self.format.features:
            raise ValueError(
                "`max_objects` must be `None` for a dataset without the "
                f"objects' visibility, such as {self.format.name!r}. "
                f"Received: max_objects={max_objects}"
            )

    def scenes(self, skip: int, take: int | None) -> tf.data.Dataset:
        """Returns the scenes one by one, with the types of `scene_spec`."""
        return self._batches(skip, take).map(lambda _, scene: scene).unbatch()

    def read(
        self, skip: int, take: int | None
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Reads the same scenes as `scenes`, immediately and in batches.

        Yields:
            Pairs: the number of records read, and the scenes kept from them.
        """
        count = 0
        try:
            for number, scenes in self._batches(skip, take).as_numpy_iterator():
                count += int(number)
                yield int(number), scenes
        # TensorFlow quotes a record that it cannot parse, and fails at the
        # quotation if it is not UTF-8.
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            self._find_fault(skip + count)
            raise self._error(f"The file cannot be read: {error}") from error
        if take is None or count < take:
            self._check_end()

    def count(self, skip: int, take: int | None) -> int:
        """Reads the records and returns the number of scenes kept."""
        records = scenes = 0
        for number, batch in self.read(skip, take):
            records += number
            scenes += len(batch["image"])
        self.check_counts(skip, take, records, scenes)
        return scenes

    def check_counts(
        self, skip: int, take: int | None, records: int, scenes: int
    ) -> None:
        """Raises if records are missing, or no scene was kept."""
        if records < (take or 1):
            raise ValueError(
                "`skip` and `take` ask for records beyond the end of the file "
                f"{self.path!r}: {records} records follow after the "
                f"skipped records. Received: skip={skip}, take={take}"
            )
        if not scenes:
            raise ValueError(
                f"`max_objects` leaves none of {records} scenes. "
                f"Received: max_objects={self.max_objects}"
            )

    def _records(self):
        return tf.data.TFRecordDataset(self.path, self._compression)

    def _batches(self, skip, take):
        records = self._records().skip(skip).take(-1 if take is None else take)
        most = max(1, _PARSE_VALUES // self.format.num_values)
        return (
            records.enumerate(start=skip)
            .batch(min(_PARSE_BATCH, most))
            .map(self._parse, num_parallel_calls=tf.data.AUTOTUNE)
        )

    def _parse(self, indices, records):
        """Counts and parses serialized records (B,); returns kept scenes."""
        number = tf.shape(records)[0]
        names = tf.strings.join(
            [self.path, ", record ", tf.strings.as_string(indices)]
        )
        if self.max_objects is not None:
            # Counted first, as parsing the pixels takes most of the time.
            objects = self.format.count_objects(records, names)
            kept = objects <= self.max_objects
            records, names = records[kept], names[kept]
        scene = self.format.parse(records, names)
        scene["image"] = self.window.image(scene["image"])
        scene["mask"] = self.window.mask(scene["mask"])
        return number, scene

    def _find_compression(self):
        """Returns the compression, by the first bytes of the file."""
        if not tf.io.gfile.exists(self.path) or tf.io.gfile.isdir(self.path):
            raise FileNotFoundError(
                f"`path` must name a file. Received: path={self.path!r}"
            )
        with tf.io.gfile.GFile(self.path, "rb") as file:
            head = file.read(2)
        if head == b"\x1f\x8b":
            return "GZIP"
        # The start of a ZLIB stream with the largest window, at any level.
        if head[:1] == b"\x78" and int.from_bytes(head) % 31 == 0:
            return "ZLIB"
        raise self._error(
            "`path` must name a TFRecord file compressed by GZIP or ZLIB, as "
            f"published; this one begins with the bytes {head!r}"
        )

    def _first_record(self):
        try:
            record = next(self._records().as_numpy_iterator(), None)
        except tf.errors.OpError as error:
            raise self._unreadable(0) from error
        return record or b""  # Which fits no dataset, for an empty file.

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
        fault = self.format.fault(record)
        if fault is not None:
            name = self.format.name
            raise self._error(
                f"Record {index} of the file is not one of {name!r}: {fault}"
            )

    def _check_end(self):
        """Raises if the compressed stream stops before its end.

        TensorFlow takes a stream cut between two records for a whole stream, so
        it reads the records before the cut without an error.
        """
        try:
            with tf.io.gfile.GFile(self.path, "rb") as raw:
                self._decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            # All records are counted, as `skip` may lie beyond the last.
            index = sum(1 for _ in self._records())
            raise self._error(
                f"The file is truncated or damaged from record {index} on: "
                f"{error}"
            ) from error

    def _decompress(self, raw):
        if self._compression == "GZIP":
            with gzip.GzipFile(fileobj=raw) as file:
                while file.read(_CHUNK_BYTES):
                    pass
            return
        stream = zlib.decompressobj()
        while chunk := raw.read(_CHUNK_BYTES):
            stream.decompress(chunk)
        if not stream.eof:
            raise EOFError("the stream stops before its end")

    def _unreadable(self, index):
        return self._error(
            f"Record {index} of the file cannot be read: the file is "
            "truncated, damaged or not a TFRecord file"
        )

    def _error(self, fault):
        return ValueError(f"{fault}. Received: path={self.path!r}")
