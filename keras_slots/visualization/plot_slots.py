"""A picture of a model's outputs for several scenes."""

import os

from keras_slots.checks import as_integer
from keras_slots.types import Tensor
from keras_slots.visualization.figures import Figure, check_path, save_figure
from keras_slots.visualization.panel_grid import Block, draw_blocks
from keras_slots.visualization.scene_panels import (
    read_scenes,
    seen_panels,
    whole_panels,
)

_PANEL_INCHES = 1.25


def plot_slots(
    images: Tensor,
    outputs: dict[str, Tensor],
    path: str | os.PathLike | None = None,
    num_scenes: int = 6,
    mask: Tensor | None = None,
) -> Figure:
    """Draws scenes, their reconstructions, slot masks and slots, row by row.

    Each slot has one color. It fills the slot's share of the mask picture, in
    proportion to the slot's mask, and frames the slot's own picture, which is
    its reconstruction seen through its mask on a light ground. If true masks
    are given, each object is drawn in the color of the slot that matches it
    best (one object to a slot, largest total overlap), so that a good
    segmentation looks the same in both pictures.

    Args:
        images: Float tensor of shape `(B, H, W, 3)` in [-1, 1].
        outputs: Dictionary that `models.ObjectDiscovery` returns for `images`:
            `"reconstruction"` of shape `(B, H, W, 3)`,
            `"slot_reconstructions"` of shape `(B, K, H, W, 3)`, both in
            [-1, 1], and `"masks"` of shape `(B, K, H, W, 1)`, probabilities
            over the slots. Other entries are ignored.
        path: String, path or `None`. Where to save the picture; the ending
            (`.png`, `.pdf`, `.svg`) sets the format. An incomplete file never
            appears. Defaults to `None`.
        num_scenes: Integer. The largest number of scenes to draw. Defaults to
            `6`.
        mask: Integer tensor of shape `(B, H, W)` or `None`. True labels, 0 the
            background, drawn as another column. Defaults to `None`.

    Returns:
        The `matplotlib.figure.Figure`. It belongs to no pyplot window; save it
        with `figure.savefig` or leave it as the last line of a notebook cell.

    Raises:
        ImportError: If matplotlib is not installed.
        FileNotFoundError: If the folder of `path` does not exist.
        ValueError: If `num_scenes` is not positive, `path` does not end like a
            picture, there are no images, or a shape is not as above.
        KeyError: If an entry of `outputs` is missing.

    Example:
    >>> import numpy as np
    >>> from keras_slots.visualization import plot_slots
    >>> images = np.zeros((2, 8, 8, 3), "float32")
    >>> outputs = {
    ...     "reconstruction": images,
    ...     "slot_reconstructions": np.zeros((2, 3, 8, 8, 3), "float32"),
    ...     "masks": np.full((2, 3, 8, 8, 1), 1 / 3, "float32"),
    ... }
    >>> figure = plot_slots(images, outputs)
    >>> len(figure.axes)  # 2 rows of scene, reconstruction, masks, 3 slots
    12

    References:
    - [Okabe and Ito, Color Universal Design](
      https://jfly.uni-koeln.de/color/): the colors.
    """
    num_scenes = as_integer("num_scenes", num_scenes)
    check_path(path)
    scenes = read_scenes(images, outputs, mask)[:num_scenes]
    rows = [whole_panels(scene) + seen_panels(scene) for scene in scenes]
    height, width, _ = scenes[0]["image"].shape
    panel_size = (_PANEL_INCHES, _PANEL_INCHES * height / width)
    figure = draw_blocks([Block(rows, panel_size)])
    save_figure(figure, path)
    return figure
