"""Cameras, shapes and rays of CLEVR scenes: which object is seen where.

Arrays of vectors have their three components first, `(3, P)`, so that every
step of the arithmetic runs over one contiguous array. Objects of all scenes
of a batch are one flat list, and so are the pairs of a ray and an object that
it may hit.
"""

from dataclasses import dataclass

import numpy as np

# A lens of 35 mm before a sensor 32 mm wide; frames of 3:2 as in CLEVR's
# 480x320, which the image then squashes into a square.
TAN_X = 16.0 / 35.0
TAN_Y = TAN_X * 2.0 / 3.0

# By class, in the order of `property_layout.PROPERTIES`.
RADII = np.array([0.35, 0.7], "float32")
CUBE, SPHERE, CYLINDER = range(3)


@dataclass(frozen=True)
class Scenes:
    """A batch of B scenes of up to N objects, later entries unused.

    Attributes:
        camera: float32 `(B, 3)`, where the camera stands; it looks at the
            origin.
        lights: float32 `(B, 3, 3)`, where key, fill and back light stand.
        count: Integers `(B,)`, the objects of each scene.
        coordinates: float32 `(B, N, 3)`, centres of the objects.
        size: Integers `(B, N)`, as all classes in the order of `PROPERTIES`.
        material: Integers `(B, N)`.
        shape: Integers `(B, N)`.
        color: Integers `(B, N)`.
        rotation: float32 `(B, N)`, about the vertical, in radians.
    """

    camera: np.ndarray
    lights: np.ndarray
    count: np.ndarray
    coordinates: np.ndarray
    size: np.ndarray
    material: np.ndarray
    shape: np.ndarray
    color: np.ndarray
    rotation: np.ndarray

    def __len__(self):
        return len(self.count)

    def take(self, index) -> "Scenes":
        """Some of the scenes."""
        return Scenes(**{k: v[index] for k, v in vars(self).items()})


def dot(a, b):
    """Products of vectors (3, ...): the order of the sum is always the same."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def normalize(a):
    """Vectors (3, ...) of length 1."""
    return a / np.sqrt(dot(a, a))


def view_axes(camera: np.ndarray) -> tuple[np.ndarray, ...]:
    """Forward, right and up (3, B) of cameras (B, 3) that face the origin."""
    forward = normalize(-camera.T)
    right = np.stack([forward[1], -forward[0], np.zeros_like(forward[0])])
    right = normalize(right)
    up = np.stack(
        [
            right[1] * forward[2],
            -right[0] * forward[2],
            right[0] * forward[1] - right[1] * forward[0],
        ]
    )
    return forward, right, up


def project(points: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """Points (B, n, 3) in the frame: (B, n, 3) across, down and depth.

    Across and down run from 0 to 1 over the frame; depth is the distance along
    the camera's axis.
    """
    forward, right, up = (axis.T[:, None] for axis in view_axes(camera))
    offset = points - camera[:, None]
    depth = (offset * forward).sum(axis=-1)
    x = (offset * right).sum(axis=-1) / (depth * TAN_X)
    y = (offset * up).sum(axis=-1) / (depth * TAN_Y)
    return np.stack([0.5 + 0.5 * x, 0.5 - 0.5 * y, depth], axis=-1)


class Objects:
    """The objects of all scenes as one list of O, sorted by shape.

    Attributes:
        scene: Which scene each belongs to, `(O,)`.
        slot: Its place among the scene's objects, `(O,)`.
        center: `(3, O)`.
        radius, cos, sin: `(O,)`; the latter two of the rotation.
        shape, material, color: `(O,)`.
    """

    def __init__(self, scenes: Scenes):
        places = np.arange(scenes.shape.shape[1]) < scenes.count[:, None]
        scene, slot = np.nonzero(places)
        order = np.argsort(scenes.shape[scene, slot], kind="stable")
        at = self.scene, self.slot = scene[order], slot[order]
        self.shape = scenes.shape[at]
        self.material = scenes.material[at]
        self.color = scenes.color[at]
        self.center = np.ascontiguousarray(scenes.coordinates[at].T)
        self.radius = RADII[scenes.size[at]]
        self.cos = np.cos(scenes.rotation[at]).astype("float32")
        self.sin = np.sin(scenes.rotation[at]).astype("float32")

    def __len__(self):
        return len(self.scene)

    def to_local(self, vectors, index=slice(None)):
        """Turns vectors (3, P) into the frames of objects, sizes kept."""
        cos, sin = self.cos[index], self.sin[index]
        return np.stack(
            [
                cos * vectors[0] + sin * vectors[1],
                cos * vectors[1] - sin * vectors[0],
                vectors[2],
            ]
        )

    def to_world(self, vectors, index):
        """Turns vectors (3, P) out of the frames of objects."""
        cos, sin = self.cos[index], self.sin[index]
        return np.stack(
            [
                cos * vectors[0] - sin * vectors[1],
                cos * vectors[1] + sin * vectors[0],
                vectors[2],
            ]
        )

    def corners(self):
        """Corners (3, O, 8) of boxes around the objects, in the world."""
        signs = np.stack(
            np.meshgrid(*[np.array([-1.0, 1.0], "float32")] * 3)
        ).reshape(3, 8)
        box = signs[:, None] * self.radius[:, None]  # (3, O, 8)
        x = self.cos[:, None] * box[0] - self.sin[:, None] * box[1]
        y = self.cos[:, None] * box[1] + self.sin[:, None] * box[0]
        return np.stack([x, y, box[2]]) + self.center[..., None]

    def hits(self, origin, direction, index):
        """Where rays (3, P), in the objects' unit frames, enter and leave.

        Args:
            origin: Where rays start, in the frame of their object and in units
                of its radius.
            direction: Likewise.
            index: The rays' objects (P,), in ascending order.

        Returns:
            Two arrays (P,), in units of `direction`; a ray misses where the
            first is not below the second.
        """
        bounds = np.searchsorted(self.shape, [1, 2])
        first, second = np.searchsorted(index, bounds)
        parts = []
        for inside, part in (
            (_cube, np.s_[:, :first]),
            (_sphere, np.s_[:, first:second]),
            (_cylinder, np.s_[:, second:]),
        ):
            parts.append(inside(origin[part], direction[part]))
        near, far = (
            np.concatenate([part[i] for part in parts]) for i in range(2)
        )
        return near, far


def _slabs(origin, direction):
    """Between two planes at -1 and 1, by axis."""
    # A ray along the planes is nudged: infinity times zero is no number.
    inverse = 1.0 / np.where(np.abs(direction) < 1e-12, 1e-12, direction)
    middle, half = -origin * inverse, np.abs(inverse)
    return middle - half, middle + half


def _cube(origin, direction):
    near, far = _slabs(origin, direction)
    return (
        np.maximum(np.maximum(near[0], near[1]), near[2]),
        np.minimum(np.minimum(far[0], far[1]), far[2]),
    )


def _quadratic(a, b, c):
    """Roots of a t^2 + 2 b t + c, swapped where there are none."""
    root = b * b - a * c
    missed = root < 0.0
    root = np.sqrt(np.abs(root))
    inverse = 1.0 / np.maximum(a, 1e-24)
    root = np.where(missed, -1e6, root * inverse)
    middle = -b * inverse
    return middle - root, middle + root


def _sphere(origin, direction):
    return _quadratic(
        dot(direction, direction),
        dot(origin, direction),
        dot(origin, origin) - 1.0,
    )


def _cylinder(origin, direction):
    (ox, oy, oz), (dx, dy, dz) = origin, direction
    near, far = _quadratic(
        dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - 1.0
    )
    low, high = _slabs(oz, dz)
    return np.maximum(near, low), np.minimum(far, high)


def screen_boxes(x, y, size):
    """Boxes (4, ...) of samples around points (..., n) of the frame.

    First and last column and row, the last exclusive, of a grid of `size`.
    """
    low_x, high_x = x.min(axis=-1) * size, x.max(axis=-1) * size
    low_y, high_y = y.min(axis=-1) * size, y.max(axis=-1) * size
    edges = np.stack([low_x, high_x, low_y, high_y])
    edges = np.clip(edges, 0, size)
    edges[::2] = np.floor(edges[::2])
    edges[1::2] = np.ceil(edges[1::2])
    return edges.astype("int64")


def fill_boxes(boxes):
    """All samples in boxes (4, n): box, column and row of each (P,)."""
    width = boxes[1] - boxes[0]
    counts = width * (boxes[3] - boxes[2])
    ends = np.cumsum(counts)
    box = np.repeat(np.arange(boxes.shape[1]), counts)
    place = np.arange(ends[-1] if len(ends) else 0) - np.repeat(
        ends - counts, counts
    )
    row, column = np.divmod(
        place.astype("int32"), np.repeat(width.astype("int32"), counts)
    )
    return box, column + boxes[0][box], row + boxes[2][box]


def grid_rays(column, row, size):
    """Across and up in the frame, from -1 to 1, times the field of view."""
    x = (column.astype("float32") + 0.5) * (2.0 * TAN_X / size) - TAN_X
    y = TAN_Y - (row.astype("float32") + 0.5) * (2.0 * TAN_Y / size)
    return x.astype("float32"), y.astype("float32")


def first_hits(scenes: Scenes, objects: Objects, size: int):
    """What the camera sees through a grid of `size` by `size` samples.

    Returns:
        The object seen (B * size * size,), -1 for the ground, and the distance
        in units of rays whose forward part is 1.
    """
    axes = view_axes(scenes.camera)
    corners = objects.corners()  # (3, O, 8)
    where = project(
        corners.transpose(1, 2, 0), scenes.camera[objects.scene]
    )  # (O, 8, 3)
    boxes = screen_boxes(where[..., 0], where[..., 1], size)
    index, column, row = fill_boxes(boxes)

    # Rays in the objects' unit frames, linear in the place on the screen.
    scale = 1.0 / objects.radius
    offset = scenes.camera.T[:, objects.scene] - objects.center
    start, forward, right, up = (
        objects.to_local(v) * scale
        for v in (offset, *(axis[:, objects.scene] for axis in axes))
    )
    x, y = grid_rays(column, row, size)
    direction = forward[:, index] + x * right[:, index] + y * up[:, index]
    near, far = objects.hits(start[:, index], direction, index)

    sample = (objects.scene[index] * size + row) * size + column
    hit = np.flatnonzero(near < far)
    return nearest(
        sample[hit], index[hit], near[hit], objects.slot, len(scenes) * size**2
    )


def nearest(ray, index, distance, slot, num_rays):
    """The nearest of the objects that rays meet.

    Args:
        ray: The rays (P,), by number, of pairs of a ray and an object.
        index: The pairs' objects (P,).
        distance: Where the ray meets the object (P,).
        slot: The places of objects in their scenes (O,).
        num_rays: Integer.

    Returns:
        Objects (num_rays,), -1 where there is none, and distances.
    """
    seen = np.full(num_rays, -1, "int32")
    depth = np.full(num_rays, np.inf, "float32")
    # Among the objects of one place in their scenes, none shares a ray with
    # another, so that plain assignment will do.
    place = slot[index]
    for number in range(slot.max(initial=-1) + 1):
        pairs = np.flatnonzero(place == number)
        pairs = pairs[distance[pairs] < depth[ray[pairs]]]
        depth[ray[pairs]] = distance[pairs]
        seen[ray[pairs]] = index[pairs]
    return seen, depth


def masks(scenes: Scenes, size: int) -> np.ndarray:
    """Labels (B, size, size), uint8: 0 the ground, i + 1 object i.

    A pixel shows what the ray through its centre meets first.
    """
    objects = Objects(scenes)
    seen, _ = first_hits(scenes, objects, size)
    labels = np.append(objects.slot + 1, 0).astype("uint8")
    return labels[seen].reshape(len(scenes), size, size)
