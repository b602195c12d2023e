"""Conversion of published TFRecord files into shards for training."""

import os
from collections.abc import Sequence

from keras_slots.checks import as_integer, as_integer_or_none
from keras_slots.datasets.published.image_window import Crop
from keras_slots.datasets.published.record_file import RecordFile
from keras_slots.datasets.published.shard_folder import ShardFolder


def convert_records(
    path: str | os.PathLike,
    folder: str | os.PathLike,
    dataset: str | None = None,
    skip: int = 0,
    take: int | None = None,
    crop: Crop | None = None,
    size: int | Sequence[int] | None = None,
    max_objects: int | None = None,
) -> int:
    """Converts a published file of the Multi-Object Datasets for fast reading.

    A published file is one compressed stream with one string per pixel and
    entity, and is read from its start: for CLEVR 3.2 MB a scene, and about
    40 ms of a processor core. This function reads it once, crops and resizes
    the images, makes one label per pixel of the masks, and writes files of
    about 500 records each (66 kB a scene at 128x128), which `record_shards`
    reads in parallel. The paper also split the file of CLEVR (supplement,
    section 5.8).

    A conversion that is interrupted, even killed, leaves only whole files, and
    the same call continues from there. A call for a complete folder does
    nothing. A folder made from another file, or with other arguments, is
    refused. Every file is read back before it counts, and without `take` the
    published file is checked to its end. (A killed run may leave a file that
    ends in `.part`. It is never read and can be deleted.)

    `multi_object_records` with the same arguments reads exactly these scenes.

    Args:
        path: String or path. The TFRecord file, as downloaded: do not
            decompress it.
        folder: String or path. The folder for the shards; made if missing. A
            folder holds one conversion: use another folder for test scenes.
        dataset: String or `None`. The dataset that the file must hold, named
            as in `multi_object_records`; with `None`, the first record's
            dataset. Defaults to `None`.
        skip: Integer. Records to leave out at the start of the file. Defaults
            to `0`.
        take: Integer or `None`. Records to read after the skipped ones; with
            `None` all that follow. Defaults to `None`.
        crop: Pairs of integers, or `None`. The part of the image to keep: the
            first row and the row after the last, then the same for columns.
            Defaults to `None`.
        size: Integer, pair of integers or `None`. Height and width to resize
            to after `crop`, images bilinearly and masks by the nearest pixel.
            Defaults to `None`.
        max_objects: Integer or `None`. Leaves out scenes with more objects;
            only for datasets with their objects' `visibility`. Defaults to
            `None`.

    Returns:
        The number of scenes in the folder.

    Raises:
        FileNotFoundError: If there is no file at `path`.
        ValueError: If an argument is not as described, the file is not as
            published or does not hold the records asked for, no scene is left,
            or `folder` holds something else.

    Example:
    CLEVR6 as in the paper, then its test scenes:

    ```python
    path = "clevr_with_masks_train.tfrecords"
    paper = dict(crop=((29, 221), (64, 256)), size=128, max_objects=6)
    convert_records(path, "clevr6/train", take=70_000, **paper)
    convert_records(path, "clevr6/test", skip=70_000, **paper)

    train = record_shards("clevr6/train", batch_size=64, shuffle=True)
    test = record_shards("clevr6/test", batch_size=64, take=320)
    ```

    >>> from keras_slots.datasets import convert_records
    >>> convert_records("scenes.tfrecords", "scenes")
    Traceback (most recent call last):
    FileNotFoundError: `path` must name a file. Received: \
path='scenes.tfrecords'

    References:
    - [Multi-Object Datasets](
      https://github.com/google-deepmind/multi_object_datasets): the files and
      their format.
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      section 5.8: the crop, the size and the most objects of CLEVR6.
    """
    skip = as_integer("skip", skip, minimum=0)
    take = as_integer_or_none("take", take)
    file = RecordFile(os.fspath(path), dataset, crop, size, max_objects)
    shards = ShardFolder.claim(os.fspath(folder), file, skip, take)
    if not shards.is_complete():
        shards.fill(file, take)
        file.check_counts(skip, take, **shards.counts())
        shards.finish()
    return shards.counts()["scenes"]
