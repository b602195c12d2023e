"""Draws stand-ins for photographs: a few things on a wooden table.

```shell
python examples/table_pictures.py runs/table_pictures
```

For `own_images.py`, where there are no pictures at hand: 800 files of 160 x 120
pixels, PNG and JPEG by turns, each with two to five things, their shadows and
their highlights, on wood of another grain and tint. `masks.npz` beside them has
the true masks by file name: 0 the table, 1, 2, ... the things.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Rectangle, RegularPolygon

WIDTH, HEIGHT = 160, 120
COLORS = (
    *("#c0392b", "#27ae60", "#2f6fb5", "#e0b020"),
    *("#8e44ad", "#e67e22", "#16a0a0"),
)
WOOD = (0.75, 0.68, 0.58)
# A disc; a square and a hexagon, turned anyhow; an ellipse, lying anyhow.
SHAPES = (
    lambda chance, place, r: Circle(place, r),
    lambda chance, place, r: Rectangle(
        place - 0.8 * r,
        *(1.6 * r, 1.6 * r),
        angle=chance.uniform(0, 90),
        rotation_point="center",
    ),
    lambda chance, place, r: RegularPolygon(
        place, 6, radius=r, orientation=chance.random()
    ),
    lambda chance, place, r: Ellipse(
        place, 2.2 * r, 1.3 * r, angle=chance.uniform(0, 180)
    ),
)


def main():
    """Draws as many as asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=800)
    options = parser.parse_args()
    if options.number < 1:
        parser.error(f"--number must be 1 or more, not {options.number}")
    options.folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(7)
    masks = {}
    for index in range(options.number):
        name = f"IMG_{index:04}." + ("png", "jpg")[index % 2]
        figure, masks[name] = draw(chance)
        figure.savefig(options.folder / name)
    np.savez_compressed(options.folder / "masks.npz", **masks)
    print(f"{options.number} pictures in {options.folder}")


def draw(chance):
    """Draws one table and its true mask, (H, W)."""
    figure = Figure((WIDTH / 100, HEIGHT / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    extent = (0, WIDTH, 0, HEIGHT)
    axes.imshow(wood(chance), extent=extent, aspect="auto")
    places, mask = [], np.zeros((HEIGHT, WIDTH), "uint8")
    for _ in range(chance.integers(2, 6)):
        place = free_place(chance, places)
        if place is not None:
            places.append(place)
            thing = put(axes, chance, place)
            mask[covers(thing)] = len(places)
    return figure, mask


def wood(chance):
    """Draws grain, a light from one side, and noise: (H, W, 3)."""
    tint = np.array(WOOD) + chance.normal(0, 0.03, 3)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.sin(y / (3 + 2 * chance.random()) + 0.5 * np.sin(x / 40))
    light = 0.05 * grain + 0.08 * (x / WIDTH - 0.5)
    image = tint + light[..., None]
    return np.clip(image + chance.normal(0, 0.01, image.shape), 0, 1)


def free_place(chance, places):
    """Finds where a thing touches no other; `None` if nowhere."""
    for _ in range(50):
        place = chance.uniform((18, 18), (WIDTH - 18, HEIGHT - 18))
        if all(np.hypot(*(place - other)) > 30 for other in places):
            return place
    return None


def put(axes, chance, place):
    """Draws a thing: its shadow, itself, its highlight. Returns the thing."""
    radius = chance.uniform(10, 15)
    color = COLORS[chance.integers(len(COLORS))]
    make = SHAPES[chance.integers(4)]
    shadow = make(chance, place + np.array([3, -3]), radius)
    shadow.set(facecolor="black", alpha=0.25, linewidth=0)
    thing = make(chance, place, radius)
    thing.set(facecolor=color, linewidth=0)
    spot = place + 0.3 * radius * np.array([-1, 1])
    highlight = Circle(spot, 0.3 * radius)
    highlight.set(facecolor="white", alpha=0.25, linewidth=0)
    for patch in (shadow, thing, highlight):
        axes.add_patch(patch)
    return thing


def covers(thing):
    """Tells which pixels have their center in a thing: (H, W)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    centers = np.stack([x, HEIGHT - y], axis=-1).reshape(-1, 2)
    outline = thing.get_path().transformed(thing.get_patch_transform())
    return outline.contains_points(centers).reshape(HEIGHT, WIDTH)


if __name__ == "__main__":
    main()
