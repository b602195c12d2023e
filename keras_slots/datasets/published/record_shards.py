"""The shards of `convert_records`, for training."""

import os

import tensorflow as tf

from keras_slots.checks import as_integer, as_integer_or_none
from keras_slots.datasets.published.scene_elements import scene_elements
from keras_slots.datasets.published.shard_folder import ShardFolder
from keras_slots.datasets.storage.scene_shards import read_shards


def record_shards(
    folder: str | os.PathLike,
    batch_size: int | None = None,
    skip: int = 0,
    take: int | None = None,
    seed: int = 0,
    as_dict: bool = False,
    shuffle: bool = False,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Reads the scenes that `convert_records` wrote.

    A scene of 128x128 pixels takes 0.3 ms of a processor core, in parallel
    with training: nearly nothing compared to a training step.

    Args:
        folder: String or path. A folder that `convert_records` has finished.
        batch_size: Integer or `None`. Scenes per batch, as `fit` wants them;
            `None` yields scenes one by one. Defaults to `None`.
        skip: Integer. Scenes to leave out at the start of the folder. Defaults
            to `0`.
        take: Integer or `None`. Scenes to read after the skipped ones; with
            `None` all that follow. Defaults to `None`.
        seed: Non-negative integer. Decides, together with
            `tf.random.set_seed` if that is used, the order of `shuffle`.
            Defaults to `0`.
        as_dict: Boolean. Whether to yield a dictionary of every factor in
            place of `(image, mask)`. Defaults to `False`.
        shuffle: Boolean. Whether to shuffle at every pass: the files, and the
            scenes through a buffer of 256 MB. Defaults to `False`.
        drop_remainder: Boolean. Whether to leave out a last batch smaller than
            `batch_size`. Defaults to `False`.

    Returns:
        A `tf.data.Dataset` of known cardinality. Its elements are the same as
        in `multi_object_records`, cropped and resized by the conversion.

    Raises:
        ValueError: If an argument is not as described, or `folder` does not
            hold a whole conversion, or holds fewer scenes than requested.

    Example:
    ```python
    convert_records("tetrominoes_train.tfrecords", "shards", take=60_000)
    train = record_shards("shards", batch_size=64, shuffle=True)
    ```

    >>> from keras_slots.datasets import record_shards
    >>> record_shards("shards")
    Traceback (most recent call last):
    ValueError: `folder` must name a folder made by `convert_records` of this \
version; convert again where it is damaged. Received: folder='shards'
    """
    skip = as_integer("skip", skip, minimum=0)
    seed = as_integer("seed", seed, minimum=0)
    take = as_integer_or_none("take", take)
    batch_size = as_integer_or_none("batch_size", batch_size)
    shards = ShardFolder.open(os.fspath(folder))
    spans = _spans(shards.shards(), skip, take)
    found = sum(number for _, _, number in spans)
    if found < (take or 1):
        raise ValueError(
            "`skip` and `take` ask for more scenes than are in the folder "
            f"{shards.folder!r}: {found} follow after the skipped scenes. "
            f"Received: skip={skip}, take={take}"
        )
    scenes = read_shards(spans, shards.spec, shuffle, seed)
    return scene_elements(
        scenes, shards.format, batch_size, drop_remainder, as_dict
    )


def _spans(shards, skip, take):
    """Returns path, first scene and number of scenes of each file to read."""
    spans = []
    for shard in shards:
        number = max(0, shard.num_scenes - skip)
        if take is not None:
            number = min(number, take)
            take -= number
        if number:
            spans.append((shard.path, skip, number))
        skip = max(0, skip - shard.num_scenes)
    return spans
