"""SetPrediction against golden values, and what it accepts."""

import numpy as np
import pytest

from keras_slots.layers import PropertyHead, SlotMLP
from keras_slots.models import SetPrediction
from tests.golden_weights import (
    assert_close,
    initial_slots,
    load_golden,
    put_into_set_prediction,
)
from tests.models.small_set_prediction import (
    SIZE,
    D,
    F,
    K,
    draw_slots,
    scenes,
    small_model,
)


@pytest.fixture(scope="module")
def golden():
    return load_golden("set_prediction_128")


@pytest.fixture(scope="module")
def golden_model(golden):
    model = SetPrediction.from_preset("clevr_properties")
    put_into_set_prediction(model, golden)
    return model


def test_golden_predictions(golden_model, golden):
    predictions, attention = golden_model(
        golden["image"],
        initial_slots=initial_slots(golden),
        return_attention_scores=True,
    )
    assert_close(predictions, golden["outputs/predictions"])
    # Strides of 1, 2, 2, 1 leave 32 x 32 tokens.
    assert attention.shape == (1, 10, 32 * 32)
    np.testing.assert_allclose(
        np.sum(np.array(attention), axis=1), 1, rtol=1e-4
    )


def test_golden_slots_and_predictions_of_every_iteration(golden_model, golden):
    start = initial_slots(golden)
    expected = golden["outputs/slots_per_iteration"].swapaxes(0, 1)
    slots = golden_model.slot_attention(
        golden_model.encoder(golden["image"]),
        initial_slots=start,
        return_all_iterations=True,
    )
    assert_close(slots, expected)
    predictions, attention = golden_model(
        golden["image"],
        initial_slots=start,
        return_attention_scores=True,
        return_all_iterations=True,
    )
    assert predictions.shape == (1, 3, 10, 19)
    assert attention.shape == (1, 3, 10, 1024)
    assert_close(predictions[:, -1], golden["outputs/predictions"])
    for step in range(3):
        alone = golden_model.head(expected[:, step])
        assert_close(predictions[:, step], alone)


def test_other_numbers_of_slots_and_iterations():
    model = small_model(slot_initialization="shared_gaussian")
    image, _ = scenes(2)
    assert model(image, num_slots=5).shape == (2, 5, F)
    everything = model(image, num_iterations=4, return_all_iterations=True)
    assert everything.shape == (2, 4, K, F)
    start = draw_slots(2)
    few = model(image, initial_slots=start, num_iterations=1)
    more = model(image, initial_slots=start, num_iterations=4)
    assert not np.allclose(few, more)


def test_calls_are_random_unless_told_where_to_start():
    model = small_model(slot_initialization="shared_gaussian")
    image, _ = scenes(2)
    assert not np.allclose(model(image), model(image))
    start = draw_slots(2)
    np.testing.assert_array_equal(
        model(image, initial_slots=start), model(image, initial_slots=start)
    )


def test_the_head_is_told_the_centers_of_the_attention():
    model = small_model(head=PropertyHead(F, 8, center_frequencies=2))
    image, _ = scenes(2)
    predictions, attention = model(image, return_attention_scores=True)
    # Tokens row by row, from corner to corner of [-1, 1] x [-1, 1].
    line = np.linspace(-1, 1, 6)
    positions = np.stack(np.meshgrid(line, line, indexing="ij"), -1)
    attention = np.array(attention, "float64")
    centers = attention @ positions.reshape(36, 2)
    centers /= attention.sum(axis=-1, keepdims=True)
    slots = model.slot_attention(model.encoder(image))
    expected = model.head(slots, centers.astype("float32"))
    np.testing.assert_allclose(predictions, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"initial_slots": np.zeros((2, K, D), "float32")},
        {"num_slots": 4},
        {"num_iterations": 2},
        {"return_attention_scores": True},
        {"return_all_iterations": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_slot_mlp_cannot_do(options):
    model = small_model(SlotMLP(K, D, mlp_sizes=(), map_size=2))
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` "):
        model(scenes(2)[0], **options)


def test_slot_mlp_has_no_centers():
    model = small_model(
        SlotMLP(K, D, mlp_sizes=(), map_size=2),
        head=PropertyHead(F, 8, center_frequencies=2),
    )
    with pytest.raises(ValueError, match="slots without attention have no cen"):
        model(scenes(2)[0])


def test_images_and_slots_are_checked():
    model = small_model()
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        model(np.zeros((*SIZE, 3)))
    with pytest.raises(ValueError, match="`initial_slots` must have shape"):
        model(np.zeros((2, *SIZE, 3)), initial_slots=np.zeros((2, K, 7)))
