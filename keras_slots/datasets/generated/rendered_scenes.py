"""Scenes that are drawn at once and rendered batch by batch."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_slots.checks import as_integer, as_integer_or_none, check_option
from keras_slots.datasets.generated.scene_splits import SPLIT_SIZES, SPLITS

# The number of scenes rendered together for a caller who reads one by one.
_RENDER_BATCH = 64


def rendered_scenes(
    sample: Callable[[str, int, int], tuple[np.ndarray, ...]],
    render: Callable,
    factors: Callable,
    split: str,
    batch_size: int | None,
    num_scenes: int | None,
    seed: int,
    as_dict: bool,
    shuffle: bool | None,
    drop_remainder: bool,
) -> tf.data.Dataset:
    """Makes a dataset of `(image, mask)`, or of a dictionary of every factor.

    `sample` maps split, number of scenes and seed to the drawn scenes, a tuple
    of arrays with a first axis for the scenes. Of a batch of them, `render`
    makes images and masks, and `factors` a dictionary. The other arguments are
    as in `tetrominoes`.
    """
    check_option("split", split, SPLITS)
    if num_scenes is None:
        num_scenes = SPLIT_SIZES[split]
    num_scenes = as_integer("num_scenes", num_scenes)
    seed = as_integer("seed", seed, minimum=0)
    batch_size = as_integer_or_none("batch_size", batch_size)
    shuffle = split == "train" if shuffle is None else shuffle

    # Held on the CPU, where tf.data works.
    with tf.device("CPU:0"):
        drawn = [tf.constant(x) for x in sample(split, num_scenes, seed)]

    def load(indices):
        batch = [tf.gather(x, indices) for x in drawn]
        image, mask = render(*batch)
        if not as_dict:
            return image, mask
        return {"image": image, "mask": mask, **factors(*batch)}

    # Indices are shuffled, not images, so shuffling the whole split costs
    # nearly nothing.
    dataset = tf.data.Dataset.range(num_scenes)
    if shuffle:
        dataset = dataset.shuffle(num_scenes, seed=seed)
    if batch_size is None:
        dataset = dataset.batch(_RENDER_BATCH)
    else:
        dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    if batch_size is None:
        dataset = dataset.unbatch()
        dataset = dataset.apply(
            tf.data.experimental.assert_cardinality(num_scenes)
        )
    return dataset.prefetch(tf.data.AUTOTUNE)
