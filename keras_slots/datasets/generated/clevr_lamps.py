"""The lamps of CLEVR scenes: how much light arrives, and the shadows."""

import numpy as np

from keras_slots.datasets.generated.clevr_geometry import (
    Objects,
    Scenes,
    dot,
    fill_boxes,
    normalize,
    project,
    screen_boxes,
    view_axes,
)

# Key, fill and back lamp, and the sun. The sun is a lamp so far away that its
# rays are nearly parallel.
NUM_LAMPS = 4
LAMP_COLORS = np.array(
    [(1, 0.932, 0.817), (0.762, 0.818, 1), (1, 1, 1), (1, 1, 1)], "float32"
)[..., None]  # (4, 3, 1)
_SUN_DISTANCE = 100.0
_SUN = np.array([0.4145, -0.1946, 0.889], "float32") * _SUN_DISTANCE
_STRENGTHS = np.array(
    [100.0 / np.pi, 30.0 / np.pi, 50.0 / np.pi, 0.45 * _SUN_DISTANCE**2],
    "float32",
)
# Half the edge of the lamps, which are squares and face the origin. The sun
# of the sky is half a degree wide.
_HALF_EDGES = (0.25, 0.25, 0.5, 0.004 * _SUN_DISTANCE)


def lamp_points(lights: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """Returns points (4, 3, B) on the lamps of scenes.

    `lights` (B, 3, 3) is where key, fill and back lamp stand, `spots` (B, 2)
    the point on each lamp, in [-1, 1].
    """
    sun = np.broadcast_to(_SUN, (len(lights), 1, 3))
    centers = np.concatenate([lights, sun], axis=1)  # (B, 4, 3)
    points = []
    for lamp, half_edge in enumerate(_HALF_EDGES):
        _, right, up = view_axes(centers[:, lamp])
        shift = right * spots[:, 0] + up * spots[:, 1]
        points.append(centers[:, lamp].T + np.float32(half_edge) * shift)
    return np.stack(points)


def arriving(lamp: int, source, point):
    """Computes the light that arrives from points (3, P) of a lamp at others.

    Returns directions (3, P) to the lamp, and the light (P,) that arrives on a
    surface facing it.
    """
    towards = source - point
    inverse = 1.0 / dot(towards, towards)
    length = np.sqrt(inverse)
    facing = dot(source, towards) * length / np.sqrt(dot(source, source))
    strength = _STRENGTHS[lamp] * inverse * np.maximum(facing, 0.0)
    return towards * length, strength


class Shadows:
    """The shadows of objects: where the light of lamps (4, 3, B) is blocked."""

    def __init__(self, scenes: Scenes, objects: Objects, lamps: np.ndarray):
        self.scenes = scenes
        self.objects = objects
        self.lamps = lamps
        every = np.arange(len(objects))
        # The lamps in the unit frames of objects.
        self._sources = [
            objects.place_in_unit(lamp[:, objects.scene], every)
            for lamp in lamps
        ]
        self._corners = objects.corners()  # (3, O, 8)

    def on_ground(self, lamp: int, ground, size: int) -> np.ndarray:
        """Returns pixels of the ground in the shadow, some more than once.

        `ground` are the points (2, B * S * S) that the pixels show.
        """
        objects = self.objects
        index, column, row = fill_boxes(self._ground_boxes(lamp, size))
        pixel = (objects.scene[index] * size + row) * size + column
        x, y = ground.take(pixel, axis=1)
        origin = objects.place_in_unit((x, y, np.float32(0.0)), index)
        return pixel.take(self._blocked(lamp, origin, index))

    def _ground_boxes(self, lamp, size):
        """Returns boxes (4, O) of pixels around objects and their shadows."""
        objects, corners = self.objects, self._corners
        away = corners - self.lamps[lamp][:, objects.scene, None]
        fallen = corners - away * (corners[2] / away[2])
        points = np.concatenate([fallen, corners], axis=2)
        where = project(
            points.transpose(1, 2, 0), self.scenes.camera[objects.scene]
        )
        # Shadows that reach behind the camera may fall on any pixel.
        behind = (where[..., 2] < 0.5).any(axis=1)
        margin = np.array([[-1], [1], [-1], [1]])
        boxes = np.clip(screen_boxes(where, size) + margin, 0, size)
        return np.where(behind, np.array([[0], [size], [0], [size]]), boxes)

    def on_objects(self, lamp: int, point, spans) -> np.ndarray:
        """Returns points of objects in others' shadow, some more than once.

        Points (3, P) are sorted by object, and each object's begin at one of
        the indices `spans` (O + 1,).
        """
        sample, index = expand(self._pairs(lamp), spans)
        origin = self.objects.place_in_unit(point.take(sample, axis=1), index)
        return sample.take(self._blocked(lamp, origin, index))

    def _pairs(self, lamp):
        """Returns pairs of an object and a possible blocker, by blocker."""
        objects = self.objects
        shaded, blocker = neighbors(objects)
        start = objects.center[:, shaded]
        source = self.lamps[lamp][:, objects.scene[shaded]]
        between = objects.center[:, blocker] - start
        along = dot(normalize(source - start), between)
        apart = dot(between, between) - along * along
        # The farthest that the corners of cubes reach.
        reach = objects.radius[shaded] + objects.radius[blocker]
        reach = np.sqrt(3.0) * reach
        near = np.flatnonzero((apart < reach * reach) & (along > -reach))
        return shaded[near], blocker[near]

    def _blocked(self, lamp, origin, index):
        """Returns indices of objects (P,) that hide the lamp from points."""
        direction = self._sources[lamp].take(index, axis=1) - origin
        near, far = self.objects.hits(origin, direction, index)
        # Lamps hang above all objects, so an object ahead lies in between.
        return np.flatnonzero((near < far) & (far > 0.0))


def neighbors(objects: Objects):
    """Returns pairs of two objects of one scene, ordered by the second."""
    second, first = np.nonzero(objects.scene[:, None] == objects.scene)
    other = first != second
    return first[other], second[other]


def expand(pairs, spans):
    """Pairs each point of a pair's first object with the second object."""
    first, second = pairs
    counts = spans[first + 1] - spans[first]
    start = spans[first] - (np.cumsum(counts) - counts)
    index = np.repeat(second, counts)
    return np.arange(len(index)) + np.repeat(start, counts), index
