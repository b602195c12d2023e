from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import softmax

from keras_slots.layers import SpatialBroadcastDecoder
from tests.backends import EAGERLY
from tests.weights import assert_every_weight_moved

GOLDEN = Path(__file__).parents[2] / "golden" / "object_discovery_35.npz"


def small_decoder(**kwargs):
    arguments = {"grid_size": (5, 4), "filters": (6, 7), **kwargs}
    return SpatialBroadcastDecoder(**arguments)


def draw_slots(batch=2, num_slots=3, size=8):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, num_slots, size)).astype("float32")


def test_golden_images_and_masks_of_table_6():
    golden = np.load(GOLDEN)
    decoder = SpatialBroadcastDecoder(grid_size=35)
    decoder.build((None, None, 64))

    def weights(path):
        path = f"weights/decoder/{path}"
        return [golden[f"{path}/kernel"], golden[f"{path}/bias"]]

    for index, deconv in enumerate(decoder.deconvs):
        deconv.set_weights(weights(f"deconv{index}"))
    decoder.position.dense.set_weights(weights("position/dense"))
    outputs = decoder(golden["outputs/slots"])
    names = ["reconstruction", "slot_reconstructions", "masks"]
    for name, output in zip(names, outputs, strict=True):
        expected = golden[f"outputs/{name}"]
        np.testing.assert_allclose(
            output,
            expected,
            atol=1e-4 * np.abs(expected).max(),
            err_msg=name,
        )


def test_table_5_makes_128_pixels_of_8_cells():
    decoder = SpatialBroadcastDecoder(
        grid_size=8, filters=(64,) * 5, strides=(2, 2, 2, 2, 1)
    )
    decoder.build((None, 7, 64))
    kernels = [tuple(deconv.kernel.shape) for deconv in decoder.deconvs]
    assert kernels == 5 * [(5, 5, 64, 64)] + [(3, 3, 4, 64)]
    activations = [d.activation.__name__ for d in decoder.deconvs]
    assert activations == 5 * ["relu"] + ["linear"]
    assert decoder.compute_output_shape((None, 7, 64)) == (
        (None, 128, 128, 3),
        (None, 7, 128, 128, 3),
        (None, 7, 128, 128, 1),
    )


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ({}, (5, 4)),
        ({"filters": ()}, (5, 4)),
        ({"grid_size": 3, "strides": (2, 3)}, (18, 18)),
        ({"grid_size": [1, 2], "strides": 2, "kernel_sizes": [4, 3]}, (4, 8)),
        ({"patch_size": 3, "output_channels": 1}, (15, 12)),
        ({"strides": (2, 1), "output_size": [9, 8]}, (9, 8)),
        ({"grid_size": 9, "patch_size": 4, "output_size": 35}, (35, 35)),
    ],
    ids=lambda value: str(value),
)
def test_shapes_agree(arguments, size):
    decoder = small_decoder(**arguments)
    outputs = decoder(draw_slots())
    channels = decoder.output_channels
    assert [tuple(output.shape) for output in outputs] == [
        (2, *size, channels),
        (2, 3, *size, channels),
        (2, 3, *size, 1),
    ]
    for known in ((3, 8), (None, 8)):
        symbolic = decoder(keras.Input(known))
        shapes = decoder.compute_output_shape((None, *known))
        assert [output.shape for output in symbolic] == list(shapes)
        assert shapes[1] == (None, known[0], *size, channels)


@pytest.mark.parametrize("output_size", [None, (9, 8)], ids=str)
def test_matches_the_steps_of_section_5_3(output_size):
    """Copy, position, deconvolutions, softmax, mixture: one slot at a time."""
    decoder = small_decoder(strides=(2, 1), output_size=output_size)
    slots = draw_slots()
    image, slot_images, masks = map(np.array, decoder(slots))
    position_map = np.array(decoder.position(np.zeros((1, 5, 4, 8))))
    height, width = output_size or (10, 8)
    for example in range(2):
        decoded = []
        for slot in slots[example]:
            step = np.tile(slot, (1, 5, 4, 1)) + position_map
            for deconv in decoder.deconvs:
                step = deconv(step)
            decoded.append(np.array(step)[0, :height, :width])
        decoded = np.stack(decoded)  # (K, H, W, 4)
        alphas = softmax(decoded[..., 3:], axis=0)
        expected = np.sum(alphas * decoded[..., :3], axis=0)
        np.testing.assert_allclose(image[example], expected, atol=1e-6)
        np.testing.assert_allclose(
            slot_images[example], decoded[..., :3], atol=1e-6
        )
        np.testing.assert_allclose(masks[example], alphas, atol=1e-6)


def test_slots_left_out_have_no_influence():
    decoder = small_decoder()
    slots = draw_slots()
    few = decoder(slots[:, :2])
    slots[:, 2] = np.nan
    image, slot_images, masks = decoder(
        slots, slot_mask=np.array([[True, True, False]] * 2)
    )
    np.testing.assert_allclose(image, few[0], atol=1e-6)
    np.testing.assert_allclose(slot_images[:, :2], few[1], atol=1e-6)
    np.testing.assert_allclose(masks[:, :2], few[2], atol=1e-6)
    np.testing.assert_array_equal(masks[:, 2], 0)


def test_no_slot_at_all_gives_a_black_image():
    image, _, masks = small_decoder()(
        draw_slots(), slot_mask=np.zeros((2, 3), bool)
    )
    np.testing.assert_array_equal(image, 0)
    np.testing.assert_array_equal(masks, 0)


def test_a_single_slot_paints_everything():
    image, slot_images, masks = small_decoder()(draw_slots(num_slots=1))
    np.testing.assert_array_equal(masks, 1)
    np.testing.assert_array_equal(image, slot_images[:, 0])


def test_patches_are_laid_out_row_by_row():
    # Tens tell the cell, ones the pixel of its patch.
    decoder = SpatialBroadcastDecoder(
        grid_size=(2, 3),
        filters=(),
        output_channels=1,
        output_kernel_size=1,
        patch_size=2,
    )
    decoder.build((None, 1, 4))
    decoder.position.dense.set_weights([np.eye(4), np.zeros(4)])
    kernel = np.zeros((1, 1, 2 * 2 * 2, 4))
    kernel[..., ::2, :2] = [10, 20]  # Of y and x, in each pixel's image.
    decoder.deconvs[0].set_weights([kernel, np.array([0, 0, 1, 0, 2, 0, 3, 0])])
    image, _, _ = decoder(np.zeros((1, 1, 4)))
    np.testing.assert_allclose(
        np.array(image)[0, :, :, 0],
        [
            [0, 1, 10, 11, 20, 21],
            [2, 3, 12, 13, 22, 23],
            [10, 11, 20, 21, 30, 31],
            [12, 13, 22, 23, 32, 33],
        ],
    )


def test_kernels_of_size_one_are_an_mlp_for_each_cell():
    decoder = SpatialBroadcastDecoder(
        grid_size=7,
        filters=(16, 16),
        kernel_sizes=1,
        output_kernel_size=1,
        patch_size=5,
    )
    slots = draw_slots()
    _, slot_images, _ = decoder(slots)
    cells = slots[:, :, None, None] + np.array(decoder.position.embedding(7, 7))
    for deconv in decoder.deconvs:
        kernel, bias = deconv.get_weights()
        cells = cells @ kernel[0, 0].T + bias
        if deconv is not decoder.deconvs[-1]:
            cells = np.maximum(cells, 0)
    # Row 11 of the image is row 1 of the patches of row 2 of the cells.
    expected = cells[:, :, 2, 6].reshape(2, 3, 5, 5, 4)[:, :, 1, 3, :3]
    np.testing.assert_allclose(
        np.array(slot_images)[:, :, 11, 33], expected, atol=1e-5
    )


def test_weight_names():
    decoder = small_decoder(name="decoder")
    decoder.build((None, 3, 8))
    assert sorted(weight.path for weight in decoder.weights) == [
        "decoder/deconv0/bias",
        "decoder/deconv0/kernel",
        "decoder/deconv1/bias",
        "decoder/deconv1/kernel",
        "decoder/deconv2/bias",
        "decoder/deconv2/kernel",
        "decoder/position/dense/bias",
        "decoder/position/dense/kernel",
    ]


def test_a_mask_of_slots_is_saved_with_a_model(tmp_path):
    slots = keras.Input((3, 8))
    slot_mask = keras.Input((3,), dtype="bool")
    model = keras.Model(
        [slots, slot_mask], small_decoder()(slots, slot_mask=slot_mask)
    )
    arguments = [draw_slots(), np.array([[1, 1, 0], [1, 1, 1]], bool)]
    expected = model(arguments)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for output, target in zip(loaded(arguments), expected, strict=True):
        np.testing.assert_array_equal(output, target)


def test_every_weight_learns():
    slots = keras.Input((3, 8))
    model = keras.Model(slots, small_decoder(num_frequencies=1)(slots)[0])
    model.compile("adam", "mse", run_eagerly=EAGERLY)
    before = model.get_weights()
    model.fit(draw_slots(), np.ones((2, 5, 4, 3)), verbose=0)
    assert_every_weight_moved(model, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid_size": 0}, "`grid_size` must be a positive integer"),
        ({"grid_size": (3, 4, 5)}, "`grid_size` must be an integer or have 2"),
        ({"filters": (4, 0)}, r"`filters\[1\]` must be a positive integer"),
        ({"kernel_sizes": (3,)}, "`kernel_sizes` must be an integer or have 2"),
        ({"strides": (1, 2, 1)}, "`strides` must be an integer or have 2"),
        ({"output_channels": 0}, "`output_channels` must be a positive intege"),
        ({"output_kernel_size": 1.5}, "`output_kernel_size` must be a positiv"),
        ({"patch_size": -1}, "`patch_size` must be a positive integer"),
        ({"num_frequencies": -1}, "`num_frequencies` must be a non-negative"),
        ({"output_size": (5, 5)}, r"the decoded size, \(5, 4\)"),
        ({"output_size": (4, 4)}, "smaller by less than one cell"),
        (
            {"output_size": 35, "grid_size": 8, "strides": (4, 2)},
            r"\(64, 64\), or smaller by less .* 8 pixels\. "
            "Received: output_size=35",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        small_decoder(**arguments)


def test_bad_shapes():
    decoder = small_decoder()
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        decoder(np.zeros((2, 8)))
    with pytest.raises(ValueError, match=r"`slot_mask` must .*here \(2, 3\)"):
        decoder(draw_slots(), slot_mask=np.ones((2, 4), bool))
    with pytest.raises(ValueError, match=r"`slot_mask` must have shape \(B, K"):
        decoder(draw_slots(), slot_mask=np.ones((2, 3, 1), bool))
