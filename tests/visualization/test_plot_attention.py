"""The picture of what slots attend to."""

import keras
import numpy as np
import pytest

from keras_slots import SlotAttention
from keras_slots.visualization import plot_attention
from keras_slots.visualization.slot_colors import slot_colors
from tests.visualization.scenes import places, shown, titles

pytest.importorskip("matplotlib")


def make_attention(batch=2, iterations=3, slots=4, height=8, width=12):
    """Black scenes, and slots that attend to a vertical stripe each.

    They do so more clearly from one iteration to the next, on half as many
    rows and columns as the scenes have.
    """
    images = -np.ones((batch, height, width, 3), "float32")
    columns = np.arange(width // 2) * slots // (width // 2)
    owners = np.broadcast_to(columns, (height // 2, width // 2)).ravel()
    hard = np.eye(slots)[:, owners]  # (K, N)
    clear = np.linspace(0, 1, iterations)[:, None, None]
    attention = clear * hard + (1 - clear) / slots  # (T, K, N)
    attention = np.broadcast_to(attention, (batch, *attention.shape))
    return images, attention.astype("float32")


def labels(figure):
    return [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel()]


def test_one_row_per_iteration_one_column_per_slot():
    images, attention = make_attention()
    figure = plot_attention(images, attention)
    assert len(figure.axes) == 2 * 3 * 6
    slots = [f"Slot {k}" for k in range(1, 5)]
    assert titles(figure) == 2 * ["Scene", "All slots", *slots]
    assert labels(figure) == 2 * ["t = 1", "t = 2", "t = 3"]
    # The scene stands once beside its iterations.
    with_picture = [len(axis.get_images()) for axis in figure.axes[::6]]
    assert with_picture == [1, 0, 0, 1, 0, 0]


def test_one_row_per_scene_without_iterations():
    images, attention = make_attention()
    figure = plot_attention(images, attention[:, -1])
    assert len(figure.axes) == 2 * 6
    assert len(titles(figure)) == 6
    assert labels(figure) == []
    for axis in figure.axes:
        assert axis.get_images()[0].get_interpolation() == "nearest"


def test_light_of_the_slots_colors():
    images, attention = make_attention(batch=1)
    rows = np.reshape(plot_attention(images, attention).axes, (3, 6))
    colors = slot_colors(4)
    stripes = np.arange(6) * 4 // 6
    expected = np.repeat(0.6 * colors[stripes], 2, axis=0)  # each token twice
    for line in shown(rows[2, 1]):
        np.testing.assert_allclose(line, expected, atol=1e-6)
    for k in range(4):
        picture = shown(rows[2, 2 + k])
        seen = np.repeat(stripes == k, 2)
        target = np.where(seen[:, None], 0.6 * colors[k], 0)
        np.testing.assert_allclose(picture[3], target, atol=1e-6)
        even = shown(rows[0, 2 + k])  # before slots differ
        np.testing.assert_allclose(
            even, np.broadcast_to(0.15 * colors[k], even.shape), atol=1e-6
        )
        frame = rows[0, 2 + k].spines["left"].get_edgecolor()
        np.testing.assert_allclose(frame[:3], colors[k])


def test_the_scene_is_seen_in_grey():
    images, attention = make_attention(batch=1)
    dark = plot_attention(images, attention)
    images[..., 0] = 1.0  # red: a third of the light
    red = plot_attention(images, attention)
    np.testing.assert_allclose(shown(red.axes[0])[0, 0], [1, 0, 0])
    for axis, without in zip(red.axes[1:6], dark.axes[1:6], strict=True):
        np.testing.assert_allclose(
            shown(axis), shown(without) + 0.4 / 3, atol=1e-6
        )


def test_tokens_come_row_by_row():
    images = -np.ones((1, 8, 12, 3))
    attention = np.zeros((1, 2, 24))
    attention[0, 0, 1 * 6 + 4] = 1.0
    picture = shown(plot_attention(images, attention).axes[2])
    lit = np.argwhere(picture.sum(-1) > 0)
    assert lit.min(0).tolist() == [2, 8] and lit.max(0).tolist() == [3, 9]


def test_the_map_is_told_or_guessed():
    images = -np.ones((1, 8, 16, 3))
    attention = np.zeros((1, 2, 16))
    attention[0, 0, 0] = 1.0
    for grid_size, height, width in (
        (None, 2, 4),  # No map of 16 is shaped like the images: square.
        ((2, 8), 4, 2),
        (np.array([8, 2]), 1, 8),
    ):
        figure = plot_attention(images, attention, grid_size=grid_size)
        lit = np.argwhere(shown(figure.axes[2]).sum(-1) > 0)
        assert lit.max(0).tolist() == [height - 1, width - 1]


@pytest.mark.parametrize("size", [(6, 18), (18, 6)], ids=str)
def test_images_keep_their_shape_and_stay_inside(size):
    images, attention = make_attention(2, 2, 11, *size)
    figure = plot_attention(images, attention)
    left, bottom, right, top = places(figure).T
    width, height = figure.get_size_inches()
    assert min(left) > 0 and max(right) < width
    assert min(bottom) > 0 and max(top) < height
    aspects = (top - bottom) / (right - left)
    np.testing.assert_allclose(aspects, size[0] / size[1], rtol=1e-6)


def test_what_slot_attention_gives_is_taken_as_it_is():
    images = keras.random.uniform((2, 4, 6, 3), -1, 1)
    tokens = keras.ops.reshape(images, (2, 24, 3))
    layer = SlotAttention(3, 5, dtype="mixed_bfloat16")
    for every, count in ((False, 2), (True, 2 * 3)):
        _, attention = layer(
            tokens, return_attention_scores=True, return_all_iterations=every
        )
        assert len(plot_attention(images, attention).axes) == count * 5


def test_no_more_scenes_than_there_are_or_asked_for(tmp_path):
    images, attention = make_attention()
    path = tmp_path / "attention.png"
    figure = plot_attention(images, attention, path, num_scenes=1)
    assert len(figure.axes) == 3 * 6
    assert len(plot_attention(images, attention, num_scenes=9).axes) == 36
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_bad_input_is_named(tmp_path):
    images, attention = make_attention()
    for arguments, message in (
        ({"num_scenes": 0}, "Received: num_scenes=0"),
        ({"images": images[0]}, r"`images` must have shape \(B, H, W, 3\)"),
        ({"images": images[..., :1]}, r"`images` must .*here \(., 8, 12, 3\)"),
        ({"images": images[:1]}, r"`attention` must .*here \(1, "),
        ({"attention": attention[0, 0]}, r"must have shape \(B, T, K, N\)"),
        (
            {"attention": attention[..., 1:]},
            "`grid_size` .* 23 tokens .* 8 x 12 pixels, or be square. "
            "Received: grid_size=None$",
        ),
        ({"grid_size": (5, 5)}, r"24 tokens .* Received: grid_size=\(5, 5\)$"),
        ({"grid_size": (-4, -6)}, r"Received: grid_size=\(-4, -6\)$"),
        ({"grid_size": (2.5, 9.6)}, r"Received: grid_size=\(2.5, 9.6\)$"),
        ({"grid_size": 24}, "Received: grid_size=24$"),
        ({"grid_size": (24,)}, "Received: grid_size="),
    ):
        with pytest.raises(ValueError, match=message):
            plot_attention(
                **{"images": images, "attention": attention, **arguments}
            )
    with pytest.raises(FileNotFoundError, match="must lie in a folder"):
        plot_attention(images, attention, path=tmp_path / "no" / "a.png")
