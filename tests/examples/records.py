"""Files in the published format, of generated scenes."""

import numpy as np

from keras_slots.datasets import tetrominoes
from tests.datasets.published_records import tetrominoes_record, write


def write_records(path, num_scenes):
    """The first generated validation scenes, as a published file."""
    scenes = tetrominoes("validation", num_scenes=num_scenes, as_dict=True)
    write(path, map(tetrominoes_record, scenes.as_numpy_iterator()))
    return path


def positions(scenes):
    """Where in a file of `write_records` the scenes of a dataset lie."""
    everything = tetrominoes("validation", 320).as_numpy_iterator()
    images, _ = next(everything)
    batches = [image for image, _ in scenes.as_numpy_iterator()]
    found = (np.concatenate(batches)[:, None] == images).all(axis=(2, 3, 4))
    assert found.any(axis=1).all()
    return sorted(found.argmax(1).tolist())
