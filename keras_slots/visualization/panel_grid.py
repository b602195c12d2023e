"""Rows of pictures in a figure, all of one size, placed in inches."""

from dataclasses import dataclass

import numpy as np

MARGIN = 0.06
GAP = 0.06
TITLE = 0.27
ROW_LABEL = 0.2


@dataclass(frozen=True)
class Panel:
    """A picture of a grid.

    Attributes:
        title: String, above the picture.
        picture: Array (H, W, 3) in [0, 1], or `None` to leave the place empty.
        color: The color of its frame, or `None` for no frame.
    """

    title: str
    picture: np.ndarray | None
    color: np.ndarray | None = None


def grid_height(num_rows, panel_height):
    """Returns the height of rows of panels, with their titles."""
    return TITLE + num_rows * panel_height + (num_rows - 1) * GAP


def grid_width(num_columns, panel_width):
    """Returns the width of columns of panels, without row labels."""
    return num_columns * panel_width + (num_columns - 1) * GAP


def add_grid(figure, rows, panel_size, left=MARGIN, top=0.0, labels=()):
    """Adds rows of panels, the titles of the first row above them.

    Args:
        figure: The figure.
        rows: List of equally long lists of `Panel`s.
        panel_size: Width and height of a picture.
        left: The left edge of the pictures.
        top: The distance from the top of the figure to the titles.
        labels: A label for each row, to its left.
    """
    num_rows, num_columns = len(rows), len(rows[0])
    width, height = panel_size
    figure_width, figure_height = figure.get_size_inches()
    bottom = top + grid_height(num_rows, height)
    grid = figure.add_gridspec(
        num_rows,
        num_columns,
        left=left / figure_width,
        right=(left + grid_width(num_columns, width)) / figure_width,
        top=1 - (top + TITLE) / figure_height,
        bottom=1 - bottom / figure_height,
        wspace=GAP / width,
        hspace=GAP / height,
    )
    axes = grid.subplots(squeeze=False)
    for row, panels in enumerate(rows):
        for axis, panel in zip(axes[row], panels, strict=True):
            draw_panel(axis, panel, with_title=row == 0)
    for axis, label in zip(axes[:, 0], labels, strict=False):
        axis.set_ylabel(label, fontsize=8, labelpad=4)


def draw_panel(axis, panel, with_title=True):
    """Fills axes with a panel."""
    axis.set(xticks=[], yticks=[])
    if panel.picture is not None:
        axis.imshow(panel.picture, interpolation="nearest", aspect="auto")
    if panel.color is None:
        axis.spines[:].set_visible(False)
    else:
        axis.spines[:].set(edgecolor=panel.color, linewidth=2.0)
    if with_title:
        axis.set_title(panel.title, fontsize=9, pad=4)
