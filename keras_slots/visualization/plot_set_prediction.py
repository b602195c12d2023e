"""A picture of predicted sets of objects, iteration by iteration."""

import os

from keras_slots.checks import as_integer, check_shapes
from keras_slots.property_layout import PropertyLayout
from keras_slots.token_grid import token_grid
from keras_slots.types import Tensor
from keras_slots.visualization.attention_pictures import light_up
from keras_slots.visualization.figures import (
    Figure,
    check_path,
    read_images,
    save_figure,
    to_array,
    to_unit,
)
from keras_slots.visualization.panel_grid import Panel
from keras_slots.visualization.set_comparison import compare_sets, list_sets
from keras_slots.visualization.slot_colors import slot_colors
from keras_slots.visualization.table_page import TablePage


def plot_set_prediction(
    images: Tensor,
    predictions: Tensor,
    targets: Tensor | None = None,
    attention: Tensor | None = None,
    layout: PropertyLayout | None = None,
    path: str | os.PathLike | None = None,
    num_scenes: int = 3,
    grid_size: tuple[int, int] | None = None,
) -> Figure:
    """Draws scenes, and describes the objects predicted at each iteration.

    The picture is like Table 1 of the supplement. Predictions count as objects
    if their last feature is above 0.5. They are beside the true objects, to
    which they are matched one to one with the smallest total of distances, in
    scene units, and wrong properties. Wrong properties, distances above 0.5,
    missed objects and predictions without an object are bold and vermilion.
    Without targets, there is one row per slot.

    With attention, each slot has one color, which fills the slot's share of
    the attention over the scene and marks the slot's predictions.

    Args:
        images: Float tensor of shape `(B, H, W, 3)` in [-1, 1].
        predictions: Float tensor of shape `(B, T, K, d)`, T iterations, or
            `(B, K, d)` for only the last iteration.
        targets: Float tensor of shape `(B, n, d)` or `None`. The last feature
            is 1 for objects and 0 for padding. Defaults to `None`.
        attention: Float tensor of shape `(B, T, K, N)`, or `(B, K, N)` if the
            predictions have one iteration, or `None`. Probabilities over the
            slots for N tokens, row by row. Defaults to `None`.
        layout: `PropertyLayout` or `None`. The meaning of the features.
            Defaults to `None`, the 19 features of the paper on CLEVR.
        path: String, path or `None`. Where to save the picture; the ending
            (`.png`, `.pdf`, `.svg`) sets the format. An incomplete file never
            appears. Defaults to `None`.
        num_scenes: Integer. The largest number of scenes to draw. Defaults to
            `3`.
        grid_size: Pair of integers or `None`. Height and width of the map that
            the tokens come from. Needed if this map neither has the shape of
            the images nor is square. Defaults to `None`.

    Returns:
        The `matplotlib.figure.Figure`. It belongs to no pyplot window; save it
        with `figure.savefig` or leave it as the last line of a notebook cell.

    Raises:
        ImportError: If matplotlib is not installed.
        FileNotFoundError: If the folder of `path` does not exist.
        ValueError: If `num_scenes` is not positive, `path` does not end like a
            picture, there are no images, a shape is not as above, or the number
            of tokens does not fit the map.

    Example:
    >>> import numpy as np
    >>> from keras_slots.visualization import plot_set_prediction
    >>> images = np.zeros((1, 8, 8, 3), "float32")
    >>> predictions = np.ones((1, 2, 3, 19), "float32")  # after 2 iterations
    >>> attention = np.full((1, 2, 3, 16), 1 / 3)  # on 4 x 4 tokens
    >>> figure = plot_set_prediction(images, predictions, attention=attention)
    >>> len(figure.axes)  # the scene and two pictures of attention
    3

    References:
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      Table 1.
    """
    num_scenes = as_integer("num_scenes", num_scenes)
    check_path(path)
    layout = layout or PropertyLayout()
    images, predictions, targets, attention = _arrays(
        images, predictions, targets, attention, layout, grid_size
    )
    tables = [
        list_sets(predictions[scene], layout)
        if targets is None
        else compare_sets(targets[scene], predictions[scene], layout)
        for scene in range(min(num_scenes, len(images)))
    ]
    num_iterations, num_slots = predictions.shape[1:3]
    colors = slot_colors(num_slots)
    page = TablePage(
        tables,
        num_columns=1 + num_iterations,
        picture_shape=images.shape[1:3],
        colors=None if attention is None else colors,
    )
    times = [f" t={t + 1}" for t in range(num_iterations)]
    times = times if num_iterations > 1 else [""]
    first = "Slot" if targets is None else "True"
    for scene, table in enumerate(tables):
        picture = to_unit(images[scene])
        panels = [Panel("Image", picture)]
        if attention is not None:
            panels += [
                Panel(
                    f"Attention{time}",
                    light_up(picture, slots, colors, smooth=True),
                )
                for time, slots in zip(times, attention[scene], strict=True)
            ]
        page.add_panels(panels)
        page.add_table([first, *(f"Predicted{time}" for time in times)], table)
    save_figure(page.figure, path)
    return page.figure


def _arrays(images, predictions, targets, attention, layout, grid_size):
    """Returns NumPy arrays of the documented shapes with an axis T."""
    images = read_images(images)
    predictions = to_array(predictions)
    targets, attention = (
        None if tensor is None else to_array(tensor)
        for tensor in (targets, attention)
    )
    if predictions.ndim == 3:
        predictions = predictions[:, None]
        if attention is not None and attention.ndim == 3:
            attention = attention[:, None]
    check_shapes(
        {
            "predictions": (predictions, "(B, T, K, d)"),
            "targets": (targets, "(B, n, d)"),
            "attention": (attention, "(B, T, K, N)"),
        },
        B=len(images),
        d=layout.num_features,
    )
    if attention is not None:
        grid = token_grid(attention.shape[-1], images.shape[1:3], grid_size)
        attention = attention.reshape(*attention.shape[:-1], *grid)
    return images, predictions, targets, attention
