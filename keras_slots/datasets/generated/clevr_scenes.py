"""CLEVR-like scenes, generated: images, masks and sets of properties."""

import os

import numpy as np
import tensorflow as tf

from keras_slots.checks import (
    as_integer,
    as_integer_or_none,
    as_tuple,
    check_option,
)
from keras_slots.datasets.generated import (
    clevr_ray_caster,
    clevr_scene_sampling,
)
from keras_slots.datasets.generated.clevr_geometry import masks, project
from keras_slots.datasets.generated.clevr_scene_sampling import (
    MAX_OBJECTS,
    SceneSettings,
    sample_scenes,
)
from keras_slots.datasets.pixels import to_float
from keras_slots.datasets.property_targets import property_targets
from keras_slots.datasets.storage.scene_cache import SceneCache
from keras_slots.property_layout import PROPERTIES, PropertyLayout

SPLIT_SIZES = {"train": 50_000, "validation": 1_000, "test": 1_000}

# Changes whenever the same settings give other scenes or other pictures.
_VERSION = 2
_RENDER_BATCH = 16


def clevr_scenes(
    split: str,
    batch_size: int | None = None,
    num_scenes: int | None = None,
    seed: int = 0,
    as_dict: bool = False,
    shuffle: bool | None = None,
    drop_remainder: bool = False,
    image_size: int = 64,
    min_objects: int = 3,
    max_objects: int = 10,
    num_targets: int | None = None,
    layout: PropertyLayout | None = None,
    only: dict[str, tuple[str, ...]] | None = None,
    cache: str | os.PathLike | None = None,
) -> tf.data.Dataset:
    """Generates CLEVR-like scenes: solids on gray ground and their properties.

    The scenes have the published distribution of CLEVR: 3 to 10 cubes, spheres
    and cylinders, small or large, of rubber or metal, in eight colors, each
    drawn independently. Any two have a gap between them, seen from above and
    along the camera's directions. Camera and lamps are displaced at random.
    Scenes with a hidden object are drawn again. The pictures are this
    package's own, cast ray by ray under CLEVR's lamps, with shadows,
    highlights and reflections on metal, but without Blender's materials and
    noise. Nothing is downloaded. The whole frame of 3:2 is squashed into a
    square, as in the paper's set prediction experiments.

    The same `seed` and `split` always give the same scenes, a smaller
    `num_scenes` gives the first scenes of a larger one, and `image_size` only
    changes the pictures' size. Every scene has its own random stream, by split,
    seed and index. So the splits never share a scene: the places of camera and
    lamps alone take 384 random bits.

    Rendering takes about 5 ms per scene of 64x64 pixels and processor core, 15
    at 128x128. With `cache`, the scenes are rendered once, when the dataset is
    made, into TFRecord files below that folder (17 kB per scene at 64x64), and
    read back at thousands per second. An interrupted run continues where it
    stopped, a larger `num_scenes` adds to the stored scenes, and scenes of
    other settings are refused rather than mixed. One folder serves all splits.

    Args:
        split: String. `"train"`, `"validation"` or `"test"`.
        batch_size: Integer or `None`. Scenes per batch, as `fit` wants them;
            `None` yields scenes one by one. Defaults to `None`.
        num_scenes: Integer or `None`. Scenes in the split; with `None` 50,000
            for training, 1,000 for validation and 1,000 for test. Defaults to
            `None`.
        seed: Non-negative integer. Decides the scenes and, together with
            `tf.random.set_seed` if that is used, the order of `shuffle`.
            Defaults to `0`.
        as_dict: Boolean. Whether to yield a dictionary of every factor in
            place of `(image, target)`. Defaults to `False`.
        shuffle: Boolean or `None`. Whether to shuffle at every pass: all
            scenes, or with `cache` the files and a buffer of 256 MB; with
            `None`, in training only. Defaults to `None`.
        drop_remainder: Boolean. Whether to leave out a last batch smaller than
            `batch_size`. Defaults to `False`.
        image_size: Integer. Height and width in pixels. Defaults to `64`.
        min_objects: Integer. Fewest objects of a scene; the number is uniform.
            Defaults to `3`.
        max_objects: Integer, at most 10. Most objects of a scene. Defaults to
            `10`.
        num_targets: Integer or `None`. Rows of targets; rows without an object
            are zero; with `None`, `max_objects`. Defaults to `None`.
        layout: `PropertyLayout` or `None`. The targets' columns; with `None`,
            the paper's 19, `PropertyLayout()`. Defaults to `None`.
        only: Dict or `None`. Names of properties with the classes that occur,
            for easier scenes or held-out classes; properties without a name
            here keep all classes. Defaults to `None`.
        cache: String, path or `None`. Folder to keep rendered scenes in.
            Defaults to `None`.

    Returns:
        A `tf.data.Dataset` of known cardinality whose elements, with a leading
        batch axis unless `batch_size` is `None`, are `(image, target)`:

        - `image`: float32, shape `(image_size, image_size, 3)`, in [-1, 1].
        - `target`: float32, shape `(num_targets, layout.num_features)`: a row
          per object, then rows of zeros.

        With `as_dict=True`, a dictionary of these two and, with zeros (classes:
        -1) where there is no object:

        - `mask`: int32, shape `(image_size, image_size)`; 0 the ground, i + 1
          the object in row i.
        - `visibility`: float32, shape `(num_targets,)`; 1 for objects.
        - `coordinates`: float32, shape `(num_targets, 3)`; the object's center
          in units of the scene, x and y in [-3, 3], z upwards.
        - `pixel_coordinates`: float32, shape `(num_targets, 3)`; where the
          center lies in the image, in pixels across from the left edge and
          down from the top edge, and its distance along the camera's axis.
        - `size`, `material`, `shape`, `color`: int32, shape `(num_targets,)`;
          classes in the order of `keras_slots.property_layout.PROPERTIES`.
        - `rotation`: float32, shape `(num_targets,)`, in [0, 360): about the
          vertical and, as in the published files, in radians.

    Raises:
        ValueError: If an argument is not as described, or `cache` holds
            scenes of other settings.

    Example:
    >>> from keras_slots.datasets import clevr_scenes
    >>> dataset = clevr_scenes("test", batch_size=2, num_scenes=4)
    >>> image, target = next(iter(dataset))
    >>> tuple(image.shape), tuple(target.shape)
    ((2, 64, 64, 3), (2, 10, 19))
    >>> easier = clevr_scenes(
    ...     "test", num_scenes=1, max_objects=4, only={"size": ("large",)},
    ...     as_dict=True,
    ... )
    >>> scene = next(iter(easier))
    >>> sorted(scene)[:6]
    ['color', 'coordinates', 'image', 'mask', 'material', 'pixel_coordinates']

    References:
    - [Johnson et al., 2017](https://arxiv.org/abs/1612.06890): CLEVR.
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055): the targets
      and the squashed frame (supplement, section 5.8).
    """
    check_option("split", split, clevr_scene_sampling.SPLITS)
    if num_scenes is None:
        num_scenes = SPLIT_SIZES[split]
    num_scenes = as_integer("num_scenes", num_scenes)
    seed = as_integer("seed", seed, minimum=0)
    image_size = as_integer("image_size", image_size)
    batch_size = as_integer_or_none("batch_size", batch_size)
    min_objects = as_integer("min_objects", min_objects)
    max_objects = as_integer("max_objects", max_objects)
    if num_targets is None:
        num_targets = max_objects
    num_targets = as_integer("num_targets", num_targets)
    if not min_objects <= max_objects <= min(num_targets, MAX_OBJECTS):
        raise ValueError(
            "`max_objects` must not be below `min_objects`, nor above "
            f"{MAX_OBJECTS} or `num_targets`. "
            f"Received: {min_objects=}, {max_objects=}, {num_targets=}"
        )
    classes = _allowed_classes({} if only is None else only)
    settings = SceneSettings(split, seed, min_objects, max_objects, classes)
    shuffle = split == "train" if shuffle is None else shuffle
    layout = layout or PropertyLayout()

    def make(indices):
        return _make(settings, image_size, indices)

    if cache is None:
        scenes = _live_scenes(make, num_scenes, shuffle, seed)
    else:
        stored = SceneCache(
            os.path.join(os.fspath(cache), split),
            {"version": _VERSION, **vars(settings), "image_size": image_size},
            make,
        )
        scenes = stored.scenes(num_scenes, shuffle, seed)

    def finish(scene):
        return _element(scene, num_targets, layout, as_dict)

    scenes = scenes.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
    if batch_size is not None:
        scenes = scenes.batch(batch_size, drop_remainder=drop_remainder)
    return scenes.prefetch(tf.data.AUTOTUNE)


def _allowed_classes(only):
    """Returns the classes that occur, as integers, for every property."""
    classes = {
        name: tuple(range(len(names))) for name, names in PROPERTIES.items()
    }
    for name, allowed in only.items():
        check_option("only", name, PROPERTIES)
        allowed = as_tuple(f"only[{name!r}]", allowed, "classes")
        if not allowed:
            raise ValueError(
                "`only` must name one class or more of each property. "
                f"Received: only={only!r}"
            )
        for option in allowed:
            check_option(f"only[{name!r}]", option, PROPERTIES[name])
        classes[name] = tuple(
            i for i, option in enumerate(PROPERTIES[name]) if option in allowed
        )
    return classes


def _make(settings, image_size, indices) -> dict[str, np.ndarray]:
    """Makes the scenes of some indices as arrays of fixed shapes and dtypes."""
    scenes = sample_scenes(settings, indices)
    used = np.arange(settings.max_objects) < scenes.count[:, None]  # (B, N)
    where = project(scenes.coordinates, scenes.camera)
    where[..., :2] *= image_size
    return {
        "image": clevr_ray_caster.render(scenes, image_size),
        "mask": masks(scenes, image_size),
        "count": scenes.count.astype("int32"),
        "coordinates": scenes.coordinates * used[..., None],
        "pixel_coordinates": (where * used[..., None]).astype("float32"),
        "rotation": scenes.rotation * used,
        **{
            name: np.where(used, getattr(scenes, name), -1).astype("int32")
            for name in PROPERTIES
        },
    }


def _live_scenes(make, num_scenes, shuffle, seed):
    """Returns a dataset that renders scenes when they are read."""
    example = make(np.arange(1))
    names = tuple(example)

    def load(indices):
        parts = tf.numpy_function(
            lambda some: tuple(make(some).values()),
            [indices],
            [value.dtype for value in example.values()],
        )
        return {
            name: tf.ensure_shape(part, (None, *example[name].shape[1:]))
            for name, part in zip(names, parts, strict=True)
        }

    indices = tf.data.Dataset.range(num_scenes)
    if shuffle:
        indices = indices.shuffle(num_scenes, seed)
    batches = indices.batch(_RENDER_BATCH)
    batches = batches.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.unbatch().apply(
        tf.data.experimental.assert_cardinality(num_scenes)
    )


def _element(scene, num_targets, layout, as_dict):
    """Makes the element that the dataset yields for a scene."""
    image, count = to_float(scene["image"]), scene["count"]
    objects = {
        name: scene[name][:count] for name in ("coordinates", *PROPERTIES)
    }
    target = property_targets(objects, layout, num_targets)
    if not as_dict:
        return image, target
    more = num_targets - scene["rotation"].shape[0]
    element = {
        "image": image,
        "mask": tf.cast(scene["mask"], tf.int32),
        "target": target,
        "visibility": tf.cast(tf.range(num_targets) < count, tf.float32),
    }
    for name in ("coordinates", "pixel_coordinates", "rotation"):
        paddings = [(0, more), (0, 0)][: scene[name].shape.rank]
        element[name] = tf.pad(scene[name], paddings)
    for name in PROPERTIES:
        element[name] = tf.pad(scene[name], [(0, more)], constant_values=-1)
    return element
