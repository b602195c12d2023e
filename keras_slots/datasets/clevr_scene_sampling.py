"""Which objects a CLEVR scene holds, and where: the published distribution."""

from dataclasses import dataclass

import numpy as np

from keras_slots.datasets.clevr_geometry import (
    RADII,
    Scenes,
    masks,
    view_axes,
)
from keras_slots.property_layout import COORDINATE_LIMIT, PROPERTIES

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

# The least gap between objects, and the least distance of their centres along
# the camera's sideways and forward directions on the ground.
MIN_GAP = 0.25
MARGIN = 0.4
PLACE_TRIES = 50
# An object must show 200 pixels in a frame 320 pixels wide: of a frame of 3:2
# in 64 x 64 pixels, that is exactly 12.
CHECK_SIZE = 64
MIN_VISIBLE = 200 * 64 * 64 * 3 // (320 * 320 * 2)
# Ten thousand times the attempts that a crowded scene takes: to go on would be
# to hang.
MAX_ATTEMPTS = 20_000

# Words of the random stream: a scene's number of objects, camera and lights;
# and, for each attempt and object, its places, classes and rotation.
_SCENE_WORDS = 16
_OBJECT_WORDS = PLACE_TRIES + 6


@dataclass(frozen=True)
class SceneSettings:
    """What decides scenes, up to their index.

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

    Every scene has a random stream of its own, so that it depends on no other.
    """
    words = np.stack([_words(settings, i, 0, _SCENE_WORDS) for i in indices])
    low = settings.min_objects
    count = low + _integers(words[:, 0], settings.max_objects - low + 1)
    camera = CAMERA + _uniform(words[:, 1:4], CAMERA_JITTER)
    lights = LIGHTS + _uniform(words[:, 4:13], LIGHT_JITTER).reshape(-1, 3, 3)

    parts = []
    waiting = np.arange(len(words))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        scenes, placed = _attempt(
            settings,
            np.asarray(indices)[waiting],
            attempt,
            count[waiting],
            camera[waiting],
            lights[waiting],
        )
        accepted = placed.copy()
        accepted[placed] = _all_visible(scenes.take(placed))
        parts.append((waiting[accepted], scenes.take(accepted)))
        waiting = waiting[~accepted]
        if not len(waiting):
            return _join(parts)
    raise ValueError(
        f"No scene was found in {MAX_ATTEMPTS} attempts in which all objects "
        "stand apart and are visible; lower `max_objects`. Received: "
        f"max_objects={settings.max_objects}"
    )


def _join(parts):
    """Scenes in the order of their places, from (places, scenes) of each."""
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    return Scenes(
        **{
            name: np.concatenate([vars(part)[name] for _, part in parts])[order]
            for name in vars(parts[0][1])
        }
    )


def _words(settings, index, attempt, count):
    """Words of the stream of one attempt at one scene.

    Raw words, because NumPy keeps their stream stable from version to version
    and promises no such thing for its distributions.
    """
    key = np.random.SeedSequence(
        settings.seed, spawn_key=(SPLITS.index(settings.split),)
    ).generate_state(2, "uint64")
    stream = np.random.Philox(counter=[0, attempt, int(index), 0], key=key)
    return stream.random_raw(count)


def _integers(words, bound):
    """Integers below `bound` from the high half of words."""
    return (
        (words >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)
    ).astype("int64")


def _uniform(words, limit):
    """float32 in [-limit, limit) from the high half of words."""
    unit = (words >> np.uint64(32)).astype("float64") * 2.0**-31 - 1.0
    return (unit * limit).astype("float32")


def _attempt(settings, indices, attempt, count, camera, lights):
    """One attempt at each scene; also whether all objects found a place."""
    size = MAX_OBJECTS * _OBJECT_WORDS
    words = np.stack([_words(settings, i, attempt, size) for i in indices])
    words = words.reshape(-1, MAX_OBJECTS, _OBJECT_WORDS)
    words = words[:, : settings.max_objects]
    classes = {}
    for number, (name, options) in enumerate(settings.only.items()):
        drawn = _integers(words[..., PLACE_TRIES + number], len(options))
        classes[name] = np.array(options)[drawn]  # (B, N)
    turn = _uniform(words[..., PLACE_TRIES + len(PROPERTIES)], 180.0) + 180.0

    tries = np.stack(
        [
            _uniform(words[..., :PLACE_TRIES], COORDINATE_LIMIT),
            _uniform(
                words[..., :PLACE_TRIES] << np.uint64(32), COORDINATE_LIMIT
            ),
        ]
    )  # (2, B, N, tries)
    radius = RADII[classes["size"]]
    places, placed = _place(tries, radius, count, camera)
    coordinates = np.stack([*places, radius], axis=-1)
    scenes = Scenes(
        camera, lights, count, coordinates, rotation=turn, **classes
    )
    return scenes, placed


def _place(tries, radius, count, camera):
    """The first of the tries that keeps clear of all objects before.

    Args:
        tries: Places to try (2, B, N, tries).
        radius: Objects' radii (B, N).
        count: Objects (B,).
        camera: Cameras (B, 3).

    Returns:
        Places (2, B, N), and whether all objects of a scene have one (B,).
    """
    forward, right, _ = view_axes(camera)
    ahead = forward[:2] / np.sqrt(forward[0] ** 2 + forward[1] ** 2)
    places = np.zeros(tries.shape[:3], "float32")
    placed = np.ones(len(count), "bool")
    for i in range(tries.shape[2]):
        x, y = tries[:, :, i]  # (B, tries)
        clear = np.ones(x.shape, "bool")
        for j in range(i):
            dx = x - places[0, :, j, None]
            dy = y - places[1, :, j, None]
            reach = radius[:, i] + radius[:, j] + np.float32(MIN_GAP)
            clear &= dx * dx + dy * dy >= (reach * reach)[:, None]
            for axis in (ahead, right):
                along = dx * axis[0][:, None] + dy * axis[1][:, None]
                clear &= np.abs(along) >= MARGIN
        first = clear.argmax(axis=1)
        placed &= clear.any(axis=1) | (i >= count)
        places[:, :, i] = np.take_along_axis(
            tries[:, :, i], first[None, :, None], axis=2
        )[..., 0]
    return places, placed


def _all_visible(scenes):
    """Whether every object of each scene shows enough of itself: (B,)."""
    if not len(scenes):
        return np.zeros(0, "bool")
    labels = masks(scenes, CHECK_SIZE).reshape(len(scenes), -1)
    slots = np.arange(scenes.shape.shape[1])
    scene = np.arange(len(scenes))[:, None] * (len(slots) + 1)
    shown = np.bincount(
        (scene + labels).ravel(), minlength=len(scenes) * (len(slots) + 1)
    ).reshape(len(scenes), -1)[:, 1:]
    return ((shown >= MIN_VISIBLE) | (slots >= scenes.count[:, None])).all(1)
