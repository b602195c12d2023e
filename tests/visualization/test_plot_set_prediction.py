"""The picture of predicted sets."""

import keras
import numpy as np
import pytest

from keras_slots.property_layout import PropertyLayout
from keras_slots.visualization import plot_set_prediction
from keras_slots.visualization.slot_colors import slot_colors

pytest.importorskip("matplotlib")
LAYOUT = PropertyLayout()


def make_sets(batch=2, iterations=3, slots=4, height=8, width=12):
    """Scenes, predictions that hit but for noise, targets, attention.

    Each slot attends to one vertical stripe.
    """
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch, height, width, 3)).astype("float32")
    targets = rng.uniform(0, 1, (batch, slots, 19)).astype("float32")
    targets[..., -1] = 1
    targets[:, 0, -1] = 0
    predictions = np.stack([targets] * iterations, axis=1)
    labels = np.broadcast_to(
        np.arange(width // 2) * slots // (width // 2), (height // 2, width // 2)
    )
    attention = np.moveaxis(np.eye(slots)[labels], -1, 0)  # (K, h, w)
    attention = np.broadcast_to(
        attention.reshape(slots, -1),
        (batch, iterations, slots, height * width // 4),
    )
    return images, predictions, targets, attention


def texts(figure):
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if text.get_text()]


def words(figure):
    return " ".join(text.get_text() for text in texts(figure))


def pictures(figure):
    return [
        np.asarray(axis.get_images()[0].get_array()) for axis in figure.axes
    ]


def test_pictures_and_titles():
    images, predictions, targets, attention = make_sets()
    figure = plot_set_prediction(images, predictions, targets, attention)
    titles = ["Image", *(f"Attention t={t}" for t in (1, 2, 3))]
    assert [axis.get_title() for axis in figure.axes] == 2 * titles
    for title in ("True", "Predicted t=1", "Predicted t=3"):
        assert words(figure).count(title) == 2
    np.testing.assert_allclose(
        pictures(figure)[4], images[1] / 2 + 0.5, atol=1e-6
    )


def test_attention_is_in_the_slots_colors():
    images, predictions, targets, attention = make_sets(batch=1)
    images[:] = -1.0
    figure = plot_set_prediction(images, predictions, targets, attention)
    picture, colors = pictures(figure)[1], slot_colors(4)
    # Where two neighboring tokens belong to one slot, nothing is blended.
    for column, slot in ((0, 0), (1, 0), (2, 0), (7, 2), (8, 2), (11, 3)):
        expected = np.tile(0.6 * colors[slot], (8, 1))
        np.testing.assert_allclose(picture[:, column], expected, atol=1e-6)
    images[:] = 1.0
    figure = plot_set_prediction(images, predictions, targets, attention)
    np.testing.assert_allclose(pictures(figure)[1], picture + 0.4, atol=1e-6)


def test_tables_hold_every_object_and_bars_their_slots():
    from matplotlib.patches import Rectangle

    images, predictions, targets, attention = make_sets(batch=1)
    predictions[:, 1, 2, -1] = 0.0  # missed at the second iteration
    figure = plot_set_prediction(images, predictions, targets, attention)
    assert words(figure).count("d=0.00") == 3 * 3 - 1
    assert words(figure).count("missed") == 1
    (missed,) = (t for t in texts(figure) if t.get_text() == "missed")
    assert missed.get_weight() == "bold"
    plain = [t for t in texts(figure) if t.get_text().startswith("d=")]
    assert all(text.get_weight() == "normal" for text in plain)
    bars = [
        patch.get_facecolor()[:3]
        for patch in figure.artists + figure.patches
        if isinstance(patch, Rectangle)
    ]
    colors = slot_colors(4)
    expected = [colors[k] for k in (1, 1, 1, 2, 2, 3, 3, 3)]
    np.testing.assert_allclose(bars, expected)


def test_no_word_leaves_its_column():
    from matplotlib.offsetbox import TextArea

    images, predictions, targets, attention = make_sets(iterations=2)
    # The longest words, the longest numbers.
    row = [-0.05] * 3 + [0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    targets[:] = row
    predictions[:] = row
    predictions[..., :3] = -0.2
    predictions[..., 3:5] = predictions[..., 4:2:-1]
    figure = plot_set_prediction(images, predictions, targets, attention)
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    column = figure.bbox.width / 3
    cells = [area.get_children()[0] for area in figure.findobj(TextArea)]
    assert len(cells) >= 3 * (5 + 2 * 6)
    for text in cells:
        box = text.get_window_extent(renderer)
        assert box.x0 // column == box.x1 // column, text.get_text()
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height


def test_one_iteration_needs_no_axis():
    images, predictions, targets, attention = make_sets()
    figure = plot_set_prediction(
        images, predictions[:, 0], targets, attention[:, 0]
    )
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == 2 * ["Image", "Attention"]
    assert "Predicted" in words(figure) and "t=" not in words(figure)


def test_without_targets_and_attention():
    images, predictions, _, _ = make_sets()
    figure = plot_set_prediction(images, predictions)
    assert len(figure.axes) == 2
    assert "Slot" in words(figure) and "True" not in words(figure)
    assert "d=" not in words(figure)


def test_no_more_scenes_than_there_are_or_asked_for():
    images, predictions, targets, attention = make_sets()
    sets = (images, predictions, targets, attention)
    assert len(plot_set_prediction(*sets, num_scenes=1).axes) == 4
    assert len(plot_set_prediction(*sets, num_scenes=9).axes) == 8


def test_a_layout_of_fewer_properties():
    layout = PropertyLayout(("shape",), coordinate_scale=2.0)
    images, predictions, targets, _ = make_sets()
    columns = [0, 1, 2, 7, 8, 9, 18]
    figure = plot_set_prediction(
        images, predictions[..., columns], targets[..., columns], layout=layout
    )
    assert "rubber" not in words(figure)
    assert any(shape in words(figure) for shape in ("cube", "sphere"))


def test_half_precision_and_tensors():
    sets = [keras.ops.cast(array, "bfloat16") for array in make_sets()]
    assert len(plot_set_prediction(*sets).axes) == 8


def test_saved_whole_under_its_name_alone(tmp_path):
    path = tmp_path / "sets.png"
    path.write_text("an older picture")
    plot_set_prediction(*make_sets(), path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_bad_input_is_named(tmp_path):
    images, predictions, targets, attention = make_sets()
    for arguments, message in (
        ({"num_scenes": 0}, "Received: num_scenes=0"),
        ({"images": images[0]}, r"`images` must have shape \(B, H, W, 3\)"),
        ({"images": images[..., :1]}, r"`images` must .*here \(2, 8, 12, 3\)"),
        ({"predictions": predictions[0, 0]}, r"have shape \(B, T, K, d\)"),
        ({"predictions": predictions[:1]}, r"`predictions` must .*here \(2, "),
        (
            {"predictions": predictions[..., :18]},
            r"`predictions` must .*here .*, 19\)",
        ),
        ({"targets": targets[0]}, r"`targets` must have shape \(B, n, d\)"),
        ({"targets": targets[..., :7]}, r"`targets` must .*here .*, 19\)"),
        ({"attention": attention[:, 0]}, r"have shape \(B, T, K, N\)"),
        ({"attention": attention[:, :, :2]}, r"`attention` must have .*here"),
        ({"attention": attention[..., 1:]}, "23 tokens .* 8 x 12 pixels"),
    ):
        with pytest.raises(ValueError, match=message):
            plot_set_prediction(
                **{
                    "images": images,
                    "predictions": predictions,
                    **arguments,
                }
            )
    with pytest.raises(FileNotFoundError, match="must lie in a folder"):
        plot_set_prediction(images, predictions, path=tmp_path / "no" / "a.png")
