"""Files in the published formats, byte for byte, of scenes made up here.

Written from the description of the formats alone, without the package, so that
readers are tested against something else than themselves.
"""

import numpy as np
import tensorflow as tf

from tests.datasets.sprite_reference import VARIANTS

# The codes of CLEVR with masks, from 1 on; 0 is no object.
CLEVR_CODES = {
    "size": ("large", "small"),
    "material": ("rubber", "metal"),
    "shape": ("sphere", "cylinder", "cube"),
    "color": (
        "red",
        "cyan",
        "green",
        "blue",
        "brown",
        "gray",
        "purple",
        "yellow",
    ),
}
OBJECTS_ROOM = {
    "objects_room": 7,
    "objects_room_empty_room": 4,
    "objects_room_six_objects": 10,
    "objects_room_identical_color": 10,
}


def one_byte_each(values):
    """A feature of one string of one byte for every value."""
    values = np.asarray(values, "uint8").ravel()
    # What `BytesList(value=[bytes([v]) for v in values])` is serialized to, for
    # a million values in no time.
    strings = np.empty((values.size, 3), "uint8")
    strings[:, :2] = (10, 1)
    strings[:, 2] = values
    strings = tf.train.BytesList.FromString(strings.tobytes())
    return tf.train.Feature(bytes_list=strings)


def one_string(values):
    """A feature of one string of all values."""
    values = tf.train.BytesList(value=[np.asarray(values, "uint8").tobytes()])
    return tf.train.Feature(bytes_list=values)


def floats(values):
    values = np.asarray(values, "float32").ravel()
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def serialize(features):
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


def write(path, records, compression="GZIP"):
    # Level 1 is not the published one; no reader can tell, and it is fast.
    options = tf.io.TFRecordOptions(compression, compression_level=1)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def masks_by_entity(entity, num_entities, axis):
    """Masks of 0 and 255 from entities (..., H, W), with a last axis of 1."""
    masks = [255 * (entity == k) for k in range(num_entities)]
    return np.stack(masks, axis)[..., None].astype("uint8")


def tetrominoes_record(scene, **replaced):
    """A generated scene, as `datasets.tetrominoes` has it, in a record."""
    features = {
        "image": one_byte_each(np.round((scene["image"] + 1) * 127.5)),
        "mask": one_byte_each(masks_by_entity(scene["mask"], 4, 0)),
    }
    for name in ("x", "y", "shape", "color", "visibility"):
        features[name] = floats(scene[name])
    features |= replaced
    return serialize({k: v for k, v in features.items() if v is not None})


def multi_dsprites_record(variant, scene):
    """A generated scene, as `datasets.multi_dsprites` has it, in a record."""
    entities = VARIANTS[variant][1] + 1
    features = {
        "image": one_byte_each(np.round((scene["image"] + 1) * 127.5)),
        # The axis of the entities comes third here.
        "mask": one_byte_each(masks_by_entity(scene["mask"], entities, 2)),
    }
    for name in scene.keys() - features.keys():
        features[name] = floats(scene[name])
    return serialize(features)


def draw_blocks(rng, num_entities, height, width):
    """Entities (H, W) in blocks that neither crops nor sizes divide."""
    blocks = rng.integers(0, num_entities, (height // 8 + 1, width // 6 + 1))
    return blocks.repeat(8, axis=0)[:height].repeat(6, axis=1)[:, :width]


def clevr_scene(rng, num_objects):
    """A scene of noise with the features of CLEVR with masks."""
    visibility = np.arange(11) <= num_objects
    objects = visibility & (np.arange(11) > 0)
    # The background and every object are seen somewhere.
    entity = draw_blocks(rng, num_objects + 1, 240, 320)
    entity[100:104, 160 : 160 + num_objects + 1] = np.arange(num_objects + 1)
    scene = {
        "image": rng.integers(0, 256, (240, 320, 3), "uint8"),
        "entity": entity,
        "visibility": visibility.astype("float32"),
        "pixel_coords": rng.uniform(0, 240, (11, 3)) * objects[:, None],
    }
    for name, high in {"x": 3, "y": 3, "z": 0.7, "rotation": 360}.items():
        scene[name] = rng.uniform(0, high, 11) * objects
    for name, classes in CLEVR_CODES.items():
        scene[name] = rng.integers(1, len(classes) + 1, 11) * objects
    return scene


def clevr_record(scene):
    features = {
        "image": one_byte_each(scene["image"]),
        "mask": one_byte_each(masks_by_entity(scene["entity"], 11, 0)),
    }
    for name in ("x", "y", "z", "rotation", "visibility", "pixel_coords"):
        features[name] = floats(scene[name])
    for name in CLEVR_CODES:
        features[name] = one_byte_each(scene[name])
    return serialize(features)


def objects_room_scene(rng, name):
    return {
        "image": rng.integers(0, 256, (64, 64, 3), "uint8"),
        "entity": draw_blocks(rng, OBJECTS_ROOM[name], 64, 64),
    }


def objects_room_record(name, scene):
    masks = masks_by_entity(scene["entity"], OBJECTS_ROOM[name], 0)
    return serialize(
        {"image": one_byte_each(scene["image"]), "mask": one_byte_each(masks)}
    )


def cater_scene(rng):
    """Videos: every frame has an image and entities of its own."""
    return {
        "image": rng.integers(0, 256, (33, 64, 64, 3), "uint8"),
        "entity": np.stack([draw_blocks(rng, 11, 64, 64) for _ in range(33)]),
        "camera_matrix": rng.normal(size=(33, 4, 4)),
        "object_positions": rng.normal(size=(11, 33, 3)),
    }


def cater_record(scene):
    return serialize(
        {
            "image": one_string(scene["image"]),
            "mask": one_string(masks_by_entity(scene["entity"], 11, 1)),
            "camera_matrix": floats(scene["camera_matrix"]),
            "object_positions": floats(scene["object_positions"]),
        }
    )
