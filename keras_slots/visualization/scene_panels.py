"""A model's outputs for a scene as panels: of the whole, and of each slot."""

from collections.abc import Mapping

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.checks import as_array, as_tensor, check_rank
from keras_slots.visualization.figures import read_images, to_unit
from keras_slots.visualization.panel_grid import Panel
from keras_slots.visualization.slot_colors import slot_colors

_UNMATCHED_COLOR = np.array([0.15, 0.15, 0.15])
_PAPER = 0.93  # the light gray behind a slot's own image
_ENTRIES = ("reconstruction", "slot_reconstructions", "masks")


def read_scenes(images, outputs, mask=None):
    """Collects images and outputs in one dict per scene, and checks shapes.

    Args:
        images: Tensor (B, H, W, 3).
        outputs: Dict of a model's outputs, as in `plot_slots`.
        mask: Integer tensor (B, H, W) or `None`.

    Returns:
        List of dicts of arrays: `image`, `reconstruction`,
        `slot_reconstructions`, `masks` and, if given, `mask`.
    """
    images = read_images(images)
    batch, height, width, _ = images.shape
    arrays = {name: _entry(outputs, name) for name in _ENTRIES}
    drawn = arrays["slot_reconstructions"]
    check_rank(
        "outputs['slot_reconstructions']", drawn.shape, "(B, K, H, W, 3)"
    )
    of_slots = (batch, drawn.shape[1], height, width)
    for name, shape in (
        ("reconstruction", images.shape),
        ("slot_reconstructions", (*of_slots, 3)),
        ("masks", (*of_slots, 1)),
    ):
        _check_shape(f"outputs[{name!r}]", arrays[name], shape)
    arrays["image"] = images
    if mask is not None:
        arrays["mask"] = keras.ops.convert_to_numpy(as_tensor("mask", mask))
        _check_shape("mask", arrays["mask"], (batch, height, width))
    return [
        {name: array[index] for name, array in arrays.items()}
        for index in range(batch)
    ]


def _entry(outputs, name):
    """Returns an entry of a model's outputs as an array."""
    if not isinstance(outputs, Mapping):
        raise ValueError(
            "`outputs` must be a dict, as `models.ObjectDiscovery` returns. "
            f"Received: outputs of type {type(outputs).__name__}"
        )
    if name not in outputs:
        raise ValueError(
            f"`outputs` must have an entry {name!r}. "
            f"Received: outputs with {list(outputs)}"
        )
    return as_array(f"outputs[{name!r}]", outputs[name])


def _check_shape(name, array, expected):
    if array.shape != expected:
        raise ValueError(
            f"`{name}` must have shape {expected} to fit `images`. "
            f"Received: {name}.shape={array.shape}"
        )


def whole_panels(scene):
    """Makes panels of scene, reconstruction, slot masks and any true masks."""
    masks = scene["masks"]  # (K, H, W, 1)
    colors = slot_colors(len(masks))  # (K, 3)
    mixed = (masks * colors[:, None, None]).sum(0)
    panels = [
        Panel("Scene", to_unit(scene["image"])),
        Panel("Reconstruction", to_unit(scene["reconstruction"])),
        Panel("Slot masks", np.clip(mixed, 0, 1)),
    ]
    if "mask" in scene:
        picture = color_labels(scene["mask"], masks[..., 0], colors)
        panels.append(Panel("True masks", picture))
    return panels


def seen_panels(scene):
    """Makes panels of slots' reconstructions, masked on a light ground."""
    masks = scene["masks"]
    seen = masks * to_unit(scene["slot_reconstructions"]) + (1 - masks) * _PAPER
    return _slot_panels(np.clip(seen, 0, 1))


def drawn_panels(scene):
    """Makes panels of slots' reconstructions, as decoded."""
    return _slot_panels(to_unit(scene["slot_reconstructions"]))


def mask_panels(scene):
    """Makes panels of slots' masks, from black to white."""
    masks = np.clip(scene["masks"], 0, 1)
    return _slot_panels(np.repeat(masks, 3, axis=-1))


def _slot_panels(pictures):
    colors = slot_colors(len(pictures))
    return [
        Panel(f"Slot {k + 1}", picture, color)
        for k, (picture, color) in enumerate(zip(pictures, colors, strict=True))
    ]


def color_labels(labels, slots, colors):
    """Colors a label map (H, W) like the slots (K, H, W) that match best."""
    values = np.unique(labels)
    regions = labels == values[:, None, None]  # (n, H, W)
    overlap = np.einsum("nhw,khw->nk", regions, slots)
    # The picture should also work for a model whose masks are NaN.
    matched = linear_sum_assignment(np.nan_to_num(overlap), maximize=True)
    picture = np.broadcast_to(_UNMATCHED_COLOR, (*labels.shape, 3)).copy()
    for label, slot in zip(*matched, strict=True):
        picture[regions[label]] = colors[slot]
    return picture
