"""Sprites of Multi-dSprites, pixel by pixel from the formulas."""

import cmath
import math

import numpy as np

# Fewest and most sprites, and channels.
VARIANTS = {
    "binarized": (2, 3, 1),
    "colored_on_grayscale": (2, 5, 3),
    "colored_on_colored": (1, 4, 3),
}
GRAYSCALE = "colored_on_grayscale"
SQUARE, ELLIPSE, HEART = 1, 2, 3

# From "up" to "down" in 40 steps.
HEART_RADII = (
    "5.04 6.51 7.73 8.53 9.42 10.06 10.42 10.90 11.13 11.15 11.16 11.13 11.18 "
    "11.00 10.78 10.27 10.05 9.43 9.10 8.49 8.10 7.78 7.23 7.00 6.79 6.36 6.14 "
    "6.16 5.97 5.95 5.92 5.96 5.92 6.09 6.17 6.16 6.67 6.98 7.42 8.04 9.34"
)
HEART_RADII = [float(radius) for radius in HEART_RADII.split()]


def inside(column, row, shape, scale, orientation, x, y):
    """Whether the middle of a pixel lies in a sprite given by its indices."""
    # In the complex plane, rows grow downwards and so the imaginary part is
    # their negative; a turn counter-clockwise is undone clockwise.
    point = complex(
        column - (15.5 + 32 * x / 31), -(row - (15.5 + 32 * y / 31))
    )
    point *= cmath.exp(-2j * math.pi * orientation / 39)
    point /= 0.5 + scale / 10
    if shape == SQUARE:
        return abs(point.real) < 9.6 and abs(point.imag) < 9.6
    if shape == ELLIPSE:
        return math.hypot(point.real / 12.8, point.imag / 7.2) < 1
    from_up = abs(cmath.phase(point / 1j))
    angles = np.linspace(0, math.pi, 41)
    return abs(point) < np.interp(from_up, angles, HEART_RADII)


def draw(sprites):
    """A scene's mask, pixel by pixel from the formulas."""
    mask = np.zeros((64, 64), "int32")
    for label, sprite in enumerate(sprites, start=1):
        if sprite[0] == 0:
            continue
        for row in range(64):
            for column in range(64):
                if inside(column, row, *sprite):
                    mask[row, column] = label
    return mask
