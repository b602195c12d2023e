"""PropertyHead is table 7 of the supplement, written out in NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import expit

from keras_slots.layers import PropertyHead
from tests.golden_weights import assert_close, load_golden


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, size=shape).astype("float32")


def values(layer):
    return [np.array(weight) for weight in layer.weights]


def with_random_biases(head):
    for dense in (head.hidden, head.output_dense):
        dense.bias.assign(draw(*dense.bias.shape, seed=dense.units))
    return head


def in_numpy(head, slots, told=0.0):
    kernel, bias = values(head.hidden)
    hidden = np.maximum(slots @ kernel + bias + told, 0)
    kernel, bias = values(head.output_dense)
    return expit(hidden @ kernel + bias)


def test_golden_predictions():
    golden = load_golden("set_prediction_128")
    head = PropertyHead()
    head.build((None, 10, 64))
    for index, dense in enumerate((head.hidden, head.output_dense)):
        for name in ("kernel", "bias"):
            weight = golden[f"weights/head/mlp{index}/{name}"]
            getattr(dense, name).assign(weight)
    expected = golden["outputs/predictions"]
    assert_close(head(golden["outputs/slots"]), expected)
    # The iterations are one more axis.
    steps = golden["outputs/slots_per_iteration"]
    predictions = head(steps)
    assert predictions.shape == (3, 1, 10, 19)
    assert_close(predictions[-1], expected)


def test_defaults_are_table_7():
    head = PropertyHead()
    head.build((None, 10, 64))
    assert head.count_params() == 64 * 64 + 64 + 64 * 19 + 19


@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 4, 3, 8)], ids=str)
def test_against_numpy(shape):
    head = PropertyHead(num_features=5, hidden_size=6)
    slots = draw(*shape)
    head.build(shape)
    with_random_biases(head)
    expected = in_numpy(head, slots)
    np.testing.assert_allclose(head(slots), expected, rtol=1e-5)


def test_the_scale_is_that_of_the_coordinates_alone():
    head = PropertyHead(num_features=6, coordinate_scale=4.0)
    slots = draw(2, 3, 8)
    predictions = head(slots)
    expected = in_numpy(head, slots) * [4, 4, 4, 1, 1, 1]
    np.testing.assert_allclose(predictions, expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_features_stay_in_their_ranges(scale):
    head = PropertyHead(coordinate_scale=scale)
    predictions = np.array(head(1000 * draw(2, 30, 8)))
    assert predictions.min() >= 0
    assert 0.99 * scale < predictions[..., :3].max() <= scale
    assert 0.99 < predictions[..., 3:].max() <= 1


@pytest.mark.parametrize("leading", [(2,), (2, 4)], ids=["B", "B, T"])
def test_centers_are_told_in_octaves(leading):
    head = PropertyHead(num_features=5, hidden_size=6, center_frequencies=3)
    slots, centers = draw(*leading, 3, 8), draw(*leading, 3, 2, seed=1)
    head(slots, centers)
    with_random_biases(head)
    angles = [
        np.pi / 2 * 2.0**octave * centers[..., axis]
        for axis in range(2)
        for octave in range(3)
    ]
    angles = np.stack(angles, axis=-1)
    place = np.concatenate([centers, np.sin(angles), np.cos(angles)], axis=-1)
    expected = in_numpy(head, slots, place @ values(head.place)[0])
    np.testing.assert_allclose(
        head(slots, centers=centers), expected, rtol=1e-4
    )
    moved = head(slots, centers + 0.1)
    assert not np.allclose(moved, expected, atol=1e-3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_predictions_are_float32_under_every_policy(policy):
    head = PropertyHead(dtype=policy, center_frequencies=2)
    slots = keras.ops.cast(draw(2, 3, 8), policy.removeprefix("mixed_"))
    centers = draw(2, 3, 2)
    predictions = head(slots, centers)
    assert keras.backend.standardize_dtype(predictions.dtype) == "float32"
    # Where half precision knows 1/256 apart, these have a value of their own.
    rounded = keras.ops.cast(keras.ops.cast(predictions, "bfloat16"), "float32")
    assert not np.array_equal(predictions, rounded)
    symbolic = head(keras.Input((3, 8)), keras.Input((3, 2)))
    assert (symbolic.dtype, symbolic.shape) == ("float32", (None, 3, 19))


@pytest.mark.parametrize("center_frequencies", [None, 2])
def test_centers_if_and_only_if_asked_for(center_frequencies):
    head = PropertyHead(center_frequencies=center_frequencies)
    centers = None if center_frequencies else draw(2, 3, 2)
    with pytest.raises(
        ValueError, match="`centers` and `center_frequencies` go together"
    ):
        head(draw(2, 3, 8), centers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_features": 2}, r"`num_features` must be .* of at least 3"),
        ({"hidden_size": 0}, "`hidden_size` must be a positive integer"),
        ({"coordinate_scale": 0}, "`coordinate_scale` must be a positive num"),
        ({"center_frequencies": 0}, "`center_frequencies` must be a positive"),
    ],
    ids=str,
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        PropertyHead(**arguments)
