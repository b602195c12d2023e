"""SlotMLP is tables 8 and 9 of the supplement, written out in NumPy."""

import keras
import numpy as np
import pytest

from keras_slots.layers import SlotMLP
from tests.backends import EAGERLY
from tests.weights import assert_every_weight_moved


def tokens(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("float32")


def dense(features, units):
    return features * units + units


def halved(grid):
    """A map of half the size: each cell the mean of four."""
    batch, height, width, size = grid.shape
    cells = grid.reshape(batch, height // 2, 2, width // 2, 2, size)
    return cells.mean(axis=(2, 4))


def apply(layers, features):
    """Dense layers in turn, ReLU between them."""
    for index, layer in enumerate(layers):
        features = features @ np.array(layer.kernel) + np.array(layer.bias)
        if index < len(layers) - 1:
            features = np.maximum(features, 0)
    return features


def with_random_biases(layer):
    for index, weight in enumerate(layer.weights):
        if weight.name == "bias":
            weight.assign(tokens(*weight.shape, seed=index))
    return layer


def test_defaults_are_table_8():
    layer = SlotMLP(10, 64)
    layer.build((None, 32 * 32, 64))
    shapes = [tuple(dense.kernel.shape) for dense in layer.mlp]
    assert shapes == [(16 * 16 * 64, 512), (512, 512), (512, 640)]
    assert [d.activation.__name__ for d in layer.mlp] == [
        "relu",
        "relu",
        "linear",
    ]
    assert layer.slot_mlp == []
    assert layer.count_params() == (
        dense(16384, 512) + dense(512, 512) + dense(512, 640)
    )


def test_for_object_discovery_is_table_9():
    layer = SlotMLP.for_object_discovery(7, 64, map_size=2, name="slots")
    assert (layer.name, layer.map_size) == ("slots", 2)
    layer.build((None, 16, 8))
    assert layer.count_params() == (
        dense(2 * 2 * 8, 512)
        + dense(512, 1024)
        + dense(1024, 1024)
        + dense(1024, 7 * 64)
        + dense(64, 64)
        + dense(64, 64)
    )
    assert [d.activation.__name__ for d in layer.slot_mlp] == ["relu", "linear"]
    assert SlotMLP.for_object_discovery(7, 32).slot_mlp_sizes == (64, 32)


@pytest.mark.parametrize("form", ["tokens", "map"])
@pytest.mark.parametrize("slot_mlp_sizes", [(), (6, 3)], ids=str)
def test_against_numpy(form, slot_mlp_sizes):
    layer = SlotMLP(
        3, 4, mlp_sizes=(9, 8), slot_mlp_sizes=slot_mlp_sizes, map_size=2
    )
    grid = tokens(2, 4, 4, 5)
    layer.build(grid.shape)
    with_random_biases(layer)
    inputs = grid.reshape(2, 16, 5) if form == "tokens" else grid
    slots = apply(layer.mlp, halved(grid).reshape(2, 20)).reshape(2, 3, 4)
    if slot_mlp_sizes:
        slots = apply(layer.slot_mlp, slots)
    np.testing.assert_allclose(layer(inputs), slots, rtol=1e-4, atol=1e-5)


def test_a_map_of_the_right_size_is_left_as_it_is():
    layer = SlotMLP(3, 4, mlp_sizes=(), map_size=3)
    inputs = tokens(2, 9, 5)
    slots = layer(inputs)
    expected = apply(layer.mlp, inputs.reshape(2, 45)).reshape(2, 3, 4)
    np.testing.assert_allclose(slots, expected, rtol=1e-4, atol=1e-5)


def test_a_map_that_is_no_square():
    layer = SlotMLP(3, 4, mlp_sizes=(8,), map_size=2)
    grid = tokens(2, 4, 8, 5)
    slots = layer(grid)
    # Rows of 8 to 2: means of the middle pair of each four columns.
    middle = grid[:, :, [1, 2, 5, 6]]
    expected = apply(layer.mlp, halved(middle).reshape(2, 20))
    np.testing.assert_allclose(
        slots, expected.reshape(2, 3, 4), rtol=1e-4, atol=1e-5
    )


def test_only_the_shared_mlp_is_shared():
    """Slots have weights of their own, and the MLP after them has not."""
    layer = SlotMLP(3, 4, mlp_sizes=(8,), slot_mlp_sizes=(5,), map_size=2)
    layer.build((None, 4, 5))
    kernel = np.array(layer.mlp[-1].kernel)  # (8, 3 * 4)
    kernel[:, 4:8] = kernel[:, :4]
    layer.mlp[-1].kernel.assign(kernel)
    slots = np.array(layer(tokens(2, 4, 5)))
    np.testing.assert_allclose(slots[:, 1], slots[:, 0], rtol=1e-5)
    assert not np.allclose(slots[:, 2], slots[:, 0])


def test_every_weight_learns():
    layer = SlotMLP.for_object_discovery(3, 4, map_size=2)
    model = keras.Sequential([layer])
    inputs = tokens(2, 16, 5)
    model(inputs)
    before = model.get_weights()
    model.compile("sgd", loss="mse", run_eagerly=EAGERLY)
    model.fit(inputs, np.ones((2, 3, 4)), verbose=0)
    assert_every_weight_moved(model, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_slots": 0}, "`num_slots` must be a positive integer"),
        ({"slot_size": 1.5}, "`slot_size` must be a positive integer"),
        ({"map_size": -1}, "`map_size` must be a positive integer"),
        ({"mlp_sizes": 512}, "`mlp_sizes` must be a list or tuple"),
        ({"slot_mlp_sizes": (64, 0)}, r"`slot_mlp_sizes\[1\]` must be a posi"),
    ],
    ids=str,
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        SlotMLP(**{"num_slots": 3, "slot_size": 4, **arguments})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 30, 4), r"tokens of a square map.*inputs.shape=\(2, 30, 4\)"),
        ((None, None, 4), "tokens of a square map, .* of known size"),
        ((None, None, None, 4), "tokens of a square map, .* of known size"),
    ],
    ids=["no square", "unknown", "unknown map"],
)
def test_shapes_are_checked(shape, message):
    with pytest.raises(ValueError, match=message):
        SlotMLP(3, 4).build(shape)
