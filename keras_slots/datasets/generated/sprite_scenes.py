"""Draws Multi-dSprites scenes, assigns them to splits and renders them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_slots.datasets.generated.random_words import (
    halves,
    integers_below,
    raw_words,
    stream_key,
    unit,
)
from keras_slots.datasets.generated.scene_splits import (
    SPLITS,
    bucket_in_split,
    first_scenes,
)
from keras_slots.datasets.pixels import to_float

IMAGE_SIZE = 64

# The factors of dSprites: each sprite takes one value of each.
SCALES = np.linspace(0.5, 1.0, 6)
ORIENTATIONS = np.linspace(0.0, 2.0 * np.pi, 40)
POSITIONS = np.linspace(0.0, 1.0, 32)

# At scale 1, in pixels: half the square's side, the ellipse's semi-axes, and
# the heart's radii from "up" to "down" in equal steps of the angle. These were
# measured on pictures of dSprites, whose own drawings were not published.
SQUARE = 9.6
ELLIPSE = (12.8, 7.2)
# fmt: off
HEART = np.array([
    5.04, 6.51, 7.73, 8.53, 9.42, 10.06, 10.42, 10.90, 11.13, 11.15,
    11.16, 11.13, 11.18, 11.00, 10.78, 10.27, 10.05, 9.43, 9.10, 8.49,
    8.10, 7.78, 7.23, 7.00, 6.79, 6.36, 6.14, 6.16, 5.97, 5.95,
    5.92, 5.96, 5.92, 6.09, 6.17, 6.16, 6.67, 6.98, 7.42, 8.04,
    9.34,
])
# fmt: on

# The sprites' centers, in pixels: the middle of pixel 0 is at 0.
_CENTERS = 15.5 + 32.0 * POSITIONS
# No sprite reaches further than the square's corner, 13.6 pixels, so every
# sprite fits in a window of 28 x 28 pixels, a fifth of the image.
_WINDOW = 28
_CORNERS = np.floor(_CENTERS).astype("int32") - 13
_OFFSETS = np.arange(_WINDOW) + (_CORNERS - _CENTERS)[:, None]  # (32, 28)

# Random numbers of a scene: the number of sprites, the background's color,
# and, for each of five sprites, the factors and the color. Like the number of
# scenes drawn at a time, they are part of the definition of the scenes: another
# value would give other scenes for the same seed.
_FACTORS = (3, len(SCALES), len(ORIENTATIONS), len(POSITIONS), len(POSITIONS))
_SCENE_NUMBERS = 1 + 3
_SPRITE_NUMBERS = len(_FACTORS) + 3
_NUMBERS = _SCENE_NUMBERS + 5 * _SPRITE_NUMBERS
_BLOCK = 4_096


class Scenes(NamedTuple):
    """Scenes as drawn: N scenes, of up to K sprites, in images of C channels.

    Attributes:
        sprites: uint8 (N, K, 5). The shape's code (1 square, 2 ellipse,
            3 heart, 0 for no sprite) and the indices of scale, orientation,
            column and row. Later sprites cover earlier ones.
        colors: float32 (N, K + 1, C), in [0, 1]; the background's first.
    """

    sprites: np.ndarray
    colors: np.ndarray


def _white_on_black(background, sprites):
    return np.zeros_like(background[..., :1]), np.ones_like(sprites[..., :1])


def _vivid_on_gray(background, sprites):
    """Maps sprites to a uniform hue; saturation and value at least one half."""
    hue, saturation, value = np.moveaxis(sprites, -1, 0)
    saturation, value = 0.5 + 0.5 * saturation, 0.5 + 0.5 * value
    # Each channel decreases with the distance on the color wheel from its hue.
    wheel = (6.0 * hue[..., None] + [5.0, 3.0, 1.0]) % 6.0
    chroma = np.clip(np.minimum(wheel, 4.0 - wheel), 0.0, 1.0)
    colors = value[..., None] * (1.0 - saturation[..., None] * chroma)
    return np.repeat(background[..., :1], 3, axis=-1), colors


def _any_on_any(background, sprites):
    return background, sprites


@dataclass(frozen=True)
class Variant:
    """The settings of a variant of Multi-dSprites.

    Attributes:
        min_sprites, max_sprites: Integers, both inclusive.
        colors: Function from uniform numbers in [0, 1), (N, 3) for the
            background and (N, K, 3) for the sprites, to their colors.
    """

    min_sprites: int
    max_sprites: int
    colors: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


VARIANTS = {
    "binarized": Variant(2, 3, _white_on_black),
    "colored_on_grayscale": Variant(2, 5, _vivid_on_gray),
    "colored_on_colored": Variant(1, 4, _any_on_any),
}


def sample_scenes(
    variant: str, split: str, num_scenes: int, seed: int
) -> Scenes:
    """Draws the first `num_scenes` scenes of one split."""
    sample_block = partial(_sample_block, variant, split, seed)
    return Scenes(*first_scenes(sample_block, num_scenes))


def _sample_block(variant, split, seed, index):
    """Draws one block of candidates and returns the scenes of `split`."""
    low, high = VARIANTS[variant].min_sprites, VARIANTS[variant].max_sprites
    place = (list(VARIANTS).index(variant), SPLITS.index(split), index)
    words = raw_words(stream_key(seed, *place), _BLOCK * _NUMBERS // 2)
    numbers = np.stack(halves(words), axis=-1)
    numbers = numbers.reshape(_BLOCK, _NUMBERS)  # (block, 44)
    background = numbers[:, 1:_SCENE_NUMBERS]  # (block, 3)
    sprites = numbers[:, _SCENE_NUMBERS:].reshape(_BLOCK, 5, _SPRITE_NUMBERS)
    sprites = sprites[:, :high]  # (block, K, 8)

    count = low + integers_below(high - low + 1, numbers[:, :1])  # (block, 1)
    drawn = integers_below(_FACTORS, sprites[..., : len(_FACTORS)])
    drawn = drawn.astype("uint8")
    drawn[..., 0] += 1
    drawn[np.arange(high) >= count] = 0

    kept = in_split(split, drawn)
    drawn = drawn[kept]  # (N, K, 5)
    background, colors = VARIANTS[variant].colors(
        unit(background[kept]), unit(sprites[kept][..., len(_FACTORS) :])
    )
    colors[drawn[..., 0] == 0] = 0.0
    colors = np.concatenate([background[:, None], colors], axis=1)
    return Scenes(drawn, colors.astype("float32"))


def in_split(split: str, sprites: np.ndarray) -> np.ndarray:
    """Returns whether scenes of sprites (N, K, 5) belong to `split`: (N,).

    A hash of the sprites decides. It depends neither on their order and colors
    nor on the seed.
    """
    shape, scale, orientation, x, y = np.moveaxis(sprites, -1, 0)
    # The last orientation is a full turn: the same picture as the first.
    orientation = orientation % (len(ORIENTATIONS) - 1)
    code = np.ravel_multi_index(
        (shape, scale, orientation, x, y), (4, *_FACTORS[1:])
    )
    # The sum ignores the order and counts equal sprites, which an exclusive or
    # would cancel. Empty places add nothing.
    words = np.where(shape > 0, _scramble(code.astype("uint64")), 0)
    bucket = words.sum(axis=1, dtype="uint64") >> np.uint64(60)  # 0 to 15
    return bucket_in_split(split, bucket)


def _scramble(words):
    """Hashes each word to 64 bits by SplitMix64 (Steele et al., 2014)."""
    words = (words + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)


def render(
    sprites: tf.Tensor, colors: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Renders scenes to images (B, 64, 64, C) and labels (B, 64, 64)."""
    sprites = tf.cast(sprites, tf.int32)
    # The sprites that a pixel lies in, one bit for each. The highest bit is
    # the sprite on top.
    layers = tf.add_n(
        [
            _paint(sprites, code, inside)
            for code, inside in enumerate(
                (_in_square, _in_ellipse, _in_heart), start=1
            )
        ]
    )  # (B, 64, 64)
    highest = [number.bit_length() for number in range(2 ** sprites.shape[1])]
    mask = tf.gather(tf.constant(highest, tf.int32), layers)
    # Rounded to eight bits, as the published images are.
    palette = to_float(tf.round(255.0 * colors))  # (B, K + 1, C)
    return tf.gather(palette, mask, batch_dims=1), mask


def _paint(sprites, code, inside):
    """Paints all sprites of one shape, as bits: (B, 64, 64).

    Shapes are painted separately, so that pixels are only tested for the shape
    of their sprite. In float32, rounding would decide a pixel in one of some
    thousand scenes, perhaps not the same on every processor; so in float64.
    """
    num_scenes = tf.shape(sprites)[0]
    which = tf.where(sprites[..., 0] == code)  # (M, 2): scene and place
    _, scale, orientation, x, y = tf.unstack(
        tf.gather_nd(sprites, which)[..., None, None], axis=1
    )  # (M, 1, 1) each
    cosine = tf.gather(np.cos(ORIENTATIONS), orientation)
    sine = tf.gather(np.sin(ORIENTATIONS), orientation)
    size = tf.gather(SCALES, scale)
    right = tf.gather(_OFFSETS, x[:, 0]) / size  # (M, 1, 28)
    up = -tf.linalg.matrix_transpose(tf.gather(_OFFSETS, y[:, 0]) / size)
    pixels = inside(
        cosine * right + sine * up, cosine * up - sine * right
    )  # (M, 28, 28)

    scene, place = tf.unstack(
        tf.cast(which, tf.int32)[..., None, None], axis=1
    )  # (M, 1, 1) each
    row = tf.gather(_CORNERS, y) + np.arange(_WINDOW, dtype="int32")[:, None]
    column = tf.gather(_CORNERS, x) + np.arange(_WINDOW, dtype="int32")
    at = (scene * IMAGE_SIZE + row) * IMAGE_SIZE + column  # (M, 28, 28)
    bits = tf.cast(pixels, tf.int32) * tf.bitwise.left_shift(1, place)
    canvas = tf.scatter_nd(
        tf.reshape(at, (-1, 1)),
        tf.reshape(bits, (-1,)),
        tf.reshape(num_scenes * IMAGE_SIZE**2, (1,)),
    )
    return tf.reshape(canvas, (-1, IMAGE_SIZE, IMAGE_SIZE))


def _in_square(right, up):
    return tf.maximum(tf.abs(right), tf.abs(up)) < SQUARE


def _in_ellipse(right, up):
    return (right / ELLIPSE[0]) ** 2 + (up / ELLIPSE[1]) ** 2 < 1.0


def _in_heart(right, up):
    # The angle from "up", either way, in steps of the table of radii.
    steps = len(HEART) - 1
    turn = tf.atan2(tf.abs(right), up) * (steps / np.pi)
    before = tf.minimum(tf.cast(turn, tf.int32), steps - 1)
    slope = tf.gather(np.diff(HEART), before)
    radius = tf.gather(HEART, before) + slope * (
        turn - tf.cast(before, turn.dtype)
    )
    return right**2 + up**2 < radius**2


def factors(sprites: tf.Tensor, colors: tf.Tensor) -> dict[str, tf.Tensor]:
    """Names the factors of scenes, by entity, the background first."""
    sprites = tf.cast(sprites, tf.int32)
    shape, scale, orientation, x, y = tf.unstack(sprites, axis=-1)  # (B, K)
    present = tf.cast(shape > 0, tf.float32)

    def entities(values, background=0.0):
        paddings = [(0, 0), (1, 0), (0, 0)][: values.shape.rank]
        return tf.pad(values, paddings, constant_values=background)

    def values(table, index):
        table = tf.constant(table, tf.float32)
        return entities(present * tf.gather(table, index))

    return {
        "x": values(POSITIONS, x),
        "y": values(POSITIONS, y),
        "shape": entities(tf.cast(shape, tf.float32)),
        "color": entities(colors[:, 1:]),
        "visibility": entities(present, background=1.0),
        "orientation": values(ORIENTATIONS, orientation),
        "scale": values(SCALES, scale),
    }
