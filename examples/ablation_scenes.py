"""The scenes of ablations.py: batches to train on, and others to score.

They are the same for every run; in which order they come depends on the seed
that the run sets (`keras.utils.set_random_seed`).
"""

import functools

import tensorflow as tf
from clevr_folder import cache_folder, with_masks

from keras_slots.datasets import clevr, clevr_scenes, tetrominoes

SCORED_BATCH = 80
# What can be learned from small pictures within a minute.
EASY = {"min_objects": 1, "only": {"size": ("large",)}}


def discovery_batches(task, cache):
    """Images in batches without end."""
    batch_size = task.preset.batch_size
    common = {"num_scenes": task.train_scenes, "drop_remainder": True}
    if task.scenes == "tetrominoes":
        scenes = tetrominoes("train", batch_size, **common)
        return scenes.map(lambda image, mask: image).repeat()
    scenes = clevr_scenes("train", batch_size, **common, **_clevr(task, cache))
    return scenes.map(lambda image, target: image).repeat()


def discovery_scenes(task, cache):
    """A list of pairs of images and masks."""
    if task.scenes == "tetrominoes":
        scenes = tetrominoes("validation", SCORED_BATCH, task.eval_scenes)
        return list(scenes.as_numpy_iterator())
    scenes = clevr_scenes(
        "validation",
        SCORED_BATCH,
        task.eval_scenes,
        as_dict=True,
        **_clevr(task, cache),
    )
    return list(with_masks(scenes).as_numpy_iterator())


def prediction_batches(task, cache, data_dir):
    """Pairs of images and targets in batches without end."""
    batch_size = task.preset.batch_size
    if task.scenes == "clevr":
        scenes = clevr(
            "train", batch_size, data_dir, drop_remainder=True, **_sets(task)
        )
        return scenes.repeat()
    scenes = tf.data.Dataset.from_tensor_slices(
        _all_at_once("train", task.train_scenes, cache, **_sets(task))
    )
    scenes = scenes.shuffle(task.train_scenes, seed=0)
    scenes = scenes.batch(batch_size, drop_remainder=True)
    return scenes.repeat().prefetch(tf.data.AUTOTUNE)


def prediction_scenes(task, cache, data_dir):
    """A list of pairs of images and targets."""
    if task.scenes == "clevr":
        # Of the training scenes those that are set apart.
        scenes = clevr("train_eval", None, data_dir, **_sets(task))
        scenes = scenes.take(task.eval_scenes)
    else:
        scenes = tf.data.Dataset.from_tensor_slices(
            _all_at_once("validation", task.eval_scenes, cache, **_sets(task))
        )
    return list(scenes.batch(SCORED_BATCH).as_numpy_iterator())


def _sets(task):
    """Arguments that the datasets with targets have in common."""
    return {
        "image_size": task.preset.image_shape[0],
        "max_objects": task.max_objects,
        "num_targets": task.max_objects,
        "layout": task.layout,
    }


def _clevr(task, cache):
    image_size = task.preset.image_shape[0]
    return {
        "image_size": image_size,
        "max_objects": task.max_objects,
        "cache": cache_folder(cache, image_size, 3, task.max_objects),
    }


@functools.cache
def _all_at_once(split, num_scenes, cache, **options):
    """Tensors of all scenes, for every run to come; rendered only once."""
    image_size, max_objects = options["image_size"], options["max_objects"]
    scenes = clevr_scenes(
        split,
        num_scenes,
        num_scenes,
        shuffle=False,
        cache=cache / f"{image_size}-large-1-{max_objects}",
        **options,
        # Not among the arguments, as a dict is no key of this cache.
        **EASY,
    )
    return next(iter(scenes))
