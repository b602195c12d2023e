"""The published Tetrominoes, for who has some of them."""

import os
from pathlib import Path

import pytest


def published_tetrominoes():
    """The path of the file, in the folder that KERAS_SLOTS_REAL_DATA names."""
    folder = os.environ.get("KERAS_SLOTS_REAL_DATA")
    if folder is None:
        pytest.skip("KERAS_SLOTS_REAL_DATA names no folder of published files")
    path = Path(folder) / "tetrominoes_mini.tfrecords"
    assert path.is_file(), path
    return path
