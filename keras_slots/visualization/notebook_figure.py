"""A figure that notebooks show as a picture."""

from matplotlib.figure import Figure

from keras_slots.visualization.figures import to_png

# How large a notebook shows an inch. The picture itself is finer, for dense
# screens.
PIXELS_PER_INCH = 100


class NotebookFigure(Figure):
    """A figure that is a picture as the last line of a notebook's cell.

    Matplotlib teaches notebooks to show figures when pyplot is imported. This
    one needs no pyplot.
    """

    def _repr_png_(self):
        """What IPython asks for: the file, and the size to show it at."""
        width, height = self.get_size_inches() * PIXELS_PER_INCH
        return to_png(self), {"width": round(width), "height": round(height)}
