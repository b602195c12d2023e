"""The format of each of the Multi-Object Datasets on disk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_slots.property_layout import PROPERTIES


@dataclass(frozen=True)
class RecordFormat:
    """The features of a record, and their meaning.

    Attributes:
        name: The dataset's name, for arguments and messages.
        features: Shape and dtype of every feature.
        entity_axis: The axis of `mask` that counts the entities.
        num_backgrounds: The number of first entities that are background.
        packed: Whether images and masks are one string each. Otherwise, a
            uint8 feature is one string of one byte for every value.
        classes: The meanings of a uint8 feature's codes, from 1 on; 0 is an
            entity without this property.
    """

    name: str
    features: Mapping[str, tuple[tuple[int, ...], str]]
    entity_axis: int = 0
    num_backgrounds: int = 1
    packed: bool = False
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def num_values(self) -> int:
        """Returns the number of values in a record."""
        return sum(math.prod(shape) for shape, _ in self.features.values())

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Returns the shape of `image`; rows, columns, channels come last."""
        return self.features["image"][0]

    def parse(self, records: tf.Tensor, names: tf.Tensor) -> dict:
        """Parses serialized records (B,), named for TensorFlow's errors.

        Returns:
            Dict of tensors with a leading batch axis, in the dtypes of
            `features`. `mask` has neither the axis of entities nor the last
            axis: it holds integer labels, 0 the background.
        """
        specs = {}
        for name, (shape, dtype) in self.features.items():
            packed = self.packed and dtype == "uint8"
            specs[name] = tf.io.FixedLenFeature(
                () if packed else shape,
                tf.string if dtype == "uint8" else dtype,
            )
        scene = tf.io.parse_example(records, specs, example_names=names)
        for name, (shape, dtype) in self.features.items():
            if dtype == "uint8":
                values = tf.io.decode_raw(scene[name], tf.uint8)
                scene[name] = tf.reshape(values, (-1, *shape))
        # Masks are 255 where their entity is seen, and 0 elsewhere.
        entity = tf.argmax(
            scene["mask"], axis=1 + self.entity_axis, output_type=tf.int32
        )
        label = tf.maximum(entity - (self.num_backgrounds - 1), 0)
        scene["mask"] = tf.cast(tf.squeeze(label, axis=-1), tf.uint8)
        return scene

    def count_objects(self, records: tf.Tensor, names: tf.Tensor) -> tf.Tensor:
        """Counts the objects in each of the serialized records (B,)."""
        shape, dtype = self.features["visibility"]
        spec = {"visibility": tf.io.FixedLenFeature(shape, dtype)}
        scene = tf.io.parse_example(records, spec, example_names=names)
        # The first entity is the background, which is always visible.
        return tf.reduce_sum(scene["visibility"][:, 1:], axis=1)

    def fault(self, record: bytes) -> str | None:
        """Describes why a serialized record does not fit; `None` if it fits."""
        try:
            example = tf.train.Example.FromString(record)
        except DecodeError:
            return "it is not a serialized `tf.train.Example`"
        for name, (_, dtype) in self.features.items():
            if name not in example.features.feature:
                return f"it has no feature {name!r}"
            feature = example.features.feature[name]
            kind = "bytes_list" if dtype == "uint8" else "float_list"
            if feature.WhichOneof("kind") != kind:
                return (
                    f"its feature {name!r} is of kind "
                    f"{feature.WhichOneof('kind')}, not {kind}"
                )
            fault = self._fault_of_values(getattr(feature, kind).value, name)
            if fault:
                return f"its feature {name!r} holds {fault}"
        return None

    def _fault_of_values(self, values, name):
        shape, dtype = self.features[name]
        size = math.prod(shape)
        if self.packed and dtype == "uint8":
            if len(values) != 1:
                return f"{len(values)} strings, not one"
            if len(values[0]) != size:
                return f"{len(values[0])} bytes, not {size} of shape {shape}"
        elif len(values) != size:
            return f"{len(values)} values, not {size} of shape {shape}"
        elif dtype == "uint8" and any(len(value) != 1 for value in values):
            return "strings that are not of one byte each"
        return None


def recognize(record: bytes) -> str | None:
    """Returns the name of the dataset that a serialized record fits, if any."""
    names = (name for name, kind in FORMATS.items() if not kind.fault(record))
    return next(names, None)


def published_classes(record_format: RecordFormat, scene: dict) -> dict:
    """Returns a scene's properties as indices into `PROPERTIES`, or -1.

    The published codes have another order than this package's classes, which
    follow the authors' targets.
    """
    indices = {}
    for name, published in record_format.classes.items():
        table = [-1, *map(PROPERTIES[name].index, published)]
        codes = tf.cast(scene[name], tf.int32)
        indices[name] = tf.gather(tf.constant(table, tf.int32), codes)
    return indices


def _factors(shape, *names):
    return {name: (shape, "float32") for name in names}


def _multi_dsprites(variant, entities, channels):
    return RecordFormat(
        f"multi_dsprites_{variant}",
        {
            "image": ((64, 64, channels), "uint8"),
            # On disk the entities come after the pixels here.
            "mask": ((64, 64, entities, 1), "uint8"),
            **_factors((entities,), "x", "y", "shape", "visibility"),
            **_factors((entities,), "orientation", "scale"),
            **_factors((entities, channels), "color"),
        },
        entity_axis=2,
    )


def _objects_room(name, entities):
    return RecordFormat(
        name,
        {
            "image": ((64, 64, 3), "uint8"),
            "mask": ((entities, 64, 64, 1), "uint8"),
        },
        # The sky, the floor and two walls.
        num_backgrounds=4,
    )


_TETROMINOES = RecordFormat(
    "tetrominoes",
    {
        "image": ((35, 35, 3), "uint8"),
        "mask": ((4, 35, 35, 1), "uint8"),
        **_factors((4,), "x", "y", "shape", "visibility"),
        **_factors((4, 3), "color"),
    },
)

_CLEVR_WITH_MASKS = RecordFormat(
    "clevr_with_masks",
    {
        "image": ((240, 320, 3), "uint8"),
        "mask": ((11, 240, 320, 1), "uint8"),
        **_factors((11,), "x", "y", "z", "rotation", "visibility"),
        **_factors((11, 3), "pixel_coords"),
        **{name: ((11,), "uint8") for name in PROPERTIES},
    },
    classes={
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
    },
)

# Videos of 33 frames.
_CATER_WITH_MASKS = RecordFormat(
    "cater_with_masks",
    {
        "image": ((33, 64, 64, 3), "uint8"),
        "mask": ((33, 11, 64, 64, 1), "uint8"),
        **_factors((33, 4, 4), "camera_matrix"),
        **_factors((11, 33, 3), "object_positions"),
    },
    entity_axis=1,
    packed=True,
)

FORMATS = {
    record_format.name: record_format
    for record_format in (
        _TETROMINOES,
        _multi_dsprites("binarized", 4, 1),
        _multi_dsprites("colored_on_grayscale", 6, 3),
        _multi_dsprites("colored_on_colored", 5, 3),
        _CLEVR_WITH_MASKS,
        _objects_room("objects_room", 7),
        _objects_room("objects_room_empty_room", 4),
        _objects_room("objects_room_six_objects", 10),
        _objects_room("objects_room_identical_color", 10),
        _CATER_WITH_MASKS,
    )
}
