"""Functions for all pictures: to read images, make figures and save them."""

import io
import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from keras_slots.checks import as_array, as_folder, check_size, check_tensor
from keras_slots.files import put_in_place

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


def new_figure(caller, width, height):
    """Makes an empty figure, in inches, that notebooks show without pyplot.

    Raises:
        ImportError: If matplotlib is not installed; `caller` is the public
            function that the message names.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        from keras_slots.visualization.figures import NotebookFigure
    except ImportError as error:
        raise ImportError(
            f"`{caller}` needs matplotlib: `pip install matplotlib`, or the "
            "`examples` extra of keras-slots."
        ) from error
    figure = NotebookFigure(figsize=(width, height), dpi=200, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def check_path(path):
    """Checks that a picture can be saved there, by folder and ending.

    Raises:
        FileNotFoundError: If the folder of the path does not exist.
        ValueError: If its ending does not name a format.
    """
    if path is None:
        return
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        return  # `new_figure` says what to install.
    endings = FigureCanvasBase.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in endings:
        raise ValueError(
            "`path` must end like a picture, for example in '.png'. "
            f"Received: path={os.fspath(path)!r}"
        )
    as_folder(path)


def save_figure(figure, path):
    """Saves a figure completely, or leaves no file."""
    path = Path(path)
    with put_in_place(str(path)) as unfinished:
        figure.savefig(unfinished, format=path.suffix[1:])


def to_png(figure, dpi=None):
    """Converts a figure to the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi or figure.dpi)
    return file.getvalue()


def read_images(images):
    """Returns one or more images (B, H, W, 3) with pixels as an array."""
    images = as_array("images", images)
    check_tensor("images", images, "(B, H, W, 3)")
    check_size("images", images.shape, 3, 3)
    check_filled("images", images.shape, 0, 1, 2)
    return images


def check_filled(name, shape, *axes):
    """Raises a `ValueError` if one of these axes has size 0."""
    for axis in axes:
        if not shape[axis]:
            raise ValueError(
                f"`{name}` must have size 1 or more on axis {axis}. "
                f"Received: {name}.shape={shape}"
            )


def to_unit(images):
    """Maps images from [-1, 1] to [0, 1], as matplotlib draws them."""
    return np.clip(images / 2 + 0.5, 0, 1)
