"""Section 4 of the supplement: the order of tokens and slots is nothing."""

import keras
import numpy as np
import pytest

import keras_slots
from tests.conformance.descriptor import draw

TOKEN_ORDER = [4, 0, 8, 2, 1, 7, 5, 3, 6]
SLOT_ORDER = [2, 0, 1]


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"softmax_axis": "inputs"},
        {"aggregation": "weighted_sum"},
        {"update": "none"},
        {"num_heads": 2},
        {"slot_communication": "self_attention", "num_heads": 2},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())) or "default",
)
def test_slot_attention(arguments):
    """Invariant to the order of tokens, equivariant to that of slots."""
    layer = keras_slots.SlotAttention(3, 4, **arguments)
    tokens, start = draw(2, 9, 4), draw(2, 3, 4, seed=1)

    def run(tokens, start):
        return map(
            np.array,
            layer(tokens, initial_slots=start, return_attention_scores=True),
        )

    slots, attention = run(tokens, start)
    permuted_slots, permuted_attention = run(tokens[:, TOKEN_ORDER], start)
    close(permuted_slots, slots)
    close(permuted_attention, attention[:, :, TOKEN_ORDER])
    permuted_slots, permuted_attention = run(tokens, start[:, SLOT_ORDER])
    close(permuted_slots, slots[:, SLOT_ORDER])
    close(permuted_attention, attention[:, SLOT_ORDER])


def test_equal_starts_give_equal_slots():
    """Equivariance forbids telling apart what starts alike."""
    layer = keras_slots.SlotAttention(3, 4)
    start = np.repeat(draw(2, 1, 4), 3, axis=1)
    slots = np.array(layer(draw(2, 9, 4), initial_slots=start))
    close(slots, slots[:, SLOT_ORDER])


def test_object_discovery():
    model = keras_slots.models.ObjectDiscovery(
        keras_slots.layers.ConvEncoder((4,), mlp_sizes=(4,)),
        keras_slots.SlotAttention(3, 4),
        keras_slots.SpatialBroadcastDecoder((5, 6), (4,)),
    )
    image, start = draw(2, 5, 6, 3), draw(2, 3, 4, seed=1)
    outputs = model(image, initial_slots=start)
    permuted = model(image, initial_slots=start[:, SLOT_ORDER])
    close(permuted["reconstruction"], outputs["reconstruction"])
    for name in ("slot_reconstructions", "masks", "slots", "attention"):
        expected = np.array(outputs[name])[:, SLOT_ORDER]
        close(permuted[name], expected)


def test_hungarian_huber_loss():
    loss = keras_slots.HungarianHuberLoss()
    y_true, y_pred = draw(2, 3, 4), draw(2, 3, 4, seed=1)
    expected = loss(y_true, y_pred)
    close(loss(y_true[:, SLOT_ORDER], y_pred), expected)
    close(loss(y_true, y_pred[:, [1, 0, 2]]), expected)


def test_hungarian_cross_entropy_loss():
    loss = keras_slots.losses.HungarianCrossEntropyLoss()
    y_true, y_pred = np.abs(draw(2, 3, 5)), np.abs(draw(2, 3, 5, seed=1))
    expected = loss(y_true, y_pred)
    close(loss(y_true[:, SLOT_ORDER], y_pred), expected)
    close(loss(y_true, y_pred[:, [1, 0, 2]]), expected)


def test_set_prediction():
    model = keras_slots.models.SetPrediction(
        keras_slots.layers.ConvEncoder((4,), mlp_sizes=(4,)),
        keras_slots.SlotAttention(3, 4),
        keras_slots.layers.PropertyHead(5),
    )
    image, start = draw(2, 5, 6, 3), draw(2, 3, 4, seed=1)
    expected = np.array(model(image, initial_slots=start))[:, SLOT_ORDER]
    close(model(image, initial_slots=start[:, SLOT_ORDER]), expected)


def test_adjusted_rand_index():
    mask = np.arange(40).reshape(2, 4, 5) // 6
    masks = draw(2, 3, 4, 5, 1)
    index = keras_slots.metrics.adjusted_rand_index
    close(index(mask, masks[:, SLOT_ORDER]), index(mask, masks))
    renamed = np.array([0, 5, 2, 3, 9, 1, 7])[mask]
    close(index(renamed, masks), index(mask, masks))


def test_soft_position_embed_is_what_breaks_the_symmetry():
    """With it, a moved image is another set of tokens."""
    image = keras.ops.ones((1, 4, 4, 3))
    cells = np.array(keras_slots.SoftPositionEmbed()(image)).reshape(16, 3)
    assert len(np.unique(cells.round(5), axis=0)) == 16
