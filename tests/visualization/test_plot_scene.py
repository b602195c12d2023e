"""The picture of one scene."""

import keras
import numpy as np
import pytest

from keras_slots.visualization import plot_scene
from keras_slots.visualization.slot_colors import slot_colors
from tests.visualization.scenes import make_outputs, places, shown, titles

pytest.importorskip("matplotlib")


def test_the_whole_above_every_slot():
    images, outputs, labels = make_outputs()
    outputs["slot_reconstructions"] = np.stack(
        [images * (0.1 * k) for k in range(4)], axis=1
    )
    figure = plot_scene(images, outputs, index=1)
    slots = [f"Slot {k}" for k in range(1, 5)]
    assert titles(figure) == ["Scene", "Reconstruction", "Slot masks", *slots]
    pictures = [shown(axis) for axis in figure.axes]
    assert len(pictures) == 3 + 2 * 4
    expected = [
        images[1] / 2 + 0.5,
        images[1] * 0.45 + 0.5,
        slot_colors(4)[labels[1]],
        *(images[1] * (0.05 * k) + 0.5 for k in range(4)),
        *(np.repeat(mask, 3, axis=-1) for mask in outputs["masks"][1]),
    ]
    for picture, target in zip(pictures, expected, strict=True):
        np.testing.assert_allclose(picture, target, atol=1e-6)
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert labels[3::4] == ["Reconstruction", "Mask"]


def test_true_masks_stand_beside_the_slots():
    images, outputs, labels = make_outputs()
    figure = plot_scene(images, outputs, mask=3 - labels)
    assert titles(figure)[2:4] == ["Slot masks", "True masks"]
    np.testing.assert_allclose(
        shown(figure.axes[3]), shown(figure.axes[2]), atol=1e-6
    )


def test_slots_are_framed_in_their_colors():
    images, outputs, _ = make_outputs()
    figure = plot_scene(images, outputs)
    for axes in (figure.axes[3:7], figure.axes[7:]):
        for axis, color in zip(axes, slot_colors(4), strict=True):
            frame = axis.spines["top"].get_edgecolor()
            np.testing.assert_allclose(frame[:3], color)
    assert not figure.axes[0].spines["top"].get_visible()


@pytest.mark.parametrize("size", [(9, 9), (8, 16), (16, 8)], ids=str)
@pytest.mark.parametrize(
    ("slots", "with_mask"),
    [(1, True), (4, False), (4, True), (7, True), (11, False), (24, True)],
)
def test_any_number_of_slots_fits(slots, size, with_mask):
    images, outputs, labels = make_outputs(1, slots, *size)
    mask = labels if with_mask else None
    figure = plot_scene(images, outputs, mask=mask)
    boxes = places(figure)
    above = 3 + with_mask
    assert len(boxes) == above + 2 * slots
    left, bottom, right, top = boxes.T
    width, height = figure.get_size_inches()
    assert min(left) > 0 and max(right) < width < 16
    assert min(bottom) > 0 and max(top) < height < 20
    # Undistorted, slots no larger than the scene and yet seen.
    aspects = (top - bottom) / (right - left)
    np.testing.assert_allclose(aspects, size[0] / size[1], rtol=1e-6)
    assert np.all((right - left)[above:] <= (right - left)[0] + 1e-6)
    assert np.all((right - left)[above:] >= 0.37 * (right - left)[0])
    # None covers another.
    for one in range(len(boxes)):
        for other in range(one):
            assert (
                left[one] > right[other]
                or left[other] > right[one]
                or bottom[one] > top[other]
                or bottom[other] > top[one]
            )


def test_rows_of_slots_are_even():
    images, outputs, _ = make_outputs(1, 11)
    tops = places(plot_scene(images, outputs))[3:, 3].round(3)
    _, counts = np.unique(tops, return_counts=True)
    assert counts.tolist() == [5, 5, 6, 6]  # from the bottom up


def test_words_fit():
    from matplotlib.text import Text

    images, outputs, labels = make_outputs(1, 11, 16, 16)
    figure = plot_scene(images, outputs, mask=labels)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    boxes = [
        text.get_window_extent(renderer)
        for text in figure.findobj(Text)
        if text.get_text()
    ]
    assert len(boxes) == 4 + 11 + 2 * 2
    for index, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_half_precision_tensors_are_drawn_alike():
    images, outputs, labels = make_outputs()
    half = {
        name: keras.ops.cast(value, "bfloat16")
        for name, value in outputs.items()
    }
    mask = keras.ops.convert_to_tensor(labels)
    figure = plot_scene(keras.ops.convert_to_tensor(images), half, mask=mask)
    expected = plot_scene(images, outputs, mask=labels)
    for axis, target in zip(figure.axes, expected.axes, strict=True):
        np.testing.assert_allclose(shown(axis), shown(target), atol=0.01)


def test_saved_whole_under_its_name_alone(tmp_path):
    images, outputs, _ = make_outputs(batch=1, slots=2)
    path = tmp_path / "scene.png"
    plot_scene(images, outputs, path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_bad_input_is_named(tmp_path):
    images, outputs, labels = make_outputs()
    with pytest.raises(IndexError):
        plot_scene(images, outputs, index=3)
    with pytest.raises(ValueError, match="Received: index=-1"):
        plot_scene(images, outputs, index=-1)
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\)"):
        plot_scene(images[0], outputs)
    with pytest.raises(ValueError, match="`mask` must have shape"):
        plot_scene(images, outputs, mask=labels[:1])
    with pytest.raises(FileNotFoundError, match="must lie in a folder"):
        plot_scene(images, outputs, path=tmp_path / "no" / "scene.png")
