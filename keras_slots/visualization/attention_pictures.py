"""Attention of slots, drawn as light in their colors on a dim scene."""

import numpy as np
from scipy.ndimage import zoom

# The scene's share of a picture; the rest is light where slots attend.
_SCENE_SHARE = 0.4


def light_up(scene, attention, colors, smooth):
    """Draws a scene (H, W, 3) in dark gray, lit where slots attend.

    `attention` (K, h, w) is on a grid of tokens, which `smooth` blends into
    each other; `colors` (K, 3) are the slots'. All values lie in [0, 1].
    """
    height, width, _ = scene.shape
    factors = (1, height / attention.shape[1], width / attention.shape[2])
    shares = zoom(
        attention,
        factors,
        order=1 if smooth else 0,
        mode="nearest",
        grid_mode=True,
    )  # (K, H, W)
    gray = scene.mean(axis=-1, keepdims=True)
    color = np.einsum("khw,kc->hwc", shares, colors)
    return np.clip(_SCENE_SHARE * gray + (1 - _SCENE_SHARE) * color, 0, 1)
