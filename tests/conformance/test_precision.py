"""Under half precision: finite, in the dtype of the policy, weights exact."""

import keras
import numpy as np
import pytest

from tests.backends import BACKEND
from tests.conformance.descriptors import (
    LAYERS,
    MODELS,
    arrays,
    build_by_call,
    each,
    is_variant,
)

POLICIES = pytest.mark.parametrize(
    "policy",
    ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)],
)

# They compute in float32 under every policy.
EXACT_LAYERS = {
    # Places, of which a fraction of a pixel counts.
    "reach",
    "tell_place",
    "tell_shape",
    "correction",
    "place",
    # A search, in many small steps.
    "set_descent",
    "set_encoder",
    "element_hidden",
    "element_features",
    "sort_pool",
}


@pytest.fixture
def global_policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    yield
    keras.config.set_dtype_policy(before)


def check(descriptor, instance, policy):
    dtype = descriptor.output_dtype or policy.removeprefix("mixed_")
    outputs = descriptor.call(instance, **descriptor.inputs)
    symbolic = instance(**descriptor.keras_inputs())
    if BACKEND == "torch":  # Keras casts no weights in its symbolic calls.
        symbolic = []
    for leaf in keras.tree.flatten([outputs, symbolic]):
        assert keras.ops.dtype(leaf) == dtype
    for leaf in arrays(outputs):
        assert np.all(np.isfinite(leaf))
    assert {weight.dtype for weight in instance.weights} == {"float32"}
    inside = instance._flatten_layers(include_self=True, recursive=True)
    for layer in inside:
        expected = "float32" if layer.name in EXACT_LAYERS else policy
        assert layer.dtype_policy.name == expected, layer.name


@POLICIES
@each(LAYERS, slow=is_variant)
def test_policy_of_a_layer(descriptor, policy):
    check(descriptor, build_by_call(descriptor, dtype=policy), policy)


@POLICIES
@each(MODELS, slow=is_variant)
def test_global_policy(descriptor, policy, global_policy):
    check(descriptor, build_by_call(descriptor), policy)


@POLICIES
@each(LAYERS + MODELS, slow=is_variant)
def test_results_are_near_those_in_float32(descriptor, policy):
    exact = build_by_call(descriptor)
    config = keras.saving.serialize_keras_object(exact)
    half = keras.saving.deserialize_keras_object(_with_policy(config, policy))
    descriptor.call(half, **descriptor.inputs)
    half.set_weights(exact.get_weights())
    for output, target in zip(
        arrays(descriptor.call(half, **descriptor.inputs)),
        arrays(descriptor.call(exact, **descriptor.inputs)),
        strict=True,
    ):
        size = max(1, np.abs(target).max())
        if BACKEND == "tensorflow":
            np.testing.assert_allclose(output, target, rtol=0, atol=0.05 * size)
        # From the weights that others draw, a few pixels differ by more.
        assert np.sqrt(np.mean((output - target) ** 2)) < 0.03 * size


def _with_policy(config, policy):
    """A configuration with every dtype policy in it replaced."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": policy}}
        return {
            name: _with_policy(value, policy) for name, value in config.items()
        }
    return config
