"""One picture of what a model made of its scenes."""

import os
from typing import TYPE_CHECKING

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.checks import check_integer
from keras_slots.types import Tensor
from keras_slots.visualization.figures import (
    check_folder,
    new_figure,
    save_figure,
    to_float32,
    to_unit,
)
from keras_slots.visualization.slot_colors import slot_colors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_UNMATCHED_COLOR = np.array([0.15, 0.15, 0.15])
_PAPER = 0.93  # the light grey behind a slot's own image
_PANEL_INCHES = 1.3


def plot_slots(
    images: Tensor,
    outputs: dict[str, Tensor],
    path: str | os.PathLike | None = None,
    num_scenes: int = 6,
    mask: Tensor | None = None,
) -> "Figure":
    """Draws scenes, their reconstructions, slot masks and slots, row by row.

    Each slot has one colour. It fills the slot's share of the mask picture, in
    proportion to the slot's mask, and frames the slot's own picture, which is
    its reconstruction seen through its mask on a light ground. True masks,
    where given, are drawn in the colour of the slot that matches each object
    best (one object to a slot, largest total overlap), so that a good
    segmentation looks alike in both pictures.

    Args:
        images: Float tensor of shape `(B, H, W, 3)` in [-1, 1].
        outputs: Dictionary that `models.ObjectDiscovery` gives for `images`:
            `"reconstruction"` of shape `(B, H, W, 3)`,
            `"slot_reconstructions"` of shape `(B, K, H, W, 3)`, both in
            [-1, 1], and `"masks"` of shape `(B, K, H, W, 1)`, probabilities
            over the slots. Other entries are left alone.
        path: String, path or `None`. Where to save the picture; the ending
            (`.png`, `.pdf`, `.svg`) says how. The file appears whole or not at
            all. Defaults to `None`.
        num_scenes: Integer. The largest number of scenes to draw. Defaults to
            `6`.
        mask: Integer tensor of shape `(B, H, W)` or `None`. True labels, 0 the
            background, drawn as a further column. Defaults to `None`.

    Returns:
        The `matplotlib.figure.Figure`. It belongs to no pyplot window; save it
        with `figure.savefig` or leave it as the last line of a notebook cell.

    Raises:
        ImportError: If matplotlib is not installed.
        FileNotFoundError: If the folder of `path` does not exist.
        ValueError: If `num_scenes` is not positive, an entry of `outputs` is
            missing, or a shape does not fit `images`.

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
      https://jfly.uni-koeln.de/color/): the colours.
    """
    num_scenes = check_integer("num_scenes", num_scenes, minimum=1)
    check_folder(path)
    arrays = _arrays(images, outputs, mask, num_scenes)
    panels = _panels(**arrays)

    num_rows, _, height, width, _ = arrays["slot_reconstructions"].shape
    panel_height = _PANEL_INCHES * height / width
    top = 0.3  # inches for the titles
    figure = new_figure(
        "plot_slots",
        width=_PANEL_INCHES * len(panels),
        height=panel_height * num_rows + top,
    )
    axes = figure.subplots(num_rows, len(panels), squeeze=False)
    figure.subplots_adjust(
        left=0.005,
        right=0.995,
        bottom=0.01,
        top=1 - top / figure.get_figheight(),
        wspace=0.06,
        hspace=0.06,
    )
    for column, (title, pictures, color) in enumerate(panels):
        axes[0, column].set_title(title, fontsize=9, pad=5)
        for axis, picture in zip(axes[:, column], pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            if color is None:
                axis.spines[:].set_visible(False)
            else:
                axis.spines[:].set(edgecolor=color, linewidth=2.0)
    if path is not None:
        save_figure(figure, path)
    return figure


def _arrays(images, outputs, mask, num_scenes):
    """The first scenes as NumPy arrays, their shapes checked."""
    images = to_float32(images)
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(
            "`images` must have shape (B, H, W, 3). "
            f"Received: images.shape={images.shape}"
        )
    batch, height, width, _ = images.shape
    arrays = {"images": images}
    slots: int | None = None
    for name, channels in (
        ("reconstruction", 3),
        ("slot_reconstructions", 3),
        ("masks", 1),
    ):
        if name not in outputs:
            raise ValueError(
                f"`outputs` must have an entry {name!r}. "
                f"Received: outputs with {sorted(outputs)}"
            )
        array = to_float32(outputs[name])
        expected: tuple = (batch, height, width, channels)
        if name != "reconstruction":
            slots = array.shape[1] if slots is None else slots
            expected = (batch, slots, *expected[1:])
        _check_shape(f"outputs[{name!r}]", array, expected)
        arrays[name] = array
    if mask is not None:
        arrays["mask"] = keras.ops.convert_to_numpy(mask)
        _check_shape("mask", arrays["mask"], (batch, height, width))
    return {name: array[:num_scenes] for name, array in arrays.items()}


def _check_shape(name, array, expected):
    if array.shape != expected:
        raise ValueError(
            f"`{name}` must have shape {expected} to fit `images`. "
            f"Received: {name}.shape={array.shape}"
        )


def _panels(images, reconstruction, slot_reconstructions, masks, mask=None):
    """Columns of the picture: (title, pictures (B, H, W, 3), frame colour)."""
    colors = slot_colors(masks.shape[1])  # (K, 3)
    panels = [
        ("Scene", to_unit(images), None),
        ("Reconstruction", to_unit(reconstruction), None),
        (
            "Slot masks",
            np.clip((masks * _spread(colors)).sum(1), 0, 1),
            None,
        ),
    ]
    if mask is not None:
        pictures = [
            _color_labels(labels, slots, colors)
            for labels, slots in zip(mask, masks[..., 0], strict=True)
        ]
        panels.append(("True masks", np.stack(pictures), None))
    seen = masks * to_unit(slot_reconstructions) + (1 - masks) * _PAPER
    for k, color in enumerate(colors):
        panels.append((f"Slot {k + 1}", np.clip(seen[:, k], 0, 1), color))
    return panels


def _spread(colors):
    return colors[None, :, None, None]  # (1, K, 1, 1, 3)


def _color_labels(labels, slots, colors):
    """Colours a label map (H, W) like the slots (K, H, W) that match best."""
    values = np.unique(labels)
    regions = labels == values[:, None, None]  # (n, H, W)
    overlap = np.einsum("nhw,khw->nk", regions, slots)
    picture = np.broadcast_to(_UNMATCHED_COLOR, (*labels.shape, 3)).copy()
    for label, slot in zip(
        *linear_sum_assignment(overlap, maximize=True), strict=True
    ):
        picture[regions[label]] = colors[slot]
    return picture
