"""One picture of what a model made of its scenes."""

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.checks import check_integer
from keras_slots.types import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any common colour vision; grey
# stands in for their black, which many scenes have as background.
SLOT_COLORS = np.array(
    [
        (0.902, 0.624, 0.000),  # orange
        (0.337, 0.706, 0.914),  # sky blue
        (0.000, 0.620, 0.451),  # bluish green
        (0.941, 0.894, 0.259),  # yellow
        (0.000, 0.447, 0.698),  # blue
        (0.835, 0.369, 0.000),  # vermilion
        (0.800, 0.475, 0.655),  # reddish purple
        (0.600, 0.600, 0.600),  # grey
    ]
)
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
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "`plot_slots` needs matplotlib: `pip install matplotlib`, or the "
            "`examples` extra of keras-slots."
        ) from error
    num_scenes = check_integer("num_scenes", num_scenes, minimum=1)
    if path is not None and not Path(path).parent.is_dir():
        raise FileNotFoundError(
            "`path` must lie in a folder that exists. "
            f"Received: path={os.fspath(path)!r}"
        )
    arrays = _arrays(images, outputs, mask, num_scenes)
    panels = _panels(**arrays)

    num_rows, _, height, width, _ = arrays["slot_reconstructions"].shape
    panel_height = _PANEL_INCHES * height / width
    top = 0.3  # inches for the titles
    figure = Figure(
        figsize=(
            _PANEL_INCHES * len(panels),
            panel_height * num_rows + top,
        ),
        dpi=200,
        facecolor="white",
    )
    FigureCanvasAgg(figure)
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
        _save(figure, Path(path))
    return figure


def _arrays(images, outputs, mask, num_scenes):
    """The first scenes as NumPy arrays, their shapes checked."""
    images = _to_float32(images)
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
        array = _to_float32(outputs[name])
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


def _to_float32(tensor):
    # NumPy and Matplotlib know little of bfloat16.
    return keras.ops.convert_to_numpy(tensor).astype("float32")


def _check_shape(name, array, expected):
    if array.shape != expected:
        raise ValueError(
            f"`{name}` must have shape {expected} to fit `images`. "
            f"Received: {name}.shape={array.shape}"
        )


def _panels(images, reconstruction, slot_reconstructions, masks, mask=None):
    """Columns of the picture: (title, pictures (B, H, W, 3), frame colour)."""
    colors = _slot_colors(masks.shape[1])  # (K, 3)
    panels = [
        ("Scene", _to_unit(images), None),
        ("Reconstruction", _to_unit(reconstruction), None),
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
    seen = masks * _to_unit(slot_reconstructions) + (1 - masks) * _PAPER
    for k, color in enumerate(colors):
        panels.append((f"Slot {k + 1}", np.clip(seen[:, k], 0, 1), color))
    return panels


def _to_unit(images):
    return np.clip(images.astype("float32") / 2 + 0.5, 0, 1)


def _spread(colors):
    return colors[None, :, None, None]  # (1, K, 1, 1, 3)


def _slot_colors(num_slots):
    """One colour per slot; past the eighth, paler and then darker ones."""
    index = np.arange(num_slots)
    colors = SLOT_COLORS[index % len(SLOT_COLORS)]
    shade = (index // len(SLOT_COLORS) % 3)[:, None]
    colors = np.where(shade == 1, 0.5 * colors + 0.5, colors)
    return np.where(shade == 2, 0.5 * colors, colors)


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


def _save(figure, path):
    """Saves under another name first, so that no half picture is left."""
    unfinished = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        figure.savefig(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
