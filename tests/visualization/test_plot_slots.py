"""The picture of scenes and slots."""

import builtins
import importlib
import pathlib

import keras
import numpy as np
import pytest

from keras_slots.visualization import figures, plot_slots
from keras_slots.visualization.scene_panels import color_labels
from keras_slots.visualization.slot_colors import slot_colors
from tests.visualization.scenes import make_outputs, shown, titles

pytest.importorskip("matplotlib")


def picture(figure, row, column):
    columns = figure.axes[0].get_gridspec().ncols
    return shown(figure.axes[row * columns + column])


def test_one_row_per_scene_one_column_per_idea():
    images, outputs, _ = make_outputs()
    figure = plot_slots(images, outputs)
    assert len(figure.axes) == 3 * 7
    assert titles(figure) == [
        "Scene",
        "Reconstruction",
        "Slot masks",
        *(f"Slot {k}" for k in range(1, 5)),
    ]
    for axis in figure.axes:
        assert axis.get_images()[0].get_interpolation() == "nearest"


def test_pixels_are_those_given():
    images, outputs, labels = make_outputs()
    figure = plot_slots(images, outputs)
    colors = slot_colors(4)
    for row in range(3):
        scene = images[row] / 2 + 0.5
        np.testing.assert_allclose(picture(figure, row, 0), scene, atol=1e-6)
        np.testing.assert_allclose(
            picture(figure, row, 1), images[row] * 0.45 + 0.5, atol=1e-6
        )
        np.testing.assert_allclose(
            picture(figure, row, 2), colors[labels[row]], atol=1e-6
        )
        for k in range(4):
            seen = labels[row] == k
            slot = picture(figure, row, 3 + k)
            np.testing.assert_allclose(slot[seen], scene[seen], atol=1e-6)
            assert np.ptp(slot[~seen]) < 1e-6  # the even ground


def test_masks_are_weighted_by_probability():
    images, outputs, _ = make_outputs(batch=1, slots=2)
    outputs["masks"] = np.stack(
        [np.full((1, 9, 12, 1), 0.25), np.full((1, 9, 12, 1), 0.75)], axis=1
    )
    mixed = picture(plot_slots(images, outputs), 0, 2)
    first, second = slot_colors(2)
    np.testing.assert_allclose(mixed[0, 0], 0.25 * first + 0.75 * second)


def test_true_masks_take_the_colors_of_their_slots():
    images, outputs, labels = make_outputs()
    figure = plot_slots(images, outputs, mask=3 - labels)
    assert titles(figure)[3] == "True masks"
    for row in range(3):
        np.testing.assert_allclose(
            picture(figure, row, 3), picture(figure, row, 2), atol=1e-6
        )


def test_objects_without_a_slot_stay_dark():
    labels = np.array([[0, 0, 0, 1, 1, 2]])
    slots = np.array([[[1.0, 1, 1, 0, 0, 0]], [[0.0, 0, 0, 1, 1, 1]]])
    colors = slot_colors(2)
    picture = color_labels(labels, slots, colors)
    np.testing.assert_allclose(picture[0, 0], colors[0])
    np.testing.assert_allclose(picture[0, 3], colors[1])
    assert picture[0, 5].max() < 0.2


def test_soft_masks_match_by_their_shares():
    labels = np.array([[0, 0, 1, 1]])
    slots = np.array([[[0.3, 0.3, 0.4, 0.4]]] + 2 * [[[0.35, 0.35, 0.3, 0.3]]])
    colors = slot_colors(3)
    picture = color_labels(labels, slots, colors)
    np.testing.assert_allclose(picture[0, ::2], colors[[1, 0]])


@pytest.mark.parametrize("broken", [slice(None), slice(1)], ids=["all", "one"])
def test_masks_of_nan_are_drawn(broken):
    images, outputs, labels = make_outputs()
    outputs["masks"][:, broken] = np.nan
    figure = plot_slots(images, outputs, mask=labels)
    assert not np.isfinite(picture(figure, 0, 2)).any()
    # Slots that have masks match as they do otherwise.
    colors = slot_colors(4)
    np.testing.assert_allclose(picture(figure, 0, 3), colors[labels[0]])
    figure.canvas.draw()


def test_no_slots_are_drawn_as_none():
    images, outputs, labels = make_outputs(slots=0)
    figure = plot_slots(images, outputs, mask=labels)
    columns = ["Scene", "Reconstruction", "Slot masks", "True masks"]
    assert titles(figure) == columns
    assert picture(figure, 0, 2).max() == 0
    assert picture(figure, 0, 3).max() < 0.2


def test_slot_colors_differ():
    for number in (1, 4, 7, 11, 24):
        colors = slot_colors(number)
        assert colors.shape == (number, 3)
        assert len(np.unique(colors.round(3), axis=0)) == number
        assert colors.min() >= 0 and colors.max() <= 1


def test_no_more_scenes_than_there_are_or_asked_for():
    images, outputs, labels = make_outputs()
    assert len(plot_slots(images, outputs, num_scenes=2).axes) == 2 * 7
    one = {name: values[:1] for name, values in outputs.items()}
    assert len(plot_slots(images[:1], one, mask=labels[:1]).axes) == 8


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_saved_whole_under_its_name_alone(tmp_path, ending):
    images, outputs, _ = make_outputs(batch=1, slots=2)
    path = tmp_path / f"slots.{ending}"
    path.write_text("an older picture")
    plot_slots(images, outputs, path=str(path))
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending]
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_save_leaves_the_older_picture(tmp_path, monkeypatch):
    def fail(self, path, format):
        pathlib.Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    images, outputs, _ = make_outputs(batch=1, slots=2)
    path = tmp_path / "slots.png"
    path.write_text("an older picture")
    with pytest.raises(OSError, match="disk full"):
        plot_slots(images, outputs, path=path)
    assert path.read_text() == "an older picture"
    assert list(tmp_path.iterdir()) == [path]


def test_without_matplotlib_the_ways_to_install_it_are_named(monkeypatch):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(
        ImportError, match=r"pip install matplotlib`, or the `examples` extra"
    ):
        importlib.reload(figures)


def test_bad_input_is_named(tmp_path):
    images, outputs, labels = make_outputs()
    with pytest.raises(ValueError, match="Received: num_scenes=0"):
        plot_slots(images, outputs, num_scenes=0)
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\)"):
        plot_slots(images[0], outputs)
    with pytest.raises(KeyError, match="slot_reconstructions"):
        plot_slots(images, {"reconstruction": images})
    for wrong in (0.0, images):
        with pytest.raises(ValueError, match=r"shape \(B, K, H, W, 3\)"):
            plot_slots(images, {**outputs, "slot_reconstructions": wrong})
    with pytest.raises(ValueError, match=r"`outputs\['masks'\]` must have"):
        plot_slots(images, {**outputs, "masks": outputs["masks"][:, 1:]})
    with pytest.raises(ValueError, match="`mask` must have shape"):
        plot_slots(images, outputs, mask=labels[:, 1:])
    with pytest.raises(FileNotFoundError, match="must lie in a folder"):
        plot_slots(images, outputs, path=tmp_path / "no" / "slots.png")


def test_half_precision_is_drawn_alike():
    images, outputs, labels = make_outputs()
    half = {
        name: keras.ops.cast(value, "bfloat16")
        for name, value in outputs.items()
    }
    expected = plot_slots(images, outputs, mask=labels)
    figure = plot_slots(images, half, mask=labels)
    np.testing.assert_allclose(
        picture(figure, 0, 2), picture(expected, 0, 2), atol=0.01
    )
