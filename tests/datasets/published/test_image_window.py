"""Crops and sizes: rows before columns, images smooth, masks never mixed."""

import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets.published.image_window import ImageWindow

PAPER = ((29, 221), (64, 256))
CLEVR = (240, 320, 3)


def test_rows_come_before_columns():
    """The supplement's "width" are rows, as an image has no row 256."""
    rows, columns = np.mgrid[:240, :320]
    image = np.stack([rows, columns % 256, columns // 256], -1).astype("uint8")
    window = ImageWindow(PAPER, None, CLEVR)
    assert window.image_shape == (192, 192, 3)
    assert window.mask_shape == (192, 192)
    cropped = window.image(tf.constant(image[None]))[0].numpy().astype(int)
    assert cropped[0, 0].tolist() == [29, 64, 0]
    assert cropped[-1, -1].tolist() == [220, 255, 0]
    mask = window.mask(tf.constant(rows[None].astype("uint8")))[0]
    np.testing.assert_array_equal(mask, rows[29:221, 64:256])


def test_images_are_resized_bilinearly_without_smoothing():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (2, *CLEVR), "uint8")
    window = ImageWindow(PAPER, 128, CLEVR)
    assert window.image_shape == (128, 128, 3)
    # Two thirds: the middle of pixel i lies at (i + 0.5) * 1.5 - 0.5.
    place = (np.arange(128) + 0.5) * 1.5 - 0.5
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, 191)
    share = (place - low)[:, None, None]
    crop = image[:, 29:221, 64:256].astype("float64")
    expected = crop[:, low] * (1 - share) + crop[:, high] * share
    share = share[:, 0]
    expected = expected[:, :, low] * (1 - share) + expected[:, :, high] * share
    resized = window.image(tf.constant(image)).numpy()
    assert resized.dtype == "uint8"
    assert np.abs(resized - expected).max() <= 0.5 + 1e-3


def test_masks_are_resized_to_the_nearest_pixel():
    rng = np.random.default_rng(0)
    # Labels that no mean of others gives.
    mask = rng.choice(np.array([0, 1, 10], "uint8"), (2, 240, 320))
    window = ImageWindow(PAPER, 128, CLEVR)
    resized = window.mask(tf.constant(mask)).numpy()
    assert resized.shape == (2, 128, 128) and resized.dtype == "uint8"
    nearest = np.floor((np.arange(128) + 0.5) * 1.5).astype(int)
    crop = mask[:, 29:221, 64:256]
    np.testing.assert_array_equal(resized, crop[:, nearest][:, :, nearest])


def test_height_and_width_may_differ_and_videos_are_frames():
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (2, 5, 16, 24, 3), "uint8")
    window = ImageWindow(((4, 16), (0, 12)), (6, 3), video.shape[1:])
    assert window.image_shape == (5, 6, 3, 3)
    assert window.mask_shape == (5, 6, 3)
    alone = ImageWindow(((4, 16), (0, 12)), (6, 3), (16, 24, 3))
    images = window.image(tf.constant(video))
    masks = window.mask(tf.constant(video[..., 0]))
    for i in range(2):
        np.testing.assert_array_equal(images[i], alone.image(video[i]))
        np.testing.assert_array_equal(masks[i], alone.mask(video[i, ..., 0]))


def test_nothing_asked_is_nothing_done():
    image = np.random.default_rng(0).integers(0, 256, (1, 35, 35, 3), "uint8")
    window = ImageWindow(None, None, (35, 35, 3))
    np.testing.assert_array_equal(window.image(tf.constant(image)), image)
    assert window.crop == ((0, 35), (0, 35)) and window.size == (35, 35)


@pytest.mark.parametrize(
    "crop",
    [
        ((64, 256), (29, 221)),
        ((29, 221), (64, 321)),
        ((-1, 221), (64, 256)),
        ((29, 29), (64, 256)),
        ((29.5, 221), (64, 256)),
        (29, 221, 64, 256),
        "paper",
        192,
    ],
    ids=str,
)
def test_crops_outside_the_image_are_named(crop):
    message = "^`crop` must be .* within 240 rows and 320 columns"
    with pytest.raises(ValueError, match=message) as error:
        ImageWindow(crop, None, CLEVR)
    assert str(error.value).endswith(f"Received: crop={crop!r}")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "`size` must be a positive integer. Received: size=0"),
        ("128", "`size` must be a positive integer. Received: size='128'"),
        (
            (128, 1.5),
            "`size[1]` must be a positive integer. Received: size[1]=1.5",
        ),
        (
            (1, 2, 3),
            "`size` must be an integer or have 2 entries. "
            "Received: size=(1, 2, 3)",
        ),
    ],
    ids=str,
)
def test_sizes_that_are_none_are_named(size, message):
    with pytest.raises(ValueError) as error:
        ImageWindow(None, size, CLEVR)
    assert str(error.value) == message
