"""A picture of a model's outputs for one scene."""

import math
import os

from keras_slots.checks import as_integer
from keras_slots.types import Tensor
from keras_slots.visualization.figures import Figure, check_path, save_figure
from keras_slots.visualization.panel_grid import (
    GAP,
    Block,
    draw_blocks,
)
from keras_slots.visualization.scene_panels import (
    drawn_panels,
    mask_panels,
    read_scenes,
    whole_panels,
)

_PANEL_INCHES = 2.4  # The mean of height and width of a whole scene.


def plot_scene(
    images: Tensor,
    outputs: dict[str, Tensor],
    path: str | os.PathLike | None = None,
    index: int = 0,
    mask: Tensor | None = None,
) -> Figure:
    """Draws one large scene, with every slot's reconstruction and mask.

    The picture is like Figure 14 of the supplement. At the top are the scene,
    its reconstruction and the slot masks, as in `plot_slots`: each slot has one
    color, which fills the slot's share of the picture. Below are every slot's
    reconstruction, before it is masked, and its mask, from black (0) to white
    (1), framed in the slot's color. Many slots take several rows.

    Args:
        images: Float tensor of shape `(B, H, W, 3)` in [-1, 1].
        outputs: Dictionary that `models.ObjectDiscovery` returns for `images`:
            `"reconstruction"` of shape `(B, H, W, 3)`,
            `"slot_reconstructions"` of shape `(B, K, H, W, 3)`, both in
            [-1, 1], and `"masks"` of shape `(B, K, H, W, 1)`, probabilities
            over the slots. Other entries are ignored. K may be larger than in
            training if the model is called with `num_slots`.
        path: String, path or `None`. Where to save the picture; the ending
            (`.png`, `.pdf`, `.svg`) sets the format. An incomplete file never
            appears. Defaults to `None`.
        index: Integer. The index of the scene to draw. Defaults to `0`.
        mask: Integer tensor of shape `(B, H, W)` or `None`. True labels, 0 the
            background, drawn beside the slot masks, each object in the color
            of the slot that matches it best. Defaults to `None`.

    Returns:
        The `matplotlib.figure.Figure`. It belongs to no pyplot window; save it
        with `figure.savefig` or leave it as the last line of a notebook cell.

    Raises:
        ImportError: If matplotlib is not installed.
        FileNotFoundError: If the folder of `path` does not exist.
        ValueError: If `path` does not end like a picture, or a shape is not as
            above.
        IndexError: If there is no scene `index`.
        KeyError: If an entry of `outputs` is missing.

    Example:
    >>> import keras, keras_slots
    >>> from keras_slots.visualization import plot_scene
    >>> model = keras_slots.models.ObjectDiscovery.from_preset(
    ...     "tetrominoes_paper"
    ... )
    >>> images = keras.random.uniform((2, 35, 35, 3), -1.0, 1.0, seed=0)
    >>> outputs = model(images, num_slots=6, num_iterations=5)
    >>> figure = plot_scene(images, outputs, index=1)
    >>> len(figure.axes)  # 3 of the scene, and 2 for each slot
    15

    References:
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      Figure 14.
    """
    index = as_integer("index", index, minimum=0)
    check_path(path)
    scenes = read_scenes(images, outputs, mask)
    scene = scenes[index]
    height, width, _ = scene["image"].shape
    aspect = height / width
    large = (_PANEL_INCHES * aspect**-0.5, _PANEL_INCHES * aspect**0.5)
    whole = Block([whole_panels(scene)], large)
    num_columns = _num_columns(len(scene["masks"]), len(whole.rows[0]))
    slot_width = (whole.width + GAP) / num_columns - GAP
    small = (slot_width, slot_width * aspect)
    labels = ("Reconstruction", "Mask")
    slots = [Block(r, small, labels) for r in _slot_rows(scene, num_columns)]
    figure = draw_blocks([whole, *slots])
    save_figure(figure, path)
    return figure


def _num_columns(num_slots, num_above):
    """Returns the number of slots in a row, at most five below two pictures.

    The rows are as equal as possible, and slots are not larger than the scene.
    """
    num_rows = math.ceil(num_slots / (5 * num_above // 2))
    return max(math.ceil(num_slots / num_rows), num_above)


def _slot_rows(scene, num_columns):
    """Makes pairs of rows: reconstructions of some slots, and their masks."""
    drawn, masks = drawn_panels(scene), mask_panels(scene)
    return [
        [drawn[start : start + num_columns], masks[start : start + num_columns]]
        for start in range(0, len(masks), num_columns)
    ]
