"""What SlotAttention computes: golden files, Algorithm 1, soft k-means."""

import keras
import numpy as np
import pytest

from keras_slots import SlotAttention
from tests.algorithm_1 import algorithm_1, softmax
from tests.golden_weights import (
    assert_close,
    initial_slots,
    load_golden,
    put_into_slot_attention,
)

ALGORITHM_ARGUMENTS = (
    "num_iterations",
    "epsilon",
    "aggregation",
    "softmax_axis",
    "update",
    "use_layer_norm",
    "use_mlp",
    "use_projections",
    "temperature",
    "epsilon_position",
    "num_heads",
)


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("float32")


def randomized_layer(num_features=6, **kwargs):
    """A layer none of whose weights is at its first value."""
    layer = SlotAttention(3, 6, mlp_hidden_size=5, **kwargs)
    layer.build((None, None, num_features))
    for seed, weight in enumerate(layer.weights):
        noise = draw(*weight.shape, seed=seed)
        weight.assign(np.array(weight) + 0.3 * noise)
    return layer


def weights_by_path(layer):
    return {
        weight.path.removeprefix(f"{layer.name}/"): np.array(weight, "float64")
        for weight in layer.weights
    }


def test_golden_slots_and_attention_of_every_iteration():
    golden = load_golden("object_discovery_35")
    layer = SlotAttention(num_slots=4, slot_size=64)
    layer.build((None, None, 32))
    put_into_slot_attention(layer, golden)
    slots, attention = layer(
        golden["outputs/tokens"],
        initial_slots=initial_slots(golden),
        return_attention_scores=True,
        return_all_iterations=True,
    )  # (B, T, K, D), (B, T, K, N)
    expected_slots = golden["outputs/slots_per_iteration"]  # (T, B, K, D)
    expected_attention = golden["outputs/attention"]  # (T, B, N, K)
    for step in range(3):
        assert_close(slots[:, step], expected_slots[step])
        assert_close(
            attention[:, step], expected_attention[step].transpose(0, 2, 1)
        )
    assert_close(slots[:, -1], golden["outputs/slots"])


def check_algorithm_1(arguments, num_tokens):
    layer = randomized_layer(**arguments)
    inputs, start = draw(2, num_tokens, 6), draw(2, 3, 6, seed=1)
    slots, attention = layer(
        inputs,
        initial_slots=start,
        return_attention_scores=True,
        return_all_iterations=True,
    )
    options = {
        name: value
        for name, value in arguments.items()
        if name in ALGORITHM_ARGUMENTS
    }
    for example in range(2):
        expected_slots, expected_attention = algorithm_1(
            inputs[example], start[example], weights_by_path(layer), **options
        )
        assert_close(slots[example], expected_slots, 1e-5)
        assert_close(attention[example], expected_attention, 1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_iterations": 1},
        {"epsilon": 0.5},
        {"epsilon": 0.5, "epsilon_position": "denominator"},
        {"aggregation": "weighted_sum"},
        {"aggregation": "weighted_sum_layer_norm"},
        {"aggregation": "scaled_sum"},
        {"softmax_axis": "inputs"},
        {"softmax_axis": "inputs", "aggregation": "weighted_sum"},
        {"slot_initialization": "per_slot_gaussian"},
        {"slot_initialization": "learned"},
        {"update": "none"},
        {"use_layer_norm": False},
        {"use_mlp": False},
        {"use_projections": False},
        {"temperature": 0.7},
        {"num_heads": 2},
        {"num_heads": 3, "softmax_axis": "inputs"},
        {"num_heads": 2, "aggregation": "weighted_sum_layer_norm"},
        {"gradient": "implicit"},
        {"gradient": "bilevel"},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())) or "default",
)
def test_equals_algorithm_1(arguments):
    check_algorithm_1(arguments, num_tokens=40)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_heads": 2},
        {"use_layer_norm": False},
        {"use_projections": False},
        {"gradient": "bilevel"},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())) or "default",
)
def test_equals_algorithm_1_of_few_tokens(arguments):
    """Of which keys and values are formed, see `test_token_projections.py`."""
    check_algorithm_1(arguments, num_tokens=5)


def test_tokens_and_slots_may_have_other_sizes():
    layer = randomized_layer(num_features=10)
    inputs, start = draw(1, 7, 10), draw(1, 3, 6, seed=1)
    expected, _ = algorithm_1(inputs[0], start[0], weights_by_path(layer))
    assert_close(layer(inputs, initial_slots=start)[0], expected[-1], 1e-5)


def test_soft_k_means_is_a_setting():
    layer = SlotAttention(
        3,
        6,
        num_iterations=5,
        update="none",
        use_layer_norm=False,
        use_mlp=False,
        use_projections=False,
        temperature=1.0,
    )
    points, start = draw(1, 50, 6), draw(1, 3, 6, seed=1)
    means = start[0].astype("float64")
    for _ in range(5):
        shares = softmax(points[0] @ means.T, axis=1)  # (N, K)
        means = (shares.T @ points[0]) / shares.sum(axis=0)[:, None]
    assert_close(layer(points, initial_slots=start)[0], means, 1e-5)
    trainable = {weight.path.split("/")[1] for weight in layer.weights}
    assert trainable == {"initial"}


def test_first_slots_have_the_learned_distribution():
    layer = SlotAttention(500, 4, seed=3)
    layer.build((None, None, 2))
    layer.initial.mu.assign([[[0.0, 1.0, -2.0, 5.0]]])
    layer.initial.log_sigma.assign(np.log([[[1.0, 0.1, 2.0, 0.5]]]))
    drawn = np.array(layer.initial.draw(20, 500)).reshape(-1, 4)
    np.testing.assert_allclose(drawn.mean(axis=0), [0, 1, -2, 5], atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), [1, 0.1, 2, 0.5], rtol=0.05)
    correlation = np.corrcoef(drawn.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.05


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("shared_gaussian", 1), ("per_slot_gaussian", 3), ("learned", 3)],
    ids=str,
)
def test_each_initialization_has_its_parameters(kind, rows):
    layer = SlotAttention(3, 6, slot_initialization=kind)
    layer.build((None, None, 2))
    names = ["mu"] if kind == "learned" else ["mu", "log_sigma"]
    weights = layer.initial.trainable_weights
    assert [weight.name for weight in weights] == names
    assert {tuple(weight.shape) for weight in weights} == {(1, rows, 6)}


def test_learned_slots_have_no_noise():
    layer = SlotAttention(3, 6, slot_initialization="learned")
    inputs = draw(2, 5, 6)
    first, second = layer(inputs), layer(inputs)
    np.testing.assert_array_equal(first, second)
    start = np.repeat(np.array(layer.initial.mu), 2, axis=0)
    np.testing.assert_array_equal(layer(inputs, initial_slots=start), first)


def test_weight_names_are_a_file_format():
    layer = SlotAttention(
        3, 6, num_heads=2, aggregation="weighted_sum_layer_norm", name="slots"
    )
    layer.build((None, None, 4))
    assert {weight.path for weight in layer.weights} == {
        "slots/initial/mu",
        "slots/initial/log_sigma",
        "slots/attention/query_kernel",
        "slots/attention/key_kernel",
        "slots/attention/value_kernel",
        "slots/attention/norm_inputs/gamma",
        "slots/attention/norm_inputs/beta",
        "slots/attention/norm_slots/gamma",
        "slots/attention/norm_slots/beta",
        "slots/attention/norm_updates/gamma",
        "slots/attention/norm_updates/beta",
        "slots/attention/mix_heads/kernel",
        "slots/attention/mix_heads/bias",
        "slots/updating/gru/kernel",
        "slots/updating/gru/recurrent_kernel",
        "slots/updating/gru/bias",
        "slots/updating/norm_mlp/gamma",
        "slots/updating/norm_mlp/beta",
        "slots/updating/mlp_hidden/kernel",
        "slots/updating/mlp_hidden/bias",
        "slots/updating/mlp_output/kernel",
        "slots/updating/mlp_output/bias",
    }


def test_equal_kernels_do_not_start_with_equal_values():
    """One initializer with a seed serves several kernels of one shape."""
    initializer = keras.initializers.RandomNormal()
    layer = SlotAttention(3, 6, kernel_initializer=initializer)
    layer.build((None, None, 6))
    attention = layer.attention
    keys, values = attention.key_kernel, attention.value_kernel
    assert not np.allclose(keys, values)
    assert not np.allclose(keys, attention.query_kernel)
