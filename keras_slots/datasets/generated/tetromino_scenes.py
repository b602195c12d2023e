"""Draws Tetrominoes scenes, assigns them to splits and renders them."""

from functools import partial

import numpy as np
import tensorflow as tf

from keras_slots.datasets.generated.random_words import (
    halves,
    integers_below,
    raw_words,
    stream_key,
)
from keras_slots.datasets.generated.scene_splits import (
    NUM_BUCKETS,
    SPLITS,
    bucket_in_split,
    first_scenes,
)
from keras_slots.datasets.pixels import to_float

IMAGE_SIZE = 35
CELL_SIZE = 5
NUM_PIECES = 3

# Rows of each shape from top to bottom. A shape's code is its place in this
# list, counted from 1: code 0 is the background's.
SHAPES = (
    ("####",),
    ("#", "#", "#", "#"),
    ("###", "#.."),
    ("#..", "###"),
    ("..#", "###"),
    ("###", "..#"),
    ("##", ".#", ".#"),
    (".#", ".#", "##"),
    ("##", "#.", "#."),
    ("#.", "#.", "##"),
    ("##.", ".##"),
    (".##", "##."),
    (".#", "##", "#."),
    ("#.", "##", ".#"),
    (".#.", "###"),
    ("###", ".#."),
    (".#", "##", ".#"),
    ("#.", "##", "#."),
    ("##", "##"),
)

COLORS = np.array(
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)],
    dtype="uint8",
)

# The bevel that every cell carries, lit from the top.
CELL_BRIGHTNESS = np.array(
    [
        [191, 255, 255, 255, 223],
        [127, 159, 159, 159, 191],
        [127, 159, 159, 159, 191],
        [127, 159, 159, 159, 191],
        [95, 63, 63, 63, 127],
    ],
    dtype="uint8",
)

# The number of candidates drawn at a time. It is part of the definition of the
# scenes: another value would give other scenes for the same seed.
_BLOCK = 16_384


def _shape_tables():
    """Returns cells (2, 4, 19), extents (2, 19) and pixels (19, 100)."""
    cells = np.array(
        [
            [
                (i, j)
                for i, row in enumerate(rows)
                for j, cell in enumerate(row)
                if cell == "#"
            ]
            for rows in SHAPES
        ]
    )  # (19, 4, 2)
    extents = CELL_SIZE * (cells.max(axis=1) + 1)  # (19, 2)
    row, column = np.divmod(np.arange(CELL_SIZE**2), CELL_SIZE)
    pixels = (CELL_SIZE * cells[..., 0, None] + row) * IMAGE_SIZE + (
        CELL_SIZE * cells[..., 1, None] + column
    )  # (19, 4, 25), flat indices into an image
    return (
        (CELL_SIZE * cells.transpose(2, 1, 0)).astype("int8"),
        extents.T,
        pixels.reshape(len(SHAPES), -1).astype("int32"),
    )


def _code_tables():
    """Returns pixels (451, 3) and labels (451,) of the codes in `render`.

    Code 0 is the background; the others count through pieces, colors and the
    25 pixels of a cell.
    """
    pixels = COLORS[:, None] * CELL_BRIGHTNESS.reshape(1, -1, 1)  # (6, 25, 3)
    pixels = np.tile(pixels.reshape(-1, 3), (NUM_PIECES, 1))
    labels = np.repeat(np.arange(1, NUM_PIECES + 1), len(pixels) // NUM_PIECES)
    return (
        np.concatenate([np.zeros((1, 3), "uint8"), pixels]),
        np.concatenate([[0], labels]).astype("int32"),
    )


_CELLS, _EXTENTS, _PIXELS = _shape_tables()
_CODE_PIXELS, _CODE_LABELS = _code_tables()

# One random word for each (color, row, column) a cell can have; the words of
# a scene's cells, combined by exclusive or, are its hash (Zobrist hashing).
# The table is fixed, so a scene's split does not depend on the seed.
_CELL_WORDS = raw_words(2020, len(COLORS) * (IMAGE_SIZE - CELL_SIZE + 1) ** 2)
_CELL_WORDS = _CELL_WORDS.reshape(len(COLORS), IMAGE_SIZE - CELL_SIZE + 1, -1)


def sample_pieces(
    split: str, num_scenes: int, seed: int
) -> tuple[np.ndarray, ...]:
    """Draws scenes of one split, as one array, uint8 (num_scenes, 3, 4).

    The last axis holds the shape's index (from 0), the color's index, the top
    row and the left column.
    """
    return first_scenes(partial(_sample_block, split, seed), num_scenes)


def _sample_block(split, seed, index):
    """Draws one block of candidates and returns the scenes of `split`."""
    key = stream_key(seed, SPLITS.index(split), index)
    words = raw_words(key, 2 * NUM_PIECES * _BLOCK)
    low, high = halves(words.reshape(2, NUM_PIECES, _BLOCK))

    shape = integers_below(len(SHAPES), low[0])  # (3, block)
    color = integers_below(len(COLORS), high[0])
    x = integers_below(IMAGE_SIZE - _EXTENTS[0][shape] + 1, low[1])
    y = integers_below(IMAGE_SIZE - _EXTENTS[1][shape] + 1, high[1])
    pieces = np.stack([shape, color, x, y]).astype("uint8")  # (4, 3, block)

    pieces = pieces[..., ~_overlap(*_cells(pieces))]
    pieces = pieces[..., in_split(split, pieces)]
    return (pieces.transpose(2, 1, 0),)  # (scenes, 3, 4)


def _cells(pieces):
    """Returns top rows and left columns (4, 3, scenes) of the pieces' cells."""
    shape, _, x, y = pieces
    rows = _CELLS[0][:, shape] + x.astype("int8")
    columns = _CELLS[1][:, shape] + y.astype("int8")
    return rows, columns


def _overlap(rows, columns):
    """Returns whether any two pieces of a scene share a pixel: (scenes,)."""
    overlap = np.zeros(rows.shape[-1], "bool")
    for a in range(NUM_PIECES):
        for b in range(a):
            near = np.abs(rows[:, None, a] - rows[:, b]) < CELL_SIZE
            near &= np.abs(columns[:, None, a] - columns[:, b]) < CELL_SIZE
            overlap |= near.any(axis=(0, 1))
    return overlap


def in_split(split, pieces):
    """Returns whether scenes (4, 3, scenes) belong to `split`: (scenes,).

    The hash is over colored cells, not pieces. An image without overlaps
    determines its cells (the first pixel that is not black is the corner of a
    cell; remove this cell and repeat), so it also determines its split.
    """
    words = _CELL_WORDS[pieces[1], *_cells(pieces)]  # (4, 3, scenes)
    bucket = np.bitwise_xor.reduce(words, axis=(0, 1)) % NUM_BUCKETS
    return bucket_in_split(split, bucket)


def render(pieces: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Renders pieces (B, 3, 4) to images (B, 35, 35, 3) and labels."""
    shape, color, x, y = tf.unstack(tf.cast(pieces, tf.int32), axis=-1)
    size = IMAGE_SIZE**2
    num_scenes = tf.shape(shape)[0]
    corner = x * IMAGE_SIZE + y + size * tf.range(num_scenes)[:, None]  # (B, 3)
    pixels = corner[..., None] + tf.gather(_PIXELS, shape)  # (B, 3, 100)

    texture = np.tile(np.arange(CELL_SIZE**2, dtype="int32"), 4)  # (100,)
    piece = tf.range(NUM_PIECES) * len(COLORS)  # (3,)
    codes = 1 + (piece + color)[..., None] * CELL_SIZE**2 + texture

    canvas = tf.scatter_nd(
        tf.reshape(pixels, (-1, 1)),
        tf.reshape(codes, (-1,)),
        tf.reshape(num_scenes * size, (1,)),
    )
    canvas = tf.reshape(canvas, (-1, IMAGE_SIZE, IMAGE_SIZE))
    image = tf.gather(to_float(_CODE_PIXELS), canvas)
    return image, tf.gather(_CODE_LABELS, canvas)


def factors(pieces: tf.Tensor) -> dict[str, tf.Tensor]:
    """Names the factors of pieces (B, 3, 4), the background first."""
    shape, color, x, y = tf.unstack(tf.cast(pieces, tf.int32), axis=-1)

    def entities(values):
        paddings = [(0, 0), (1, 0), (0, 0)][: values.shape.rank]
        return tf.pad(tf.cast(values, tf.float32), paddings)

    return {
        "x": entities(x),
        "y": entities(y),
        "shape": entities(shape + 1),
        "color": entities(tf.gather(COLORS, color)),
        "visibility": tf.ones_like(entities(x)),
    }
