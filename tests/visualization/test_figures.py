"""What all pictures share."""

import struct

import numpy as np
import pytest

from keras_slots.visualization import (
    plot_attention,
    plot_scene,
    plot_set_prediction,
    plot_slots,
)
from tests.visualization.scenes import make_outputs

pytest.importorskip("matplotlib")


each_plot = pytest.mark.parametrize(
    "plot", [plot_attention, plot_scene, plot_set_prediction, plot_slots]
)


def draw(plot, **sizes):
    images, outputs, _ = make_outputs(**{"batch": 1, "slots": 2, **sizes})
    batch = len(images)
    if plot in (plot_slots, plot_scene):
        return plot(images, outputs)
    if plot is plot_attention:
        return plot(images, np.full((batch, 2, 108), 0.5))
    return plot(images, np.ones((batch, 2, 19)))


@each_plot
def test_notebooks_show_every_picture_and_pyplot_has_none(plot):
    """IPython asks any object for `_repr_png_`, if it has no other way."""
    figure = draw(plot)
    data, metadata = figure._repr_png_()
    assert data.startswith(b"\x89PNG")
    pixels = struct.unpack(">II", data[16:24])
    assert pixels == pytest.approx(figure.get_size_inches() * 200, abs=1)
    # Shown at half the size: dense screens have the pixels.
    size = (metadata["width"], metadata["height"])
    assert size == pytest.approx(np.array(pixels) / 2, abs=1)
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


@each_plot
@pytest.mark.parametrize("size", ["batch", "height", "width"])
def test_no_images_are_a_named_error(plot, size):
    message = r"`images` must hold .*Received: images\.shape="
    with pytest.raises(ValueError, match=message):
        draw(plot, **{size: 0})
