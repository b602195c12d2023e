"""Scenes and what a model could have made of them, for tests of pictures."""

import numpy as np


def make_outputs(batch=3, slots=4, height=9, width=12):
    """Slots that each see one vertical stripe of a random image."""
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch, height, width, 3)).astype("float32")
    labels = np.broadcast_to(
        np.arange(width) * slots // width, (batch, height, width)
    )
    masks = labels[:, None] == np.arange(slots)[:, None, None]
    outputs = {
        "reconstruction": images * 0.9,
        "slot_reconstructions": np.repeat(images[:, None], slots, axis=1),
        "masks": masks[..., None].astype("float32"),
        "slots": np.zeros((batch, slots, 5)),
    }
    return images, outputs, labels


def shown(axis):
    """The picture that axes show."""
    return np.asarray(axis.get_images()[0].get_array())


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def places(figure):
    """Corners of all axes in inches: left, bottom, right, top."""
    size = figure.get_size_inches()
    return np.array(
        [axis.get_position().get_points() * size for axis in figure.axes]
    ).reshape(-1, 4)
