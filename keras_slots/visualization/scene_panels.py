"""A model's outputs for a scene as panels: of the whole, and of each slot."""

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.checks import check_shapes
from keras_slots.visualization.figures import read_images, to_array, to_unit
from keras_slots.visualization.panel_grid import Panel
from keras_slots.visualization.slot_colors import slot_colors

_UNMATCHED_COLOR = np.array([0.15, 0.15, 0.15])
_PAPER = 0.93  # the light gray behind a slot's own image
_AXES = {
    "reconstruction": "(B, H, W, 3)",
    "slot_reconstructions": "(B, K, H, W, 3)",
    "masks": "(B, K, H, W, 1)",
}


def read_scenes(images, outputs, mask=None):
    """Collects images and outputs, as in `plot_slots`, in a dict per scene.

    The arrays are `image`, `reconstruction`, `slot_reconstructions`, `masks`
    and, if given, `mask`.
    """
    arrays = {name: to_array(outputs[name]) for name in _AXES}
    named = {f"outputs[{n!r}]": (arrays[n], axes) for n, axes in _AXES.items()}
    arrays["image"] = read_images(images)
    if mask is not None:
        mask = keras.ops.convert_to_numpy(mask)
        arrays["mask"] = mask
    check_shapes(
        {
            "images": (arrays["image"], "(B, H, W, 3)"),
            **named,
            "mask": (mask, "(B, H, W)"),
        }
    )
    return [
        {name: array[index] for name, array in arrays.items()}
        for index in range(len(arrays["image"]))
    ]


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
