"""Draws scenes that no recipe of the package was chosen on.

Two to four rings, crosses, triangles and crescents of any color and size,
turned anyhow, one over the other, on a ground that changes its color from one
side to the other.
"""

import numpy as np
import tensorflow as tf

SPLITS = ("train", "validation", "test")


def cross(u, v):
    """Tells what two beams cover."""
    return (np.maximum(abs(u), abs(v)) < 1) & (
        np.minimum(abs(u), abs(v)) < 0.35
    )


def ring(u, v):
    """Tells what lies between two circles."""
    return abs(np.hypot(u, v) - 0.75) < 0.25


def triangle(u, v):
    """Tells what lies between three sides of equal length."""
    return (v > -0.5) & (v + np.sqrt(3) * abs(u) < 1)


def crescent(u, v):
    """Tells what one disc leaves of another."""
    return (np.hypot(u, v) < 1) & (np.hypot(u - 0.6, v) > 0.8)


SHAPES = (cross, ring, triangle, crescent)


def draw(chance, size):
    """Draws an image (H, W, 3) in [-1, 1] and its mask (H, W)."""
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    angle = chance.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * x + np.sin(angle) * y)[..., None]  # (H, W, 1)
    image = (
        chance.uniform(-0.6, 0.6, 3) + chance.uniform(-0.25, 0.25, 3) * slope
    )
    mask = np.zeros((size, size), "int32")
    for label in range(1, chance.integers(2, 5) + 1):
        center_y, center_x = chance.uniform(-0.75, 0.75, 2)
        radius, angle = chance.uniform(0.2, 0.4), chance.uniform(0, 2 * np.pi)
        right, down = (x - center_x) / radius, (y - center_y) / radius
        covered = SHAPES[chance.integers(len(SHAPES))](
            np.cos(angle) * right + np.sin(angle) * down,
            np.cos(angle) * down - np.sin(angle) * right,
        )
        image[covered] = chance.uniform(-1, 1, 3)
        mask[covered] = label
    return image.astype("float32"), mask


def other_scenes(split, batch_size, num_scenes, seed=0, size=64, **kwargs):
    """Makes a dataset of images (B, H, W, 3) and masks (B, H, W)."""
    chance = np.random.default_rng((SPLITS.index(split), seed))
    scenes = [draw(chance, size) for _ in range(num_scenes)]
    data = tf.data.Dataset.from_tensor_slices(
        tuple(map(np.stack, zip(*scenes, strict=True)))
    )
    if split == "train":
        data = data.shuffle(num_scenes, seed=seed)
    return data.batch(batch_size, **kwargs)
