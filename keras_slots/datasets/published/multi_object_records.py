"""The published Multi-Object Datasets, read from their TFRecord files."""

import os
from collections.abc import Sequence

import tensorflow as tf

from keras_slots.checks import as_integer, as_integer_or_none
from keras_slots.datasets.published.image_window import Crop
from keras_slots.datasets.published.record_file import RecordFile
from keras_slots.datasets.published.scene_elements import scene_elements

_SHUFFLE_BUFFER = 10_000


def multi_object_records(
    path: str | os.PathLike,
    dataset: str | None = None,
    batch_size: int | None = None,
    skip: int = 0,
    take: int | None = None,
    seed: int = 0,
    as_dict: bool = False,
    shuffle: bool = False,
    drop_remainder: bool = False,
    cache: bool = False,
    validate: bool = True,
    crop: Crop | None = None,
    size: int | Sequence[int] | None = None,
    max_objects: int | None = None,
) -> tf.data.Dataset:
    """Reads a published TFRecord file of the Multi-Object Datasets.

    Reads every file as published: Tetrominoes, the three variants of
    Multi-dSprites, CLEVR with masks, Objects Room with its three test sets,
    and the videos of CATER. Where a generated dataset has the same name, the
    elements have the same structure, so either can replace the other in `fit`
    and `evaluate`.

    The published files have no splits; users slice them by index. The
    paper's protocol for Tetrominoes and Multi-dSprites is `take=60_000` for
    training and `skip=60_000, take=320` for test. For CLEVR6 it crops to
    `crop=((29, 221), (64, 256))` (rows before columns, which section 5.8 of
    the supplement calls width and height), resizes to `size=128`, and keeps
    scenes of `max_objects=6` at most: from the first 70,000 records for
    training, and the first 320 kept after these records for test. `skip` and
    `take` count records, before `max_objects` leaves out any.

    A file is one compressed stream and can only be read from its start: `skip`
    also reads the records that it skips. If memory allows (about 5 kB per scene
    for Tetrominoes, 25 kB for Multi-dSprites), `cache=True` reads once and
    serves every later pass from memory. A record of CLEVR takes 3.2 MB and
    about 40 ms of a processor core: convert CLEVR's file once with
    `convert_records`.

    With `validate`, the records are read once when the dataset is made, so
    that a damaged file or a file of another dataset is reported immediately,
    and the number of scenes is known. This costs about one pass over the file.
    Without it, only the first record of the file is checked beforehand, the
    running pipeline raises a `tf.errors.OpError` for other faults, and the
    cardinality is `take`, or unknown if `take` is `None` or `max_objects` is
    set.

    Args:
        path: String or path. The TFRecord file, as downloaded: do not
            decompress it.
        dataset: String or `None`. The dataset that the file must hold:
            `"tetrominoes"`; `"multi_dsprites_binarized"`,
            `"multi_dsprites_colored_on_grayscale"` (the paper's) or
            `"multi_dsprites_colored_on_colored"`; `"clevr_with_masks"`;
            `"objects_room"`, or its test sets `"objects_room_empty_room"`,
            `"objects_room_six_objects"` and `"objects_room_identical_color"`;
            `"cater_with_masks"`. With `None`, the first record's dataset.
            Defaults to `None`.
        batch_size: Integer or `None`. Scenes per batch, as `fit` wants them;
            `None` yields scenes one by one. Defaults to `None`.
        skip: Integer. Records to leave out at the start of the file. Defaults
            to `0`.
        take: Integer or `None`. Records to read after the skipped ones; with
            `None` all that follow. Defaults to `None`.
        seed: Non-negative integer. Decides the order with `shuffle`. Defaults
            to `0`.
        as_dict: Boolean. Whether to yield a dictionary of every factor in
            place of `(image, mask)`. Defaults to `False`.
        shuffle: Boolean. Whether to shuffle at every pass, through a buffer
            of 10,000 scenes. The published scenes are independent draws, so a
            larger buffer does not mix better. Defaults to `False`.
        drop_remainder: Boolean. Whether to leave out a last batch smaller than
            `batch_size`. Defaults to `False`.
        cache: Boolean. Whether to keep the scenes in memory, in 8-bit form,
            after the first pass. Defaults to `False`.
        validate: Boolean. Whether to read and check all these records when
            the dataset is made. Defaults to `True`.
        crop: Pairs of integers, or `None`. The part of the image to keep: the
            first row and the row after the last, then the same for columns.
            Defaults to `None`.
        size: Integer, pair of integers or `None`. Height and width to resize
            to after `crop`: images bilinearly, without smoothing first, as in
            the authors' code; masks by the nearest pixel. Defaults to `None`.
        max_objects: Integer or `None`. Leaves out scenes with more objects;
            only for datasets with their objects' `visibility`. Defaults to
            `None`.

    Returns:
        A `tf.data.Dataset` whose elements, with a leading batch axis unless
        `batch_size` is `None`, are `(image, mask)`:

        - `image`: float32, shape `(H, W, C)`, in [-1, 1], in the 256 steps of
          an 8-bit image. `(35, 35, 3)` for Tetrominoes, `(64, 64, 3)` for
          Multi-dSprites, `(64, 64, 1)` if binarized, and for Objects Room,
          `(240, 320, 3)` for CLEVR and `(33, 64, 64, 3)` for CATER, unless
          `crop` or `size` change it.
        - `mask`: int32, shape `(H, W)`, or `(33, H, W)` for CATER; 0 the
          background, `i` the visible part of the `i`-th object. In Objects
          Room the first four entities, sky, floor and walls, are background;
          in scenes with one wall less the first object counts as a wall.

        With `as_dict=True`, a dictionary of these two and the published
        factors, float32 and by entity, whatever `crop` and `size` are. Of E
        entities (4 for Tetrominoes; 4, 6 or 5 for Multi-dSprites as listed
        above; 11 for CLEVR and CATER), entity 0 is the background; its factors
        are zero except for a visibility of 1. Objects Room has no factors.

        - Tetrominoes: `x` and `y` (the top **row** and the left **column** of
          the bounding box, in pixels), `shape` (1 to 19) and `visibility`,
          each of shape `(E,)`, and `color`, shape `(E, 3)`.
        - Multi-dSprites: as in `keras_slots.datasets.multi_dsprites`.
        - CLEVR: `x`, `y`, `z`, `rotation` and `visibility`, shape `(E,)`;
          `pixel_coords`, shape `(E, 3)`, in the whole image; and `size`,
          `material`, `shape` and `color`, int32, shape `(E,)`: indices into
          `keras_slots.property_layout.PROPERTIES`, in place of the published
          codes, and -1 for the background and missing objects.
        - CATER: `camera_matrix`, shape `(33, 4, 4)`, and `object_positions`,
          shape `(E, 33, 3)`.

    Raises:
        FileNotFoundError: If there is no file at `path`.
        ValueError: If an argument is not as described, if the file is not
            compressed as published, is truncated or damaged, holds fewer
            records than requested, or a record of another dataset. The message
            names the file and the record's index, counted from 0.

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
    skip = as_integer("skip", skip, minimum=0)
    seed = as_integer("seed", seed, minimum=0)
    take = as_integer_or_none("take", take)
    batch_size = as_integer_or_none("batch_size", batch_size)
    file = RecordFile(os.fspath(path), dataset, crop, size, max_objects)
    number = take if max_objects is None else None
    if validate:
        number = file.count(skip, take)

    scenes = file.scenes(skip, take)
    if number is not None:
        scenes = scenes.apply(tf.data.experimental.assert_cardinality(number))
    if cache:
        scenes = scenes.cache()
    if shuffle:
        buffer = min(number or _SHUFFLE_BUFFER, _SHUFFLE_BUFFER)
        scenes = scenes.shuffle(buffer, seed)
    return scene_elements(
        scenes, file.format, batch_size, drop_remainder, as_dict
    )
