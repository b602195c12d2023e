"""The map that tokens come from."""

import pytest

from keras_slots.token_grid import token_grid


@pytest.mark.parametrize(
    ("num_tokens", "image_size", "expected"),
    [
        (1024, (128, 128), (32, 32)),
        (1225, (35, 35), (35, 35)),
        (8, (64, 128), (2, 4)),
        (18, (128, 64), (6, 3)),
        (13 * 18, (50, 70), (13, 18)),  # every fourth pixel, rounded up
        (1, (50, 70), (1, 1)),
        (256, (240, 320), (16, 16)),  # resized to a square
    ],
)
def test_shaped_like_the_images_or_else_square(
    num_tokens, image_size, expected
):
    assert token_grid(num_tokens, image_size) == expected


def test_what_is_given_wins():
    assert token_grid(16, (64, 64), (2, 8)) == (2, 8)
    assert token_grid(16, (64, 64), [8, 2]) == (8, 2)


@pytest.mark.parametrize("grid_size", [None, (3, 3), (0, 7), "ab", 7], ids=str)
def test_no_such_map(grid_size):
    message = r"7 tokens .* 64 x 64 pixels.* Received: grid_size="
    with pytest.raises(ValueError, match=message):
        token_grid(7, (64, 64), grid_size)
