"""The published Multi-Object Datasets, read from their TFRecord files."""

import os

import tensorflow as tf

from keras_slots.checks import check_integer, check_option
from keras_slots.datasets.pixels import to_float
from keras_slots.datasets.record_file import RecordFile, RecordFormat

# The other sets of the same family differ in these two entries alone, except
# CATER, which holds one string per feature and is compressed with ZLIB.
_FORMATS = {
    "tetrominoes": RecordFormat(
        name="tetrominoes",
        features={
            "image": ((35, 35, 3), "uint8"),
            "mask": ((4, 35, 35, 1), "uint8"),
            "x": ((4,), "float32"),
            "y": ((4,), "float32"),
            "shape": ((4,), "float32"),
            "color": ((4, 3), "float32"),
            "visibility": ((4,), "float32"),
        },
        entity_axis=0,
    ),
}

_SHUFFLE_BUFFER = 10_000


def multi_object_records(
    path: str | os.PathLike,
    dataset: str = "tetrominoes",
    batch_size: int | None = None,
    skip: int = 0,
    take: int | None = None,
    seed: int = 0,
    as_dict: bool = False,
    shuffle: bool = False,
    drop_remainder: bool = False,
    cache: bool = False,
    validate: bool = True,
) -> tf.data.Dataset:
    """Reads a published TFRecord file of the Multi-Object Datasets.

    The elements have the structure of the generated dataset of the same name,
    so either can stand in for the other in `fit` and `evaluate`. The published
    files have no splits; everyone slices them by index. The paper's protocol
    is `take=60_000` for training and `skip=60_000, take=320` for test.

    A file is one GZIP stream and can only be read from its start: `skip` reads
    over the records before. Where the memory allows (about 5 kB per scene for
    Tetrominoes), `cache=True` reads once and serves every later pass from
    memory.

    With `validate`, the records asked for are read once when the dataset is
    made, so that a damaged file or a file of another dataset is reported then
    and there, and the number of scenes is known. This costs about one pass
    over the file. Without it, only the first record of the file is checked
    beforehand, anything else comes out of the running pipeline as a
    `tf.errors.OpError`, and the cardinality is `take`, or unknown where `take`
    is `None`.

    Args:
        path: String or path. The TFRecord file, as downloaded: do not
            decompress it.
        dataset: String. Which dataset the file holds; so far `"tetrominoes"`.
            Defaults to `"tetrominoes"`.
        batch_size: Integer or `None`. Scenes per batch; with `None` the
            dataset yields scenes one by one. `fit` and `evaluate` want
            batches. Defaults to `None`.
        skip: Integer. Records to leave out at the start of the file. Defaults
            to `0`.
        take: Integer or `None`. Records to read after those; with `None` all
            that follow. Defaults to `None`.
        seed: Non-negative integer. Decides the order with `shuffle`. Defaults
            to `0`.
        as_dict: Boolean. Whether to yield a dictionary of every factor in
            place of `(image, mask)`. Defaults to `False`.
        shuffle: Boolean. Whether to shuffle anew at every pass, through a
            buffer of 10,000 scenes. The published scenes are independent
            draws, so a larger buffer mixes no better. Defaults to `False`.
        drop_remainder: Boolean. Whether to leave out a last batch smaller than
            `batch_size`. Defaults to `False`.
        cache: Boolean. Whether to keep the scenes in memory, in 8-bit form,
            after the first pass. Defaults to `False`.
        validate: Boolean. Whether to read and check all records asked for when
            the dataset is made. Defaults to `True`.

    Returns:
        A `tf.data.Dataset` whose elements, with a leading batch axis unless
        `batch_size` is `None`, are `(image, mask)`; for Tetrominoes:

        - `image`: float32, shape `(35, 35, 3)`, in [-1, 1]; black is -1.
        - `mask`: int32, shape `(35, 35)`; 0 the background, 1 to 3 the pieces.

        With `as_dict=True`, a dictionary of these two and the published
        factors, float32 and by entity (entity 0 is the background): for
        Tetrominoes `x` and `y` (the top **row** and the left **column** of the
        bounding box, in pixels), `shape` (1 to 19) and `visibility`, each of
        shape `(4,)`, and `color` of shape `(4, 3)`, red, green and blue.

    Raises:
        FileNotFoundError: If there is no file at `path`.
        ValueError: If an argument is not as described, if the file is not
            GZIP-compressed, is truncated or damaged, does not hold the records
            asked for, or holds a record of another dataset. The message names
            the file and the record's index, counted from 0.

    Example:
    ```python
    path = "tetrominoes_train.tfrecords"
    train = multi_object_records(path, batch_size=64, take=60_000, shuffle=True)
    test = multi_object_records(path, batch_size=64, skip=60_000, take=320)
    ```

    >>> from keras_slots.datasets import multi_object_records
    >>> multi_object_records("scenes.tfrecords")
    Traceback (most recent call last):
    FileNotFoundError: `path` must name a file. Received: \
path='scenes.tfrecords'

    References:
    - [Multi-Object Datasets](
      https://github.com/google-deepmind/multi_object_datasets): the files and
      their format.
    """
    check_option("dataset", dataset, tuple(_FORMATS))
    skip = check_integer("skip", skip, minimum=0)
    seed = check_integer("seed", seed, minimum=0)
    if take is not None:
        take = check_integer("take", take, minimum=1)
    if batch_size is not None:
        batch_size = check_integer("batch_size", batch_size, minimum=1)
    file = RecordFile(os.fspath(path), _FORMATS[dataset])
    file.check_head()
    size = file.check_slice(skip, take) if validate else take

    scenes = file.scenes(skip, take)
    if size is not None:
        scenes = scenes.apply(tf.data.experimental.assert_cardinality(size))
    if cache:
        scenes = scenes.cache()
    if shuffle:
        scenes = scenes.shuffle(
            min(size or _SHUFFLE_BUFFER, _SHUFFLE_BUFFER), seed
        )
    if batch_size is not None:
        scenes = scenes.batch(batch_size, drop_remainder=drop_remainder)

    def finish(scene):
        image = to_float(scene["image"])
        mask = tf.cast(scene["mask"], tf.int32)
        if as_dict:
            return {**scene, "image": image, "mask": mask}
        return image, mask

    scenes = scenes.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
    return scenes.prefetch(tf.data.AUTOTUNE)
