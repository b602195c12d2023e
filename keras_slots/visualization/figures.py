"""Functions for all pictures: to read images, make figures and save them."""

import io
import os
from pathlib import Path

import numpy as np
from keras import ops

from keras_slots.checks import as_folder, check_shapes
from keras_slots.files import put_in_place

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Figure
except ImportError as error:
    raise ImportError(
        "Pictures need matplotlib: `pip install matplotlib`, or the `examples` "
        "extra of keras-slots."
    ) from error

# The size of an inch in a notebook. The picture itself has more pixels, for
# dense screens.
PIXELS_PER_INCH = 100


class NotebookFigure(Figure):
    """A figure that notebooks show as the last line of a cell.

    Notebooks can show Matplotlib's own figures only after an import of pyplot.
    This figure works without pyplot.
    """

    def _repr_png_(self):
        """Returns the PNG file and its displayed size, as IPython expects."""
        width, height = self.get_size_inches() * PIXELS_PER_INCH
        return to_png(self), {"width": round(width), "height": round(height)}


def new_figure(width, height):
    """Makes an empty figure, in inches, that notebooks show without pyplot."""
    figure = NotebookFigure(figsize=(width, height), dpi=200, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def check_path(path):
    """Raises unless a picture can be saved there, by folder and ending."""
    if path is None:
        return
    endings = FigureCanvasAgg.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in endings:
        raise ValueError(
            "`path` must end like a picture, for example in '.png'. "
            f"Received: path={os.fspath(path)!r}"
        )
    as_folder(path)


def save_figure(figure, path):
    """Saves a figure completely, or leaves no file; does nothing for `None`."""
    if path is not None:
        with put_in_place(os.fspath(path)) as unfinished:
            figure.savefig(unfinished, format=Path(path).suffix[1:])


def to_png(figure, dpi=None):
    """Converts a figure to the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi or figure.dpi)
    return file.getvalue()


def to_array(tensor):
    """Converts a tensor to a float32 array; NumPy hardly knows bfloat16."""
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def read_images(images):
    """Returns one or more images (B, H, W, 3) with pixels as an array."""
    images = to_array(images)
    check_shapes({"images": (images, "(B, H, W, 3)")})
    if not images.size:
        raise ValueError(
            "`images` must hold at least one pixel. "
            f"Received: images.shape={images.shape}"
        )
    return images


def to_unit(images):
    """Maps images from [-1, 1] to [0, 1], as matplotlib draws them."""
    return np.clip(images / 2 + 0.5, 0, 1)
