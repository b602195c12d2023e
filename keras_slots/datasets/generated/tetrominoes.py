"""Tetrominoes, generated: the published distribution without a download."""

import tensorflow as tf

from keras_slots.datasets.generated import tetromino_scenes as scenes
from keras_slots.datasets.generated.rendered_scenes import rendered_scenes


def tetrominoes(
    split: str,
    batch_size: int | None = None,
    num_scenes: int | None = None,
    seed: int = 0,
    as_dict: bool = False,
    shuffle: bool | None = None,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Generates Tetrominoes: three beveled pieces on a black 35x35 image.

    The scenes have the distribution and the pixels of the Tetrominoes in the
    Multi-Object Datasets: 19 shapes (every orientation of the seven
    tetrominoes), six colors, three pieces drawn independently with colors
    that may repeat, each at any whole-pixel place fully inside the image. The
    whole scene is drawn again if two pieces overlap. Nothing is downloaded.

    The same `seed` and `split` always give the same scenes, and a smaller
    `num_scenes` gives the first scenes of a larger one. The splits never share
    an image, whatever the seeds: a scene belongs to one split by a hash of the
    cells that its image shows, and the other splits reject it. A grouping of
    the same cells into other pieces, or the pieces in another order, makes the
    same image and so stays in the same split.

    The pieces' places are drawn at once when the dataset is made (a few
    microseconds and 12 bytes per scene), and the images are rendered batch by
    batch during reading. The dataset yields `(image, mask)`, ready for `fit`
    and `evaluate`; to train on images alone, drop the masks:
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

    Returns:
        A `tf.data.Dataset` of known cardinality whose elements, with a leading
        batch axis unless `batch_size` is `None`, are `(image, mask)`:

        - `image`: float32, shape `(35, 35, 3)`, in [-1, 1]; black is -1.
        - `mask`: int32, shape `(35, 35)`; 0 the background, 1 to 3 the pieces.

        With `as_dict=True`, a dictionary of these two and, float32 and by
        entity as in the published records (entity 0 is the background; its
        factors are zero except for a visibility of 1):

        - `x`, `y`: shape `(4,)`; the top **row** and the left **column** of
          the piece's bounding box, in pixels.
        - `shape`: shape `(4,)`; the shape's code, 1 to 19.
        - `color`: shape `(4, 3)`; red, green and blue, each 0 or 1.
        - `visibility`: shape `(4,)`; 1 for every entity.

    Raises:
        ValueError: If an argument is not as described.

    Example:
    >>> from keras_slots.datasets import tetrominoes
    >>> dataset = tetrominoes("test", batch_size=4, num_scenes=10)
    >>> len(dataset)
    3
    >>> image, mask = next(iter(dataset))
    >>> tuple(image.shape), tuple(mask.shape)
    ((4, 35, 35, 3), (4, 35, 35))
    >>> scene = next(iter(tetrominoes("test", num_scenes=1, as_dict=True)))
    >>> sorted(scene)
    ['color', 'image', 'mask', 'shape', 'visibility', 'x', 'y']

    References:
    - [Multi-Object Datasets](
      https://github.com/google-deepmind/multi_object_datasets)
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055): the split
      sizes.
    """
    return rendered_scenes(
        scenes.sample_pieces,
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
