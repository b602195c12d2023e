"""Rows of pictures in a figure, all of one size, placed in inches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_slots.visualization.figures import new_figure

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


@dataclass(frozen=True)
class Block:
    """Rows of panels, the titles of the first row above them.

    Attributes:
        rows: List of equally long lists of `Panel`s.
        panel_size: Width and height of a picture.
        labels: A label for each row, to its left, or none.
    """

    rows: list[list[Panel]]
    panel_size: tuple[float, float]
    labels: Sequence[str] = ()

    @property
    def width(self):
        """Returns the width of the panels, without row labels."""
        num_columns = len(self.rows[0])
        return num_columns * self.panel_size[0] + (num_columns - 1) * GAP

    @property
    def height(self):
        """Returns the height of the panels, with their titles."""
        num_rows = len(self.rows)
        return TITLE + num_rows * self.panel_size[1] + (num_rows - 1) * GAP


def draw_blocks(blocks):
    """Draws blocks in a new figure, one below the other."""
    labeled = any(block.labels for block in blocks)
    left = MARGIN + (ROW_LABEL if labeled else 0)
    figure = new_figure(
        width=left + max(block.width for block in blocks) + MARGIN,
        height=sum(block.height + GAP for block in blocks),
    )
    top = 0.0
    for block in blocks:
        _add_block(figure, block, left, top)
        top += block.height + GAP
    return figure


def _add_block(figure, block, left, top):
    """Adds a block at its distances from the left and the top, in inches."""
    width, height = figure.get_size_inches()
    grid = figure.add_gridspec(
        len(block.rows),
        len(block.rows[0]),
        left=left / width,
        right=(left + block.width) / width,
        top=1 - (top + TITLE) / height,
        bottom=1 - (top + block.height) / height,
        wspace=GAP / block.panel_size[0],
        hspace=GAP / block.panel_size[1],
    )
    axes = grid.subplots(squeeze=False)
    for row, panels in enumerate(block.rows):
        for axis, panel in zip(axes[row], panels, strict=True):
            draw_panel(axis, panel, with_title=row == 0)
    for axis, label in zip(axes[:, 0], block.labels, strict=False):
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
