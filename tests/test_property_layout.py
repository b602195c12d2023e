"""PropertyLayout: columns by name, and targets of tf.data in those columns."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets.property_targets import property_targets
from keras_slots.property_layout import (
    PROPERTIES,
    PropertyLayout,
)

# A large metal cylinder, purple; a small rubber cube, gray.
OBJECTS = {
    "coordinates": np.array([[-3.0, 0.0, 0.7], [1.5, 3.0, 0.35]], "float32"),
    "size": np.array([1, 0]),
    "material": np.array([1, 0]),
    "shape": np.array([2, 0]),
    "color": np.array([6, 0]),
}
ROWS = [
    [0, 0.5, 3.7 / 6, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1],
    [0.75, 1, 3.35 / 6, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1],
]


def test_the_defaults_are_the_19_features_of_clevr():
    """Section 5.8: positions, 8 colors, 3 shapes, 2 materials, 2 sizes."""
    layout = PropertyLayout()
    assert layout.num_features == 3 + 8 + 3 + 2 + 2 + 1
    assert sorted(layout.category_sizes) == [2, 2, 3, 8]
    assert layout.columns("coordinates") == slice(0, 3)
    assert layout.columns("size") == slice(3, 5)
    assert layout.columns("material") == slice(5, 7)
    assert layout.columns("shape") == slice(7, 10)
    assert layout.columns("color") == slice(10, 18)
    assert layout.columns("real") == slice(18, 19)


@pytest.mark.parametrize(
    "properties",
    [(), ("color",), ("color", "size"), ["shape", "material", "color"]],
    ids=str,
)
def test_columns_follow_each_other_and_cover_all(properties):
    layout = PropertyLayout(properties)
    names = ("coordinates", *properties, "real")
    columns = [
        column
        for name in names
        for column in range(layout.num_features)[layout.columns(name)]
    ]
    assert columns == list(range(layout.num_features))
    sizes = tuple(len(PROPERTIES[name]) for name in properties)
    assert layout.category_sizes == sizes
    assert layout.num_features == 4 + sum(sizes)


def test_layouts_are_values():
    assert PropertyLayout(["size"]) == PropertyLayout(("size",))
    assert hash(PropertyLayout(["size"])) == hash(PropertyLayout(("size",)))
    assert PropertyLayout(coordinate_scale=2.0) != PropertyLayout()
    with pytest.raises(dataclasses.FrozenInstanceError):
        PropertyLayout().coordinate_scale = 2.0


def test_targets_are_rows_and_zeros():
    targets = property_targets(OBJECTS, PropertyLayout(), 4)
    assert (targets.dtype, targets.shape) == (tf.float32, (4, 19))
    np.testing.assert_allclose(targets[:2], ROWS, atol=1e-6)
    np.testing.assert_array_equal(targets[2:], 0)


def test_targets_of_some_properties_in_another_order():
    layout = PropertyLayout(("shape", "size"), coordinate_scale=5.0)
    targets = np.array(property_targets(OBJECTS, layout, 2))
    rows = np.array(ROWS)
    expected = np.concatenate(
        [5 * rows[:, :3], rows[:, 7:10], rows[:, 3:5], rows[:, 18:]], axis=1
    )
    np.testing.assert_allclose(targets, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize(
    "properties", [tuple(PROPERTIES), ("color", "size"), ()], ids=str
)
def test_decode_undoes_targets(properties, scale):
    layout = PropertyLayout(properties, coordinate_scale=scale)
    targets = property_targets(OBJECTS, layout, 3)
    decoded = layout.decode(targets)
    assert set(decoded) == {"coordinates", *properties, "real"}
    for name in ("coordinates", *properties):
        assert decoded[name].shape[:1] == (3,)
        np.testing.assert_allclose(
            decoded[name][:2], OBJECTS[name], atol=1e-5, err_msg=name
        )
    np.testing.assert_array_equal(decoded["real"], [1, 1, 0])


def test_decode_takes_the_most_likely_class_of_any_rows():
    layout = PropertyLayout(("shape",))
    rows = np.zeros((2, 5, 7))
    rows[1, 4] = [0.5, 0.5, 0.5, 0.3, 0.2, 0.4, 0.8]
    decoded = layout.decode(rows)
    assert decoded["shape"][1, 4] == 2
    assert decoded["real"][1, 4] == np.float32(0.8)
    np.testing.assert_allclose(decoded["coordinates"][1, 4], 0, atol=1e-6)


def test_differences_of_coordinates_in_the_units_of_the_scene():
    for scale in (1.0, 4.0):
        layout = PropertyLayout((), coordinate_scale=scale)
        rows = np.array(property_targets(OBJECTS, layout, 2))
        difference = (rows[1] - rows[0])[:3] * layout.distance_scale
        np.testing.assert_allclose(difference, [4.5, 3, -0.35], atol=1e-5)


def targets_of(count, num_targets):
    objects = {"coordinates": tf.zeros((count, 3))}
    return property_targets(objects, PropertyLayout(()), num_targets)


@pytest.mark.parametrize("count", [0, 3])
def test_no_object_and_as_many_as_there_is_room_for(count):
    assert np.sum(targets_of(count, 3)[:, -1]) == count


def test_more_objects_than_room():
    counts = tf.data.Dataset.from_tensor_slices([3, 4])
    targets = counts.map(lambda count: targets_of(count, 3))
    assert targets.element_spec.shape == (3, 4)
    message = "more objects than there are targets; .* num_targets=3"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(targets)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        targets_of(4, 3)


def test_the_number_of_objects_is_checked_before_rows_are_added():
    """Else the error is the padding's own, in some passes."""
    function = tf.function(lambda count: targets_of(count, 3))
    graph = function.get_concrete_function(tf.TensorSpec((), tf.int32)).graph
    (padding,) = (op for op in graph.get_operations() if op.type == "Pad")
    before, new = set(), [padding]
    while new:
        op = new.pop()
        before.add(op.name)
        new += [tensor.op for tensor in op.inputs]
        new += op.control_inputs
    assert any("assert" in name for name in before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"properties": ("weight",)}, "`properties` must be one of 'size', "),
        ({"properties": ("size", "size")}, "`properties` must not repeat"),
        ({"coordinate_scale": 0}, "`coordinate_scale` must be a positive num"),
    ],
    ids=str,
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        PropertyLayout(**arguments)


def test_another_number_of_features():
    with pytest.raises(ValueError, match=r"19 features.*shape=\(2, 18\)"):
        PropertyLayout().decode(np.zeros((2, 18)))
    with pytest.raises(ValueError, match=r"19 features.*shape=\(\)"):
        PropertyLayout().decode(0.0)


def test_a_column_that_the_layout_has_not():
    with pytest.raises(ValueError, match="'coordinates', 'shape', 'real'"):
        PropertyLayout(("shape",)).columns("color")
