import keras
import numpy as np
import pytest

from keras_slots.layers import ConvEncoder


def draw_images(height, width):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, size=(2, height, width, 3))
    return images.astype("float32")


def make_encoder(strides=(2, 2), **kwargs):
    arguments = {"filters": (4, 6), "mlp_sizes": (5, 7), **kwargs}
    return ConvEncoder(strides=strides, append_color=True, **arguments)


@pytest.mark.parametrize("mlp_sizes", [(5, 7), ()])
@pytest.mark.parametrize("strides", [1, 2, (1, 3)])
def test_each_token_carries_the_mean_color_under_it(strides, mlp_sizes):
    encoder = make_encoder(strides, mlp_sizes=mlp_sizes)
    images = draw_images(12, 24)
    tokens = keras.ops.convert_to_numpy(encoder(images))
    rows, columns = encoder.grid_size(12, 24)
    cells = images.reshape(2, rows, 12 // rows, columns, 24 // columns, 3).mean(
        axis=(2, 4)
    )
    kernel, bias = encoder.color.get_weights()
    expected = cells.reshape(2, rows * columns, 3) @ kernel + bias
    size = tokens.shape[-1] // 2
    assert size == (mlp_sizes[-1] if mlp_sizes else 6)
    np.testing.assert_allclose(tokens[..., size:], expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(9, 8), (7, 12), (1, 5)])
def test_shapes_agree(height, width):
    encoder = make_encoder()
    rows, columns = encoder.grid_size(height, width)
    shape = (2, rows * columns, 14)
    assert encoder(draw_images(height, width)).shape == shape
    assert encoder.compute_output_shape((2, height, width, 3)) == shape
