"""At the edges of what numbers can say: outputs and gradients stay finite."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import HungarianHuberLoss, SlotAttention
from keras_slots.layers import SlotCenters
from keras_slots.losses import HungarianCrossEntropyLoss
from tests.backends import EAGERLY
from tests.properties.draws import numbers, run_finite
from tests.properties.test_models import make_discovery

BFLOAT16 = pytest.param("mixed_bfloat16", marks=pytest.mark.slow)
# With the range of float32, bfloat16 has the fewest edges.
EACH_POLICY = pytest.mark.parametrize(
    "policy", ["float32", "mixed_float16", BFLOAT16]
)
EACH_GRADIENT = pytest.mark.parametrize(
    "gradient", ["full", "implicit", "bilevel"]
)
HALF = pytest.mark.parametrize("policy", ["mixed_float16", BFLOAT16])


def make_layer(num_slots=4, **arguments):
    layer = SlotAttention(
        num_slots, 6, **{"mlp_hidden_size": 5, "seed": 0, **arguments}
    )
    layer.build((None, None, 5))
    return layer


def run(layer, tokens, start=None, **options):
    """Slots and attention of tokens, with and without noise of their own."""

    def call(tokens):
        return layer(
            tokens,
            initial_slots=start,
            return_attention_scores=True,
            **options,
        )

    slots, attention = run_finite(call, [tokens], layer.trainable_weights)
    return np.array(slots, "float32"), np.array(attention, "float32")


@EACH_POLICY
@pytest.mark.parametrize(
    ("softmax_axis", "size"), [("slots", 1e2), ("slots", 1e4), ("inputs", 1e4)]
)
def test_large_logits(policy, softmax_axis, size):
    """A softmax of which one entry is one and all others are zero."""
    layer = make_layer(dtype=policy, softmax_axis=softmax_axis)
    kernel = layer.attention.query_kernel
    kernel.assign(size * kernel / ops.max(ops.abs(kernel)))
    _, attention = run(layer, numbers(0, 2, 8, 5))
    assert attention.max() == 1


@EACH_POLICY
@pytest.mark.parametrize("value", [0.0, -1e4])
def test_constant_tokens(policy, value):
    """Nothing for a layer norm to divide by."""
    layer = make_layer(dtype=policy, epsilon=0.0)
    run(layer, np.full((2, 8, 5), value, "float32"))


@EACH_POLICY
@EACH_GRADIENT
def test_one_token_one_slot(policy, gradient):
    layer = make_layer(1, dtype=policy, gradient=gradient)
    _, attention = run(layer, numbers(0, 2, 1, 5))
    np.testing.assert_array_equal(attention, 1)


@EACH_POLICY
@pytest.mark.parametrize(
    ("num_slots", "epsilon"), [(9, 0.0), (400, 0.0), (400, 1e-8)]
)
def test_more_slots_than_tokens(policy, num_slots, epsilon):
    layer = make_layer(num_slots, dtype=policy, epsilon=epsilon)
    _, attention = run(layer, numbers(0, 2, 3, 5))
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=0.05)


@pytest.mark.parametrize(
    ("policy", "arguments", "iterations"),
    [
        ("mixed_float16", {"aggregation": "weighted_sum"}, 24),
        pytest.param(
            "mixed_float16",
            {"aggregation": "weighted_sum"},
            128,
            marks=pytest.mark.slow,
        ),
        pytest.param("mixed_bfloat16", {}, 128, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_many_iterations(policy, arguments, iterations):
    """As many of a trained layer, to see where its slots settle."""
    layer = make_layer(dtype=policy, mlp_hidden_size=3, **arguments)
    run(layer, numbers(0, 1, 5, 5), num_iterations=iterations)


@EACH_POLICY
@pytest.mark.parametrize("aggregation", ["weighted_mean", "scaled_sum"])
@pytest.mark.parametrize("left_out", ["mask", "slot_mask"])
def test_nothing_takes_part(policy, aggregation, left_out):
    layer = make_layer(dtype=policy, epsilon=0.0, aggregation=aggregation)
    size = {"mask": 8, "slot_mask": 4}[left_out]
    none = np.zeros((2, size), bool)
    _, attention = run(layer, numbers(0, 2, 8, 5), **{left_out: none})
    np.testing.assert_array_equal(attention, 0)


@EACH_POLICY
@pytest.mark.parametrize(
    ("scales", "tokens"), [(False, 6), (True, 6), (True, 1)]
)
def test_all_tokens_at_one_place(policy, scales, tokens):
    """A slot whose tokens lie at one point has no extent."""
    layer = make_layer(dtype=policy, centers=SlotCenters(3, scales))
    places = np.full((tokens, 2), 0.3, "float32")
    run(layer, numbers(0, 2, tokens, 5), positions=places)


@EACH_POLICY
@pytest.mark.parametrize(
    ("value", "centers"), [(0.0, None), (1.0, 2), (None, None)], ids=str
)
def test_constant_images(policy, value, centers):
    """Through a whole model; without a value, each is -1 or 1."""
    model = make_discovery(policy, centers)
    image = np.sign(numbers(0, 2, 4, 6, 3))
    if value is not None:
        image = np.full_like(image, value)
    run_finite(model, [image], model.trainable_weights)


@HALF
def test_training_in_half_precision_stays_finite(policy):
    """Four steps at a rate that is too high."""
    model = make_discovery(policy)
    optimizer = keras.optimizers.Adam(0.05)
    model.compile(optimizer, run_eagerly=EAGERLY)
    image = np.sign(numbers(0, 2, 4, 6, 3))
    for _ in range(4):
        assert np.isfinite(model.train_on_batch(image))
    assert all(np.all(np.isfinite(w)) for w in model.get_weights())


@pytest.mark.parametrize("size", [1e-30, 1e4, 1e15])
def test_losses_of_very_small_and_large_sets(size):
    y_true = size * numbers(0, 2, 3, 5)

    def loss(y_pred):
        return HungarianHuberLoss(reduction="none")(y_true, y_pred)

    run_finite(loss, [size * numbers(1, 2, 4, 5)])


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_cross_entropy_of_confident_mistakes(dtype):
    """A prediction of 0 where there is a 1, and of 1 where there is a 0."""
    y_true = np.array([[[1, 0, 1, 1, 1], [0, 0, 0, 0, 0]]], "float32")

    def loss(y_pred):
        y_pred = ops.cast(y_pred, dtype)
        return HungarianCrossEntropyLoss(reduction="none")(y_true, y_pred)

    wrong = run_finite(loss, [1 - y_true])
    assert np.array(wrong)[0] > 30
    right = run_finite(loss, [y_true])
    np.testing.assert_allclose(right, 0, atol=1e-3)
