"""Cameras, shapes and rays of CLEVR scenes: which object is seen where.

Arrays of vectors have their three components first, `(3, P)`, so that every
step of the arithmetic runs over one contiguous array. The objects of all
scenes of a batch form one flat list. The pairs of a ray and an object that it
may hit form another.
"""

from dataclasses import dataclass

import numpy as np

# A lens of 35 mm before a sensor 32 mm wide. Frames are 3:2 as in CLEVR's
# 480x320 and are then squashed into a square image.
TAN_X = 16.0 / 35.0
TAN_Y = TAN_X * 2.0 / 3.0

# By class, in the order of `property_layout.PROPERTIES`.
RADII = np.array([0.35, 0.7], "float32")
CUBE, SPHERE, CYLINDER = range(3)


@dataclass(frozen=True)
class Scenes:
    """A batch of B scenes of up to N objects; entries after `count` are unused.

    Attributes:
        camera: float32 `(B, 3)`, where the camera stands; it looks at the
            origin.
        lights: float32 `(B, 3, 3)`, where key, fill and back light stand.
        count: Integers `(B,)`, the number of objects in each scene.
        coordinates: float32 `(B, N, 3)`, centers of the objects.
        size: Integers `(B, N)`; like all classes, in the order of `PROPERTIES`.
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
        """Returns the scenes at `index`."""
        return Scenes(**{k: v[index] for k, v in vars(self).items()})


def dot(a, b):
    """Computes dot products of vectors (3, ...), always summed in one order."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def normalize(a):
    """Scales vectors (3, ...) to length 1."""
    return a / np.sqrt(dot(a, a))


def view_axes(camera: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns forward, right, up (3, B) of cameras (B, 3) facing the origin."""
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
    """Projects points (B, n, 3) to the frame: (B, n, 3) across, down, depth.

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

    The unit frame of an object has the object's center as origin and its
    radius as unit, and turns with it. There a cube reaches from -1 to 1.

    Attributes:
        scene: The scene that each object belongs to, `(O,)`.
        slot: The object's place in its scene, `(O,)`.
        center: `(3, O)`.
        radius: `(O,)`.
        shape, material, color: Classes, `(O,)`.
    """

    def __init__(self, scenes: Scenes):
        used = np.arange(scenes.shape.shape[1]) < scenes.count[:, None]
        scene, slot = np.nonzero(used)
        order = np.argsort(scenes.shape[scene, slot], kind="stable")
        at = self.scene, self.slot = scene[order], slot[order]
        self.shape = scenes.shape[at]
        self.material = scenes.material[at]
        self.color = scenes.color[at]
        self.center = np.ascontiguousarray(scenes.coordinates[at].T)
        self.radius = RADII[scenes.size[at]]
        turn = scenes.rotation[at]
        self._turn = (
            np.stack([np.cos(turn), np.sin(turn), np.ones_like(turn)])
            / self.radius
        )
        self._start = self.to_unit(self.center, np.arange(len(self)))
        self._first = np.searchsorted(self.shape, [SPHERE, CYLINDER])

    def __len__(self):
        return len(self.scene)

    def to_unit(self, vectors, index):
        """Turns directions (3, P) into the unit frames of objects (P,)."""
        cos, sin, scale = self._turn.take(index, axis=1)
        x, y, z = vectors
        return np.stack([cos * x + sin * y, cos * y - sin * x, scale * z])

    def place_in_unit(self, points, index):
        """Moves points (3, P) into the unit frames of objects (P,)."""
        return self.to_unit(points, index) - self._start.take(index, axis=1)

    def turn_back(self, vectors, index):
        """Turns directions (3, P) of unit frames back, without scaling them."""
        cos, sin, scale = self._turn.take(index, axis=1)
        cos, sin = cos / scale, sin / scale
        x, y, z = vectors
        return np.stack([cos * x - sin * y, cos * y + sin * x, z])

    def corners(self):
        """Returns corners (3, O, 8) of boxes around objects, in the world."""
        signs = np.array(list(np.ndindex(2, 2, 2)), "float32").T * 2.0 - 1.0
        turned = self.turn_back(
            np.broadcast_to(signs[:, None], (3, len(self), 8)),
            np.arange(len(self))[:, None],
        )
        return self.center[..., None] + self.radius[:, None] * turned

    def by_shape(self, index):
        """Splits ascending objects (P,) into slices, one for each shape."""
        first, second = np.searchsorted(index, self._first)
        return slice(first), slice(first, second), slice(second, None)

    def hits(self, origin, direction, index):
        """Computes where rays enter and leave objects, in their unit frames.

        Rays from (3, P) in a direction (3, P) each belong to an object `index`
        (P,), in ascending order. The two results (P,) are in units of the
        direction; a ray misses where the first is not below the second.
        """
        near, far = np.empty((2, len(index)), "float32")
        for solid, part in zip(
            (_cube, _sphere, _cylinder), self.by_shape(index), strict=True
        ):
            near[part], far[part] = solid(origin[:, part], direction[:, part])
        return near, far


def _slabs(origin, direction):
    """Computes where rays lie between planes at -1 and 1, for each axis."""
    # Rays along the planes are nudged, as infinity times zero is not a number.
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
    """Computes the roots of a t^2 + 2 b t + c, swapped where none exist."""
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


def screen_boxes(where, size):
    """Returns boxes (4, O) of pixels around points (O, n, 3) of the frame.

    A box is its first and last column, first and last row; the last excluded.
    """
    x, y = where[..., 0] * size, where[..., 1] * size
    edges = np.stack([x.min(1), x.max(1), y.min(1), y.max(1)])
    edges = np.clip(edges, 0, size)
    edges[::2] = np.floor(edges[::2])
    edges[1::2] = np.ceil(edges[1::2])
    return edges.astype("int64")


def fill_boxes(boxes):
    """Lists all pixels in boxes (4, O): box, column and row of each (P,)."""
    width = boxes[1] - boxes[0]
    counts = width * (boxes[3] - boxes[2])
    box = np.repeat(np.arange(boxes.shape[1]), counts)
    start = np.cumsum(counts) - counts
    place = np.arange(len(box)) - np.repeat(start, counts)
    width = np.repeat(width, counts)
    row = place // width
    column = place - row * width + np.repeat(boxes[0], counts)
    return box, column, row + np.repeat(boxes[2], counts)


def pixel_centers(size):
    """Returns steps across and up from the frame's middle, at depth 1: (S,)."""
    steps = (np.arange(size, dtype="float32") + 0.5) * (2.0 / size) - 1.0
    return steps * np.float32(TAN_X), steps * np.float32(-TAN_Y)


def first_hits(scenes: Scenes, objects: Objects, size: int, axes=None):
    """Finds the object that the camera sees through each pixel.

    The cameras' axes are by default those of `view_axes`; a tilted forward
    axis looks past the centers of pixels. Returns the object seen
    (B * S * S,), -1 for the ground, and the distance in units of that axis.
    """
    axes = view_axes(scenes.camera) if axes is None else axes
    where = project(
        objects.corners().transpose(1, 2, 0), scenes.camera[objects.scene]
    )  # (O, 8, 3)
    # One more pixel on every side, as the axes may tilt by half a pixel.
    margin = np.array([[-1], [1], [-1], [1]])
    boxes = np.clip(screen_boxes(where, size) + margin, 0, size)
    index, column, row = fill_boxes(boxes)

    # In unit frames, too, rays are linear in the position on the screen.
    every = np.arange(len(objects))
    origin = objects.place_in_unit(scenes.camera.T[:, objects.scene], every)
    forward, right, up = (
        objects.to_unit(axis[:, objects.scene], every) for axis in axes
    )
    across, upwards = pixel_centers(size)
    direction = forward.take(index, axis=1)
    direction += across.take(column) * right.take(index, axis=1)
    direction += upwards.take(row) * up.take(index, axis=1)
    near, far = objects.hits(origin.take(index, axis=1), direction, index)

    pixel = (objects.scene[index] * size + row) * size + column
    hit = np.flatnonzero(near < far)
    return nearest(
        pixel[hit], index[hit], near[hit], objects.slot, len(scenes) * size**2
    )


def nearest(ray, index, distance, slot, num_rays):
    """Finds the nearest object that each ray meets.

    Rays, their objects `index` and distances come in pairs (P,); `slot` (O,)
    holds the places of objects in their scenes. Returns objects (num_rays,),
    -1 for rays without an object, and distances.
    """
    seen = np.full(num_rays, -1, "int32")
    depth = np.full(num_rays, np.inf, "float32")
    # Objects with the same place in different scenes never share a ray, so
    # plain assignment is enough.
    place = slot[index]
    for number in range(slot.max(initial=-1) + 1):
        pairs = np.flatnonzero(place == number)
        pairs = pairs[distance[pairs] < depth[ray[pairs]]]
        depth[ray[pairs]] = distance[pairs]
        seen[ray[pairs]] = index[pairs]
    return seen, depth


def masks(scenes: Scenes, size: int) -> np.ndarray:
    """Returns labels (B, size, size), uint8: 0 the ground, i + 1 object i.

    A pixel shows the first object that the ray through its center meets.
    """
    objects = Objects(scenes)
    seen, _ = first_hits(scenes, objects, size)
    labels = np.append(objects.slot + 1, 0).astype("uint8")
    return labels[seen].reshape(len(scenes), size, size)
