"""A page of pictures and, below them, tables with marked words."""

from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker
from matplotlib.patches import Rectangle

from keras_slots.visualization.figures import new_figure
from keras_slots.visualization.panel_grid import draw_panel

# In inches.
COLUMN = 1.95
MARGIN = 0.1
TITLE = 0.25
LINE = 0.142
BETWEEN_ROWS = 0.1
ABOVE_TEXT = 0.06
BETWEEN_SCENES = 0.3

FONT_SIZE = 7.5
PLAIN = {"color": "0.1", "size": FONT_SIZE}
# Okabe and Ito's vermilion, dark enough to read on white.
MISTAKE = {"color": "#B83A00", "size": FONT_SIZE, "weight": "bold"}


class TablePage:
    """A figure that is filled from the top down.

    It must know beforehand the tables to add, lists of rows of
    `set_comparison.Cell`s. Colors (K, 3), if any, mark the cells of slots.
    """

    def __init__(self, tables, num_columns, picture_shape, colors):
        self.colors = colors
        self.picture_width = COLUMN - MARGIN
        height, width = picture_shape
        self.picture_height = self.picture_width * height / width
        self.width = num_columns * COLUMN + MARGIN
        scene_height = 2 * TITLE + self.picture_height + BETWEEN_SCENES
        self.height = len(tables) * scene_height + sum(
            _row_height(row) for table in tables for row in table
        )
        self.height += MARGIN - BETWEEN_SCENES  # below the last scene
        self.figure = new_figure(self.width, self.height)
        self.top = 0.0  # inches from the top that are filled

    def add_panels(self, panels):
        """Adds `Panel`s, side by side."""
        self.top += TITLE
        for column, panel in enumerate(panels):
            left, bottom = self._place(column, self.picture_height)
            axis = self.figure.add_axes(
                (
                    left,
                    bottom,
                    self.picture_width / self.width,
                    self.picture_height / self.height,
                )
            )
            draw_panel(axis, panel)
        self.top += self.picture_height

    def add_table(self, titles, rows):
        """Adds column titles and rows of cells, with a line above each row."""
        for column, title in enumerate(titles):
            left, middle = self._place(column, 0.6 * TITLE)
            self.figure.text(left, middle, title, size=9, va="center")
        self.top += TITLE
        for row in rows:
            self._add_rule()
            for column, cell in enumerate(row):
                self._add_cell(column, cell)
            self.top += _row_height(row)
        self.top += BETWEEN_SCENES

    def _add_rule(self):
        left, height = self._place(0, 0)
        ends = [left, 1 - left]
        self.figure.add_artist(
            Line2D(ends, [height, height], color="0.85", linewidth=0.6)
        )

    def _add_cell(self, column, cell):
        if not cell.lines:
            return
        lines: list = [
            HPacker(
                pad=0,
                sep=0.3 * FONT_SIZE,
                align="baseline",
                children=[
                    TextArea(text, textprops=MISTAKE if mistake else PLAIN)
                    for text, mistake in line
                ],
            )
            for line in cell.lines
        ]
        left, top = self._place(column, ABOVE_TEXT)
        if self.colors is not None and cell.slot is not None:
            left += self._add_color_bar(column, cell)
        self.figure.add_artist(
            AnnotationBbox(
                VPacker(pad=0, sep=0.25 * FONT_SIZE, children=lines),
                (left, top),
                xycoords="figure fraction",
                box_alignment=(0, 1),
                frameon=False,
                pad=0,
            )
        )

    def _add_color_bar(self, column, cell):
        """Adds a slot's color beside a cell and returns the width it takes."""
        height = LINE * len(cell.lines)
        width = 0.055 / self.width
        self.figure.add_artist(
            Rectangle(
                self._place(column, 0.5 * BETWEEN_ROWS + height),
                width,
                height / self.height,
                facecolor=self.colors[cell.slot],
            )
        )
        return 1.8 * width

    def _place(self, column, below):
        """Returns a column's left edge and a height, as parts of the figure."""
        left = MARGIN + column * COLUMN
        return left / self.width, 1 - (self.top + below) / self.height


def _row_height(row):
    return LINE * max(len(cell.lines) for cell in row) + BETWEEN_ROWS
