"""What a model made of a scene, as panels: the whole, and slot by slot."""

from collections.abc import Mapping

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.tensors import as_array, as_tensor
from keras_slots.visualization.figures import (
    read_images,
    to_unit,
)
from keras_slots.visualization.panel_grid import Panel
from keras_slots.visualization.slot_colors import slot_colors

_UNMATCHED_COLOR = np.array([0.15, 0.15, 0.15])
_PAPER = 0.93  # the light grey behind a slot's own image


def read_scenes(images, outputs, mask=None):
    """What a model made of images as one dict for each, shapes checked.

    Args:
        images: Tensor (B, H, W, 3).
        outputs: Dict of a model, as `plot_slots` documents it.
        mask: Integer tensor (B, H, W) or `None`.

    Returns:
        List of dicts of arrays: `image`, `reconstruction`,
        `slot_reconstructions`, `masks` and, where given, `mask`.
    """
    images = read_images(images)
    batch, height, width, _ = images.shape
    arrays = {"image": images}
    slots: int | None = None
    for name, channels in (
        ("reconstruction", 3),
        ("slot_reconstructions", 3),
        ("masks", 1),
    ):
        array = as_array(f"outputs[{name!r}]", _entry(outputs, name))
        expected: tuple = (batch, height, width, channels)
        if name != "reconstruction":
            slots = array.shape[1] if slots is None else slots
            expected = (batch, slots, *expected[1:])
        _check_shape(f"outputs[{name!r}]", array, expected)
        arrays[name] = array
    if mask is not None:
        arrays["mask"] = keras.ops.convert_to_numpy(as_tensor("mask", mask))
        _check_shape("mask", arrays["mask"], (batch, height, width))
    return [
        {name: array[index] for name, array in arrays.items()}
        for index in range(batch)
    ]


def _entry(outputs, name):
    if not isinstance(outputs, Mapping):
        raise ValueError(
            "`outputs` must be a dict, as `models.ObjectDiscovery` gives it. "
            f"Received: outputs of type {type(outputs).__name__}"
        )
    if name not in outputs:
        raise ValueError(
            f"`outputs` must have an entry {name!r}. "
            f"Received: outputs with {sorted(outputs)}"
        )
    return outputs[name]


def _check_shape(name, array, expected):
    if array.shape != expected:
        raise ValueError(
            f"`{name}` must have shape {expected} to fit `images`. "
            f"Received: {name}.shape={array.shape}"
        )


def whole_panels(scene):
    """Scene, reconstruction, slot masks and, where there are, true masks."""
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
    """Every slot's reconstruction, seen through its mask on a light ground."""
    masks = scene["masks"]
    seen = masks * to_unit(scene["slot_reconstructions"]) + (1 - masks) * _PAPER
    return _slot_panels(np.clip(seen, 0, 1))


def drawn_panels(scene):
    """Every slot's reconstruction, as the decoder drew it."""
    return _slot_panels(to_unit(scene["slot_reconstructions"]))


def mask_panels(scene):
    """Every slot's mask, from black to white."""
    masks = np.clip(scene["masks"], 0, 1)
    return _slot_panels(np.repeat(masks, 3, axis=-1))


def _slot_panels(pictures):
    colors = slot_colors(len(pictures))
    return [
        Panel(f"Slot {k + 1}", picture, color)
        for k, (picture, color) in enumerate(zip(pictures, colors, strict=True))
    ]


def color_labels(labels, slots, colors):
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
