"""A decoder that draws every slot around its center."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SpatialBroadcastDecoder
from keras_slots.layers.decoder.centered_position_embed import cell_positions

B, K, D = 2, 3, 8


def make_decoder(**kwargs):
    settings = {
        "grid_size": 8,
        "filters": (16,),
        "kernel_sizes": 1,
        "output_kernel_size": 1,
        "center_frequencies": 3,
        **kwargs,
    }
    return SpatialBroadcastDecoder(**settings)


@pytest.fixture
def slots():
    return keras.random.normal((B, K, D), seed=0)


def test_moving_a_center_by_a_pixel_moves_the_drawing(slots):
    decoder = make_decoder()
    pixel = 2 / 7  # Between neighbors of 8 pixels from -1 to 1.
    centers = ops.zeros((B, K, 2))
    _, still, _ = decoder(slots, centers=centers)
    _, moved, _ = decoder(slots, centers=centers + ops.array([pixel, 0.0]))
    np.testing.assert_allclose(
        moved[:, :, 1:], still[:, :, :-1], rtol=1e-4, atol=1e-5
    )


def test_a_cut_image_has_its_own_corners(slots):
    """Of 5 cells of 2 pixels, 9 pixels are left: each 1/4 of its neighbor."""
    decoder = make_decoder(grid_size=5, patch_size=2, output_size=9)
    centers = ops.zeros((B, K, 2))
    _, still, _ = decoder(slots, centers=centers)
    _, moved, _ = decoder(slots, centers=centers + ops.array([2 / 4, 0.0]))
    np.testing.assert_allclose(
        moved[:, :, 2:], still[:, :, :-2], rtol=1e-4, atol=1e-5
    )


def test_cells_stand_on_their_middle_pixels():
    """Cells of 3 pixels: the first middle is the second pixel of 6."""
    positions = cell_positions((2, 2), (6, 6), pixels_per_cell=3)
    middle = 2 * 1 / 5 - 1
    expected = [
        [middle, middle],
        [middle, -middle],
        [-middle, middle],
        [-middle, -middle],
    ]
    np.testing.assert_allclose(positions, expected, atol=1e-6)


def test_steep_falloff_gives_every_pixel_to_the_nearest_slot(slots):
    decoder = make_decoder(mask_falloff=1e6)
    centers = np.random.default_rng(0).uniform(-1, 1, (B, K, 2))
    _, _, masks = decoder(slots, centers=centers.astype("float32"))
    axis = np.linspace(-1, 1, 8)
    pixels = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    distances = np.square(pixels - centers[:, :, None, None]).sum(-1)
    nearest = distances.argmin(1)  # (B, H, W)
    masks = ops.convert_to_numpy(masks)[..., 0]
    np.testing.assert_array_equal(masks.argmax(1), nearest)


def test_slot_corrects_its_center(slots):
    decoder = make_decoder()
    decoder.build(slots.shape)
    decoder.position.correction.bias.assign([0.3, -0.2])
    _, corrected, _ = decoder(slots, centers=ops.zeros((B, K, 2)))
    decoder.position.correction.bias.assign([0.0, 0.0])
    shift = ops.broadcast_to(ops.array([0.3, -0.2]), (B, K, 2))
    _, shifted, _ = decoder(slots, centers=shift)
    np.testing.assert_allclose(corrected, shifted, rtol=1e-5, atol=1e-5)


def test_centers_and_frequencies_go_together(slots):
    with pytest.raises(ValueError, match="`centers` and `center_frequencies`"):
        make_decoder()(slots)
    plain = make_decoder(center_frequencies=None)
    with pytest.raises(ValueError, match="`centers` and `center_frequencies`"):
        plain(slots, centers=ops.zeros((B, K, 2)))


def test_falloff_needs_centers():
    with pytest.raises(ValueError, match=r"mask_falloff=1\.0"):
        make_decoder(center_frequencies=None, mask_falloff=1.0)


def test_penalty_is_the_mean_square_of_the_drawn_logits(slots):
    """Of what the layers draw, before the falloff: masks of one slot."""
    decoder = make_decoder(mask_falloff=5.0, mask_penalty=0.5)
    decoder(slots, centers=ops.zeros((B, K, 2)))
    plain = SpatialBroadcastDecoder.from_config(
        {**decoder.get_config(), "mask_falloff": 0.0, "mask_penalty": 0.0}
    )
    plain.build(slots.shape)
    plain.set_weights(decoder.get_weights())
    drawn = plain._decode(slots, ops.zeros((B, K, 2)))
    expected = 0.5 * np.mean(np.square(ops.convert_to_numpy(drawn)[..., -1]))
    np.testing.assert_allclose(decoder.losses[0], expected, rtol=1e-5)
    plain(slots, centers=ops.zeros((B, K, 2)))
    assert not plain.losses


def test_penalty_passes_over_slots_that_are_left_out(slots):
    decoder = make_decoder(mask_falloff=5.0, mask_penalty=0.5)
    centers = keras.random.uniform((B, K, 2), seed=1)
    decoder(slots[:, :2], centers=centers[:, :2])
    expected = decoder.losses
    taking_part = np.tile([True, True, False], (B, 1))
    decoder(slots, slot_mask=taking_part, centers=centers)
    np.testing.assert_allclose(
        np.array(decoder.losses[0]), np.array(expected[0]), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["mask_falloff", "mask_penalty"])
@pytest.mark.parametrize("value", [-1.0, "1", float("nan")])
def test_factors_of_masks_are_numbers_from_0_on(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a non-negative"):
        make_decoder(**{name: value})
