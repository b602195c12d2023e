"""CLEVR scenes again, in plain Python: one ray and one object at a time."""

import math

import numpy as np

CUBE, SPHERE, CYLINDER = 0, 1, 2


def camera_axes(camera):
    """Forward, right and up of a camera that looks at the origin."""
    forward = -np.asarray(camera, "float64")
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return forward, right, np.cross(right, forward)


def pixel_ray(camera, row, column, size):
    """Through a pixel's center; a lens of 35 mm before a 32 mm sensor."""
    forward, right, up = camera_axes(camera)
    across = (column + 0.5) / size * 32.0 - 16.0
    upwards = (0.5 - (row + 0.5) / size) * 32.0 / 1.5
    return forward + (across * right + upwards * up) / 35.0


def entry(origin, direction, shape, center, radius, rotation):
    """Where a ray enters an object, in units of `direction`, or `None`."""
    crossings = [
        t
        for t, inside in CROSSINGS[shape](
            *(
                turned(v, -rotation)
                for v in (np.subtract(origin, center), direction)
            ),
            radius,
        )
        if inside and t > 1e-9
    ]
    return min(crossings, default=None)


def turned(vector, angle):
    x, y, z = vector
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([cos * x - sin * y, sin * x + cos * y, z])


def cube_crossings(start, ray, radius):
    """The six faces, one after another."""
    for axis in range(3):
        for side in (-radius, radius):
            if ray[axis] != 0.0:
                t = (side - start[axis]) / ray[axis]
                point = np.delete(start + t * ray, axis)
                yield t, np.abs(point).max() <= radius


def roots(a, b, c):
    square = b * b - 4.0 * a * c
    if square < 0.0 or a == 0.0:
        return []
    return [(-b + sign * math.sqrt(square)) / (2.0 * a) for sign in (-1, 1)]


def sphere_crossings(start, ray, radius):
    for t in roots(ray @ ray, 2.0 * start @ ray, start @ start - radius**2):
        yield t, True


def cylinder_crossings(start, ray, radius):
    """The mantle and the two lids."""
    p, d = start[:2], ray[:2]
    for t in roots(d @ d, 2.0 * p @ d, p @ p - radius**2):
        yield t, abs(start[2] + t * ray[2]) <= radius
    for side in (-radius, radius):
        if ray[2] != 0.0:
            t = (side - start[2]) / ray[2]
            yield t, np.linalg.norm(p + t * d) <= radius


CROSSINGS = {
    CUBE: cube_crossings,
    SPHERE: sphere_crossings,
    CYLINDER: cylinder_crossings,
}


def objects_of(scenes, b):
    """The objects of one scene: shape, center, radius, rotation of each."""
    radii = (0.35, 0.7)
    return [
        (
            int(scenes.shape[b, i]),
            scenes.coordinates[b, i].astype("float64"),
            radii[scenes.size[b, i]],
            float(scenes.rotation[b, i]),
        )
        for i in range(scenes.count[b])
    ]


def label(origin, ray, objects):
    """The first object that a ray meets, counted from 1, and where."""
    hits = [
        (t, i + 1)
        for i, thing in enumerate(objects)
        if (t := entry(origin, ray, *thing)) is not None
    ]
    return min(hits, default=(math.inf, 0))


def labels(scenes, b, size):
    """Which object each pixel's center shows: (size, size)."""
    camera = scenes.camera[b].astype("float64")
    objects = objects_of(scenes, b)
    return np.array(
        [
            [
                label(camera, pixel_ray(camera, i, j, size), objects)[1]
                for j in range(size)
            ]
            for i in range(size)
        ]
    )
