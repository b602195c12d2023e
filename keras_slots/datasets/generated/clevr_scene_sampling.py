"""The published distribution of objects and their places in CLEVR scenes."""

from dataclasses import dataclass

import numpy as np

from keras_slots.datasets.generated.clevr_geometry import RADII, Scenes, masks
from keras_slots.datasets.generated.random_words import (
    halves,
    integers_below,
    raw_words,
    stream_key,
    unit,
)
from keras_slots.property_layout import COORDINATE_LIMIT

SPLITS = ("train", "validation", "test")
MAX_OBJECTS = 10

CAMERA = np.array([7.4811, -6.5076, 5.3437], "float32")
CAMERA_JITTER = 0.5
# Key, fill and back light.
LIGHTS = np.array(
    [
        [6.4467, -2.9052, 4.2584],
        [-4.6711, -4.0136, 3.0112],
        [-1.1685, 2.6460, 5.8157],
    ],
    "float32",
)
LIGHT_JITTER = 1.0

# The smallest gap between objects, and the smallest distance of their centers
# along the camera's sideways and forward directions on the ground.
MIN_GAP = 0.25
MARGIN = 0.4
PLACE_TRIES = 50
# An object must show 200 pixels in a frame 320 pixels wide. In 64 x 64 pixels
# of the same frame of 3:2, that is exactly 12 pixels.
CHECK_SIZE = 64
MIN_VISIBLE = 200 * 64 * 64 * 3 // (320 * 320 * 2)
# With ten objects, one attempt in twenty is good; with ten large objects, one
# in a hundred.
_ATTEMPTS_AT_ONCE = 16

# Words of the random stream: a scene's number of objects, camera and lights;
# and, for each attempt and object, its places, classes and rotation.
_SCENE_WORDS = 16
_OBJECT_WORDS = PLACE_TRIES + 6


@dataclass(frozen=True)
class SceneSettings:
    """The settings that, together with an index, determine a scene.

    Attributes:
        split: `"train"`, `"validation"` or `"test"`.
        seed: Integer.
        min_objects, max_objects: Integers, both inclusive.
        only: For each property, the classes that occur.
    """

    split: str
    seed: int
    min_objects: int
    max_objects: int
    only: dict[str, tuple[int, ...]]


def sample_scenes(settings: SceneSettings, indices) -> Scenes:
    """Draws the scenes of a split that have these indices.

    Every scene has its own random stream, so it does not depend on others.
    """
    key = stream_key(settings.seed, SPLITS.index(settings.split))
    indices = np.asarray(indices)
    words = _words(key, indices, np.zeros_like(indices), _SCENE_WORDS)
    _, numbers = halves(words)
    least = settings.min_objects
    more = integers_below(settings.max_objects - least + 1, numbers[:, 0])
    count = least + more
    camera = CAMERA + _within(CAMERA_JITTER, numbers[:, 1:4])
    lights = LIGHTS + _within(LIGHT_JITTER, numbers[:, 4:13]).reshape(-1, 3, 3)

    parts = []
    waiting, attempt = np.arange(len(indices)), 1
    while len(waiting):
        # Several attempts at once where few scenes wait. The first good attempt
        # counts, so their number does not change the scenes.
        several = max(1, _ATTEMPTS_AT_ONCE // len(waiting))
        scene = np.repeat(waiting, several)
        attempts = np.tile(attempt + np.arange(several), len(waiting))
        size = MAX_OBJECTS * _OBJECT_WORDS
        scenes, good = _attempt(
            settings,
            _words(key, indices[scene], attempts, size),
            count[scene],
            camera[scene],
            lights[scene],
        )
        good = good.reshape(-1, several)
        found = np.flatnonzero(good.any(axis=1))
        first = found * several + good[found].argmax(axis=1)
        parts.append((waiting[found], scenes.take(first)))
        waiting = np.delete(waiting, found)
        attempt += several
    return _join(parts)


def _join(parts):
    """Joins parts, each of (places, scenes), in the order of the places."""
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    return Scenes(
        **{
            name: np.concatenate([vars(part)[name] for _, part in parts])[order]
            for name in vars(parts[0][1])
        }
    )


def _words(key, indices, attempts, count):
    """Draws words (P, count) for scenes (P,) and attempts (P,)."""
    return np.stack(
        [
            raw_words(key, count, (0, int(attempt), int(index), 0))
            for index, attempt in zip(indices, attempts, strict=True)
        ]
    )


def _within(limit, numbers):
    """Maps random numbers of 32 bits to float32 in [-limit, limit)."""
    return ((2.0 * unit(numbers) - 1.0) * limit).astype("float32")


def _attempt(settings, words, count, camera, lights):
    """Draws each scene once, and returns with them which are good: (B,)."""
    words = words.reshape(-1, MAX_OBJECTS, _OBJECT_WORDS)
    low, high = halves(words[:, : settings.max_objects])
    more = high[..., PLACE_TRIES:]
    classes = {}
    for number, (name, options) in enumerate(settings.only.items()):
        drawn = integers_below(len(options), more[..., number])
        classes[name] = np.array(options)[drawn]  # (B, N)
    rotation = _within(180.0, more[..., len(classes)]) + np.float32(180.0)
    tries = _within(
        COORDINATE_LIMIT,
        np.stack([high[..., :PLACE_TRIES], low[..., :PLACE_TRIES]]),
    )  # (2, B, N, tries)
    radius = RADII[classes["size"]]
    places, good = _place(tries, radius, count, camera)
    scenes = Scenes(
        camera=camera,
        lights=lights,
        count=count,
        coordinates=np.stack([*places, radius], axis=-1),
        rotation=rotation,
        **classes,
    )
    placed = np.flatnonzero(good)
    if len(placed):
        good[placed] = _all_visible(scenes.take(placed))
    return scenes, good


def _place(tries, radius, count, camera):
    """Chooses for each object the first place clear of all earlier objects.

    From the places to try (2, B, N, tries), objects' radii (B, N), numbers of
    objects (B,) and cameras (B, 3). Returns places (2, B, N), and whether all
    objects of a scene have a place (B,).
    """
    # Places along the camera's forward and sideways directions.
    (x, y), (ahead_x, ahead_y) = tries, -camera.T[:2, :, None, None]
    length = np.sqrt(ahead_x * ahead_x + ahead_y * ahead_y)
    ahead = (x * ahead_x + y * ahead_y) / length  # (B, N, tries)
    aside = (x * ahead_y - y * ahead_x) / length
    chosen = np.zeros((len(count), tries.shape[2]), "int64")
    placed = np.ones(len(count), "bool")
    scene = np.arange(len(count))[:, None]
    for i in range(tries.shape[2]):
        before = np.arange(i)
        at = scene, before, chosen[:, :i]
        du = ahead[:, i, :, None] - ahead[at][:, None]  # (B, tries, i)
        dv = aside[:, i, :, None] - aside[at][:, None]
        reach = radius[:, i, None] + radius[:, :i] + np.float32(MIN_GAP)
        clear = du * du + dv * dv >= (reach * reach)[:, None]
        clear &= (np.abs(du) >= MARGIN) & (np.abs(dv) >= MARGIN)
        clear = clear.all(axis=2)
        chosen[:, i] = clear.argmax(axis=1)
        placed &= clear.any(axis=1) | (i >= count)
    return np.take_along_axis(tries, chosen[None, ..., None], 3)[..., 0], placed


def _all_visible(scenes):
    """Returns whether every object of a scene shows enough pixels: (B,)."""
    labels = masks(scenes, CHECK_SIZE)
    slots = np.arange(scenes.shape.shape[1])
    shown = [np.bincount(i.ravel(), minlength=len(slots) + 1) for i in labels]
    unused = slots >= scenes.count[:, None]
    return ((np.stack(shown)[:, 1:] >= MIN_VISIBLE) | unused).all(axis=1)
