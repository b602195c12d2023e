"""Multi-dSprites, generated: the published variants without a download."""

from functools import partial

import tensorflow as tf

from keras_slots.checks import check_option
from keras_slots.datasets.generated import sprite_scenes as scenes
from keras_slots.datasets.generated.rendered_scenes import rendered_scenes


def multi_dsprites(
    split: str,
    batch_size: int | None = None,
    num_scenes: int | None = None,
    seed: int = 0,
    as_dict: bool = False,
    shuffle: bool | None = None,
    drop_remainder: bool = False,
    variant: str = "colored_on_grayscale",
) -> tf.data.Dataset:
    """Generates Multi-dSprites: a few overlapping sprites in 64x64 pixels.

    The scenes follow the Multi-dSprites of the Multi-Object Datasets: squares,
    ellipses and hearts with the factors of dSprites (6 scales, 40 orientations
    of which the last equals the first, 32 positions along each axis), all
    drawn independently and uniformly. Edges are hard, sprites stay inside the
    image, and later sprites are painted over earlier ones, so a sprite can be
    hidden completely. Nothing is downloaded. The published generator was never
    released: outlines were measured on pictures of dSprites and reproduce its
    sprites except for a few pixels, and the rules below were inferred from
    the published files.

    - `"colored_on_grayscale"`: 2 to 5 sprites, their hue uniform, saturation
      and value uniform from one half to one; a uniformly gray background.
    - `"colored_on_colored"`: 1 to 4 sprites; red, green and blue uniform, the
      background's too.
    - `"binarized"`: 2 or 3 white sprites on black, in one channel.

    The same `seed`, `split` and `variant` always give the same scenes, and a
    smaller `num_scenes` gives the first scenes of a larger one. The splits
    never share an arrangement of sprites, whatever the seeds and colors: a
    scene belongs to one split by a hash of its sprites in any order, and the
    other splits reject it. Two arrangements give the same image only if the
    sprites that differ are hidden, or turned so little that no pixel changes,
    and the colors are also equal to the bit, or white. Among 60,000 binarized
    images for training and 30,000 for test, no image occurred twice.

    The sprites are drawn at once when the dataset is made (a few microseconds
    and about 100 bytes per scene), and the images are rendered batch by batch
    during reading. The dataset yields `(image, mask)`, ready for `fit` and
    `evaluate`; to train on images alone, drop the masks:
    `dataset.map(lambda image, mask: image)`.

    Args:
        split: String. `"train"`, `"validation"` or `"test"`.
        batch_size: Integer or `None`. Scenes per batch, as `fit` wants them;
            `None` yields scenes one by one. Defaults to `None`.
        num_scenes: Integer or `None`. Scenes in the split; with `None` the
            paper's 60,000 for training and 320 for test, and 320 for
            validation. Defaults to `None`.
        seed: Non-negative integer. Decides the scenes and, together with
            `tf.random.set_seed` if that is used, the order of `shuffle`.
            Defaults to `0`.
        as_dict: Boolean. Whether to yield a dictionary of every factor in
            place of `(image, mask)`. Defaults to `False`.
        shuffle: Boolean or `None`. Whether to shuffle all scenes at every
            pass; with `None`, in training only. Defaults to `None`.
        drop_remainder: Boolean. Whether to leave out a last batch smaller than
            `batch_size`. Defaults to `False`.
        variant: String. `"binarized"`, `"colored_on_grayscale"` (the paper's)
            or `"colored_on_colored"`. Defaults to `"colored_on_grayscale"`.

    Returns:
        A `tf.data.Dataset` of known cardinality whose elements, with a leading
        batch axis unless `batch_size` is `None`, are `(image, mask)`:

        - `image`: float32, shape `(64, 64, 3)`, or `(64, 64, 1)` if binarized,
          in [-1, 1], in the 256 steps of an 8-bit image.
        - `mask`: int32, shape `(64, 64)`; 0 the background, `i` the visible
          part of the sprite painted `i`-th.

        With `as_dict=True`, a dictionary of these two and, float32 and by
        entity as in the published records, the factors of E entities: 6 for
        `"colored_on_grayscale"`, 5 for `"colored_on_colored"` and 4 for
        `"binarized"`. Entity 0 is the background; its factors are zero except
        for a visibility of 1. All factors of entities after a scene's last
        sprite are zero.

        - `x`, `y`: shape `(E,)`; the center's column and row, from 0 (pixel
          15.5) to 1 (pixel 47.5).
        - `shape`: shape `(E,)`; 1 square, 2 ellipse, 3 heart.
        - `color`: shape `(E, 3)`, or `(E, 1)` if binarized, in [0, 1], before
          the rounding to 8 bits.
        - `visibility`: shape `(E,)`; 1 for the background and every sprite,
          hidden or not.
        - `orientation`: shape `(E,)`; counter-clockwise, from 0 to 2 pi.
        - `scale`: shape `(E,)`; from 0.5 to 1.

    Raises:
        ValueError: If an argument is not as described.

    Example:
    >>> from keras_slots.datasets import multi_dsprites
    >>> dataset = multi_dsprites("test", batch_size=4, num_scenes=10)
    >>> len(dataset)
    3
    >>> image, mask = next(iter(dataset))
    >>> tuple(image.shape), tuple(mask.shape)
    ((4, 64, 64, 3), (4, 64, 64))
    >>> scene = next(iter(multi_dsprites("test", num_scenes=1, as_dict=True)))
    >>> sorted(scene)
    ['color', 'image', 'mask', 'orientation', 'scale', 'shape', 'visibility', \
'x', 'y']

    References:
    - [Multi-Object Datasets](
      https://github.com/google-deepmind/multi_object_datasets)
    - [dSprites](https://github.com/google-deepmind/dsprites-dataset): the
      sprites and their factors.
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055): the split
      sizes.
    """
    check_option("variant", variant, scenes.VARIANTS)
    return rendered_scenes(
        partial(scenes.sample_scenes, variant),
        scenes.render,
        scenes.factors,
        split,
        batch_size,
        num_scenes,
        seed,
        as_dict,
        shuffle,
        drop_remainder,
    )
