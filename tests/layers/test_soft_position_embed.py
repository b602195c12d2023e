import keras
import numpy as np
import pytest

from keras_slots.layers import SoftPositionEmbed
from tests.backends import EACH_JIT


def describe_positions(height, width, num_frequencies=0):
    """Section 5.2 in NumPy, from `linspace` and `meshgrid`."""
    y, x = np.meshgrid(
        np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij"
    )
    features = [y, x, 1 - y, 1 - x]
    for axis in (y, x):
        for wave in (np.sin, np.cos):
            for f in range(num_frequencies):
                features.append(wave(np.pi / 2 * 2**f * (2 * axis - 1)))
    return np.stack(features, axis=-1)


def build_layer(size=6, num_frequencies=0, **kwargs):
    layer = SoftPositionEmbed(num_frequencies, **kwargs)
    layer.build((None, None, None, size))
    layer.dense.bias.assign(np.linspace(-1, 1, size))
    return layer


@pytest.mark.parametrize("num_frequencies", [0, 1, 3])
@pytest.mark.parametrize(
    ("height", "width"), [(35, 35), (4, 7), (1, 5), (5, 1), (1, 1)]
)
def test_adds_the_projected_description(height, width, num_frequencies):
    layer = build_layer(num_frequencies=num_frequencies)
    kernel, bias = layer.dense.get_weights()
    assert kernel.shape == (4 + 4 * num_frequencies, 6)
    inputs = np.random.default_rng(0).normal(size=(2, height, width, 6))
    description = describe_positions(height, width, num_frequencies)
    np.testing.assert_allclose(
        layer(inputs), inputs + description @ kernel + bias, atol=2e-6
    )


def test_first_row_and_column_are_at_zero():
    layer = build_layer(size=4)
    layer.dense.set_weights([np.eye(4), np.zeros(4)])
    embedding = np.array(layer.embedding(3, 5))  # Of y, x, 1 - y, 1 - x.
    assert embedding.shape == (1, 3, 5, 4)
    np.testing.assert_allclose(embedding[0, 0, 0], [0, 0, 1, 1])
    np.testing.assert_allclose(embedding[0, 2, 0], [1, 0, 0, 1])
    np.testing.assert_allclose(embedding[0, 1, 1], [0.5, 0.25, 0.5, 0.75])


@EACH_JIT
def test_size_unknown_until_the_call(jit_compile):
    inputs = keras.Input((None, None, 6))
    layer = SoftPositionEmbed(num_frequencies=1)
    model = keras.Model(inputs, layer(inputs))
    model.compile(jit_compile=jit_compile)
    assert model.output_shape == (None, None, None, 6)
    for height, width in [(3, 5), (8, 2)]:
        images = np.random.default_rng(0).normal(size=(2, height, width, 6))
        np.testing.assert_allclose(
            model.predict(images, verbose=0), layer(images), atol=1e-6
        )


def test_numbers_of_weights():
    layer = build_layer()
    assert [w.path.split("/", 1)[1] for w in layer.weights] == [
        "dense/kernel",
        "dense/bias",
    ]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    layer = build_layer(num_frequencies=2, dtype=policy)
    assert layer.dense.dtype_policy.name == policy
    inputs = np.zeros((1, 100, 100, 6), "float32")
    output = layer(inputs)
    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype
    assert all(w.dtype == "float32" for w in layer.weights)
    exact = build_layer(num_frequencies=2)
    exact.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        keras.ops.cast(output, "float32"), exact(inputs), atol=0.05
    )


@pytest.mark.parametrize("num_frequencies", [-1, 1.5, True, None])
def test_bad_number_of_frequencies(num_frequencies):
    with pytest.raises(ValueError, match="`num_frequencies` must be a non-"):
        SoftPositionEmbed(num_frequencies)


def test_bad_rank():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        SoftPositionEmbed()(np.zeros((2, 9, 4)))
