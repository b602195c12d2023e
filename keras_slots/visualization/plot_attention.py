"""A picture of slots' attention, iteration by iteration."""

import os

from keras_slots.checks import as_integer, check_shapes
from keras_slots.token_grid import token_grid
from keras_slots.types import Tensor
from keras_slots.visualization.attention_pictures import light_up
from keras_slots.visualization.figures import (
    Figure,
    check_path,
    read_images,
    save_figure,
    to_array,
    to_unit,
)
from keras_slots.visualization.panel_grid import Block, Panel, draw_blocks
from keras_slots.visualization.slot_colors import slot_colors

_PANEL_INCHES = 1.25


def plot_attention(
    images: Tensor,
    attention: Tensor,
    path: str | os.PathLike | None = None,
    num_scenes: int = 3,
    grid_size: tuple[int, int] | None = None,
) -> Figure:
    """Draws the attention of slots over the scenes, one column per slot.

    The scene is shown in dark gray, and each token is lit in a slot's color,
    in proportion to the attention that it gets from the slot: first by all
    slots together, then by each slot alone. Slots have the same colors as in
    `plot_slots`. With all iterations there is one row per iteration, from top
    to bottom; otherwise one row per scene.

    Attention is drawn unscaled. A softmax over the slots, the default of
    `SlotAttention`, is easy to see. A softmax over the inputs is faint: scale
    it, for example by its largest value.

    Args:
        images: Float tensor of shape `(B, H, W, 3)` in [-1, 1].
        attention: Float tensor of shape `(B, T, K, N)`, T iterations, or
            `(B, K, N)` for only the last iteration, as `SlotAttention` returns
            it for `return_attention_scores=True`, with and without
            `return_all_iterations=True`. In [0, 1], for N tokens, row by row.
        path: String, path or `None`. Where to save the picture; the ending
            (`.png`, `.pdf`, `.svg`) sets the format. An incomplete file never
            appears. Defaults to `None`.
        num_scenes: Integer. The largest number of scenes to draw. Defaults to
            `3`.
        grid_size: Pair of integers or `None`. Height and width of the map that
            the tokens come from. Needed if this map neither has the shape of
            the images nor is square. Defaults to `None`.

    Returns:
        The `matplotlib.figure.Figure`. It belongs to no pyplot window; save it
        with `figure.savefig` or leave it as the last line of a notebook cell.

    Raises:
        ImportError: If matplotlib is not installed.
        FileNotFoundError: If the folder of `path` does not exist.
        ValueError: If `num_scenes` is not positive, `path` does not end like a
            picture, there are no images, a shape is not as above, or the number
            of tokens does not fit the map.

    Example:
    >>> import keras, keras_slots
    >>> from keras_slots.visualization import plot_attention
    >>> images = keras.random.uniform((1, 8, 8, 3), -1.0, 1.0, seed=0)
    >>> tokens = keras.ops.reshape(images, (1, 64, 3))  # a token per pixel
    >>> slots, attention = keras_slots.SlotAttention(num_slots=4, slot_size=8)(
    ...     tokens, return_attention_scores=True, return_all_iterations=True
    ... )
    >>> attention.shape
    TensorShape([1, 3, 4, 64])
    >>> figure = plot_attention(images, attention)
    >>> figure.axes[1].get_title()
    'All slots'

    References:
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      Table 1: attention at every iteration.
    """
    num_scenes = as_integer("num_scenes", num_scenes)
    check_path(path)
    scenes, attention = _arrays(images, attention, grid_size)
    scenes, attention = scenes[:num_scenes], attention[:num_scenes]
    height, width, _ = scenes[0].shape
    panel_size = (_PANEL_INCHES, _PANEL_INCHES * height / width)
    times = range(attention.shape[1])
    labels = [f"t = {t + 1}" for t in times] if len(times) > 1 else []
    blocks = _blocks_of_rows(scenes, attention)
    figure = draw_blocks([Block(rows, panel_size, labels) for rows in blocks])
    save_figure(figure, path)
    return figure


def _arrays(images, attention, grid_size):
    """Returns scenes (B, H, W, 3) in [0, 1] and attention (B, T, K, h, w)."""
    images, attention = read_images(images), to_array(attention)
    if attention.ndim == 3:
        attention = attention[:, None]
    axes = {"attention": (attention, "(B, T, K, N)")}
    check_shapes(axes, B=len(images))
    grid = token_grid(attention.shape[-1], images.shape[1:3], grid_size)
    return to_unit(images), attention.reshape(*attention.shape[:-1], *grid)


def _blocks_of_rows(scenes, attention):
    """Returns blocks of panel rows, each block with its own titles.

    With several iterations each scene is a block, otherwise all scenes are one.
    """
    blocks = [
        [
            _row(scene, slots, with_scene=t == 0)
            for t, slots in enumerate(iterations)
        ]
        for scene, iterations in zip(scenes, attention, strict=True)
    ]
    if attention.shape[1] == 1:
        return [[row for rows in blocks for row in rows]]
    return blocks


def _row(scene, attention, with_scene):
    """Makes panels of a scene, all slots, and each slot of attention."""
    colors = slot_colors(len(attention))
    row = [
        Panel("Scene", scene if with_scene else None),
        Panel("All slots", light_up(scene, attention, colors, smooth=False)),
    ]
    for k, color in enumerate(colors):
        only = slice(k, k + 1)
        picture = light_up(scene, attention[only], colors[only], smooth=False)
        row.append(Panel(f"Slot {k + 1}", picture, color))
    return row
