from pathlib import Path

import keras
import numpy as np
import pytest

from keras_slots.layers import ConvEncoder
from tests.backends import EAGERLY
from tests.weights import assert_every_weight_moved

GOLDEN = Path(__file__).parents[1] / "golden" / "object_discovery_35.npz"


def load_weights(encoder, golden):
    """Puts the authors' weights into the attributes that files refer to."""

    def weights(path, *names):
        return [golden[f"weights/encoder/{path}/{name}"] for name in names]

    for index, conv in enumerate(encoder.convs):
        conv.set_weights(weights(f"conv{index}", "kernel", "bias"))
    encoder.position.dense.set_weights(
        weights("position/dense", "kernel", "bias")
    )
    encoder.norm.set_weights(weights("layer_norm", "gamma", "beta"))
    for index, dense in enumerate(encoder.mlp):
        dense.set_weights(weights(f"mlp{index}", "kernel", "bias"))


def small_encoder(**kwargs):
    return ConvEncoder(filters=(4, 6), mlp_sizes=(5, 7), **kwargs)


def draw_images(height=9, width=8, batch=2):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, size=(batch, height, width, 3)).astype("float32")


def test_golden_tokens_of_table_4():
    golden = np.load(GOLDEN)
    encoder = ConvEncoder(filters=(32, 32, 32, 32), mlp_sizes=(32, 32))
    encoder.build((None, None, None, 3))
    load_weights(encoder, golden)
    expected = golden["outputs/tokens"]
    np.testing.assert_allclose(
        encoder(golden["image"]),
        expected,
        atol=1e-4 * np.abs(expected).max(),
    )


def test_defaults_are_table_3():
    encoder = ConvEncoder()
    encoder.build((None, 128, 128, 3))
    kernels = [tuple(conv.kernel.shape) for conv in encoder.convs]
    assert kernels == [(5, 5, 3, 64)] + 3 * [(5, 5, 64, 64)]
    assert [conv.strides for conv in encoder.convs] == 4 * [(1, 1)]
    assert [d.activation.__name__ for d in encoder.mlp] == ["relu", "linear"]
    assert encoder.norm.epsilon == 1e-3
    assert len(encoder.trainable_weights) == 8 + 2 + 2 + 4


def test_shapes_of_property_prediction():
    # The starred strides of table 3: 128 x 128 pixels, 32 x 32 tokens.
    encoder = ConvEncoder(strides=(1, 2, 2, 1))
    assert encoder.grid_size(128, 128) == (32, 32)
    assert encoder.compute_output_shape((None, 128, 128, 3)) == (None, 1024, 64)
    assert encoder(draw_images(128, 128, 1)).shape == (1, 1024, 64)


@pytest.mark.parametrize("strides", [1, 2, (1, 3), (3, 2)])
@pytest.mark.parametrize(("height", "width"), [(9, 8), (7, 12), (1, 5)])
def test_shapes_agree(height, width, strides):
    encoder = small_encoder(strides=strides)
    tokens = encoder(draw_images(height, width))
    rows, columns = encoder.grid_size(height, width)
    assert tokens.shape == (2, rows * columns, 7)
    shape = (None, height, width, 3)
    assert encoder.compute_output_shape(shape) == (None, rows * columns, 7)
    assert encoder(keras.Input(shape[1:])).shape == (None, rows * columns, 7)


def test_size_unknown_until_the_call():
    encoder = small_encoder(strides=2)
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, encoder(inputs))
    assert model.output_shape == (None, None, 7)
    assert encoder.grid_size(None, 8) == (None, 2)
    for height, width in [(9, 8), (4, 13)]:
        images = draw_images(height, width)
        np.testing.assert_allclose(
            model.predict(images, verbose=0), encoder(images), atol=1e-6
        )


def test_one_layer_of_the_mlp_has_no_activation():
    encoder = ConvEncoder(filters=(4,), mlp_sizes=(5,))
    assert np.min(np.array(encoder(draw_images()))) < 0


def test_without_mlp_tokens_are_normalized_features():
    tokens = ConvEncoder(filters=(4, 6), mlp_sizes=())(draw_images())
    assert tuple(tokens.shape) == (2, 72, 6)
    np.testing.assert_allclose(np.mean(np.array(tokens), axis=-1), 0, atol=1e-5)


def test_weight_names():
    encoder = small_encoder(name="encoder")
    encoder.build((None, None, None, 3))
    assert sorted(weight.path for weight in encoder.weights) == [
        "encoder/conv0/bias",
        "encoder/conv0/kernel",
        "encoder/conv1/bias",
        "encoder/conv1/kernel",
        "encoder/mlp0/bias",
        "encoder/mlp0/kernel",
        "encoder/mlp1/bias",
        "encoder/mlp1/kernel",
        "encoder/norm/beta",
        "encoder/norm/gamma",
        "encoder/position/dense/bias",
        "encoder/position/dense/kernel",
    ]


def test_every_weight_learns():
    inputs = keras.Input((9, 8, 3))
    model = keras.Model(inputs, small_encoder()(inputs))
    model.compile("adam", "mse", run_eagerly=EAGERLY)
    before = model.get_weights()
    model.fit(draw_images(), np.ones((2, 72, 7)), verbose=0)
    assert_every_weight_moved(model, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": ()}, "`filters` must have at least one entry"),
        ({"filters": 64}, "`filters` must be a list or tuple of positive"),
        ({"filters": (4, 0)}, r"`filters\[1\]` must be a positive integer"),
        ({"kernel_sizes": 0}, "`kernel_sizes` must be a positive integer"),
        ({"kernel_sizes": 2.5}, "`kernel_sizes` must be a positive integer"),
        ({"kernel_sizes": (3,)}, "`kernel_sizes` must be an integer or have 4"),
        ({"strides": (1, 2)}, "`strides` must be an integer or have 4"),
        ({"strides": True}, "`strides` must be a positive integer"),
        ({"mlp_sizes": (8, -1)}, r"`mlp_sizes\[1\]` must be a positive"),
        ({"num_frequencies": -1}, "`num_frequencies` must be a non-negative"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvEncoder(**arguments)


def test_bad_rank():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        small_encoder()(np.zeros((2, 9, 8)))


def test_without_position_embedding_the_place_of_a_pixel_does_not_show():
    """Figure 2: only the border, where the padding begins, shows a place."""
    image = np.ones((1, 24, 24, 3), "float32")
    told = small_encoder()(image)
    untold = small_encoder(use_position_embedding=False)(image)
    inner = [24 * row + column for row in (9, 12) for column in (9, 12)]
    assert np.ptp(np.array(told)[0, inner], axis=0).max() > 0.01
    np.testing.assert_allclose(
        np.ptp(np.array(untold)[0, inner], axis=0), 0.0, atol=1e-5
    )
