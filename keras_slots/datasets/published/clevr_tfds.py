"""The published CLEVR, for set prediction."""

import os

import tensorflow as tf

from keras_slots.checks import as_integer, as_integer_or_none, check_option
from keras_slots.datasets.pixels import to_float
from keras_slots.datasets.property_targets import property_targets
from keras_slots.datasets.published.clevr_files import SPLITS, ClevrFiles
from keras_slots.property_layout import PROPERTIES, PropertyLayout

# The numbers of objects in the published scenes.
LEAST_OBJECTS, MOST_OBJECTS = 3, 10

# Scenes, at 200 kB each for images of 128x128.
_SHUFFLE_BUFFER = 1024


def clevr(
    split: str,
    batch_size: int | None = None,
    data_dir: str | os.PathLike | None = None,
    image_size: int = 128,
    as_dict: bool = False,
    shuffle: bool | None = None,
    drop_remainder: bool = False,
    max_objects: int | None = 10,
    num_targets: int = 10,
    layout: PropertyLayout | None = None,
    seed: int = 0,
    cache: bool = False,
) -> tf.data.Dataset:
    """Reads the published CLEVR with its properties, by TensorFlow Datasets.

    These are the scenes and targets of the paper's set prediction experiments:
    rendered scenes of 3 to 10 objects, each with a place, a size, a material, a
    shape and a color. The dataset yields `(image, target)`, ready for `fit` and
    `evaluate` with `keras_slots.HungarianHuberLoss`.

    Nothing is downloaded here. Prepare the files once, which downloads
    17.7 GiB and writes as much again:

    ```
    pip install 'keras-slots[datasets]'
    python -c "import tensorflow_datasets as tfds; \
tfds.builder('clevr').download_and_prepare()"
    ```

    `"train"` has the published training scenes except for the first 512, which
    are `"train_eval"`, as in the authors' code. `"validation"` has the 15,000
    scenes that the paper evaluates on. The published test scenes have no
    annotations.

    Whole images are scaled from 480x320 to a square, which changes their
    aspect, bilinearly and without smoothing first, as in the authors' code.
    Decoding is most of the work: about 2.4 ms per scene and processor core.

    Args:
        split: String. `"train"` (69,488 scenes), `"train_eval"` (512) or
            `"validation"` (15,000).
        batch_size: Integer or `None`. Scenes per batch, as `fit` wants them;
            `None` yields scenes one by one. Defaults to `None`.
        data_dir: String, path or `None`. The folder of TensorFlow Datasets
            that holds `clevr/`; with `None` its default, which is
            `~/tensorflow_datasets` or `$TFDS_DATA_DIR`. Defaults to `None`.
        image_size: Integer. Height and width of the images. Defaults to `128`.
        as_dict: Boolean. Whether to yield a dictionary of every factor in
            place of `(image, target)`. Defaults to `False`.
        shuffle: Boolean or `None`. Whether to shuffle at every pass: the
            order of the files, then the scenes through a buffer of 1,024 (with
            `cache`, all scenes); with `None`, in training only. The prepared
            files already hold the scenes in random order. Defaults to `None`.
        drop_remainder: Boolean. Whether to leave out a last batch smaller than
            `batch_size`. Defaults to `False`.
        max_objects: Integer or `None`. Leaves out scenes with more objects;
            `None`, or 10 and above, keeps all. As the number of scenes left is
            unknown without a pass over the files, give `fit` the dataset as
            `dataset.repeat()` with `steps_per_epoch`. Defaults to `10`.
        num_targets: Integer. Rows of the target; not fewer than the objects
            that a scene can have. Defaults to `10`.
        layout: A `keras_slots.datasets.PropertyLayout` or `None`: the meaning
            of the target's columns; with `None` the paper's 19. Defaults to
            `None`.
        seed: Non-negative integer. Decides, together with
            `tf.random.set_seed` if that is used, the order of `shuffle`.
            Defaults to `0`.
        cache: Boolean. Whether to keep the scenes in memory, decoded and
            resized, after the first pass: 14 GB for `"train"` at 128x128.
            With `shuffle`, the first pass reads all scenes before it yields
            the first. Defaults to `False`.

    Returns:
        A `tf.data.Dataset` whose elements, with a leading batch axis unless
        `batch_size` is `None`, are `(image, target)`, with `S = image_size`
        and `n = num_targets`:

        - `image`: float32, shape `(S, S, 3)`, in [-1, 1].
        - `target`: float32, shape `(n, layout.num_features)`; a row per object
          whose last feature is 1, then rows of zeros.

        With `as_dict=True`, a dictionary of these two and the published
        annotations, in the order of the rows of `target`. Floats are padded
        with 0 and integers with -1:

        - `coordinates`: float32, shape `(n, 3)`; x, y and z in [-3, 3].
        - `size`, `material`, `shape`, `color`: int32, shape `(n,)`; indices
          into `keras_slots.property_layout.PROPERTIES`.
        - `rotation`: float32, shape `(n,)`; from 0 to 360.
        - `pixel_coordinates`: float32, shape `(n, 3)`; column and row in the
          image of 480x320, and the depth.
        - `file_name`: string, shape `()`.

    Raises:
        FileNotFoundError: If the prepared files are not in `data_dir`.
        ImportError: If TensorFlow Datasets is not installed.
        ValueError: If an argument is not as described, or the files hold too
            few scenes, scenes without objects, or labels in another order.

    Example:
    ```python
    train = clevr("train", batch_size=512, drop_remainder=True)
    test = clevr("validation", batch_size=512)
    model.compile("adam", loss=keras_slots.HungarianHuberLoss())
    model.fit(train, epochs=10)
    model.evaluate(test)
    ```

    References:
    - [Johnson et al., 2017](https://arxiv.org/abs/1612.06890): CLEVR.
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      section 5.8: the targets and the size of the images.
    """
    check_option("split", split, SPLITS)
    image_size = as_integer("image_size", image_size)
    seed = as_integer("seed", seed, minimum=0)
    batch_size = as_integer_or_none("batch_size", batch_size)
    max_objects, num_targets = _as_counts(max_objects, num_targets)
    shuffle = split == "train" if shuffle is None else shuffle
    layout = layout or PropertyLayout()

    def load(scene):
        image = _decode(scene["image"], image_size)
        objects = _objects(scene)
        target = property_targets(objects, layout, num_targets)
        if not as_dict:
            return image, target
        return {
            "image": image,
            "target": target,
            "file_name": scene["file_name"],
            **{k: _pad(v, num_targets) for k, v in objects.items()},
        }

    files = ClevrFiles(data_dir)
    size = files.size(split)
    dataset = files.scenes(split, shuffle, seed)
    if max_objects < MOST_OBJECTS:
        dataset = dataset.filter(
            lambda scene: tf.size(scene["objects"]["shape"]) <= max_objects
        )
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    if cache:
        dataset = dataset.cache()
    if shuffle:
        # Cached scenes take no additional memory in the buffer.
        dataset = dataset.shuffle(size if cache else _SHUFFLE_BUFFER, seed)
    if batch_size is not None:
        dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _as_counts(max_objects, num_targets) -> tuple[int, int]:
    """Returns both as integers; raises if a scene may exceed the targets."""
    if max_objects is None:
        max_objects = MOST_OBJECTS
    max_objects = as_integer("max_objects", max_objects)
    num_targets = as_integer("num_targets", num_targets)
    if not LEAST_OBJECTS <= min(max_objects, MOST_OBJECTS) <= num_targets:
        raise ValueError(
            f"`max_objects` must be at least {LEAST_OBJECTS}, as no scene has "
            "fewer, and `num_targets` at least the objects that a scene can "
            f"have. Received: {max_objects=}, {num_targets=}"
        )
    return max_objects, num_targets


def _decode(content, image_size):
    image = tf.io.decode_png(content, channels=3)
    image = tf.image.resize(image, (image_size, image_size))  # (S, S, 3)
    # Interpolation may leave the range by a rounding error.
    return tf.clip_by_value(to_float(image), -1.0, 1.0)


def _objects(scene):
    """Returns the published annotations under this package's names."""
    objects = scene["objects"]
    return {
        "coordinates": objects["3d_coords"],
        **{name: tf.cast(objects[name], tf.int32) for name in PROPERTIES},
        "rotation": objects["rotation"],
        "pixel_coordinates": objects["pixel_coords"],
    }


def _pad(values, length):
    """Pads the first axis to `length`: floats with 0, classes with -1."""
    fill = -1 if values.dtype == tf.int32 else 0
    padding = [(0, length - tf.shape(values)[0])]
    padding += [(0, 0)] * (values.shape.rank - 1)
    padded = tf.pad(values, padding, constant_values=fill)
    return tf.ensure_shape(padded, (length, *values.shape[1:]))
