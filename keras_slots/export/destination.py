"""Checks of the path of an export."""

import os
from pathlib import Path

from keras_slots.checks import as_folder


def check_free(path) -> None:
    """Raises a `FileExistsError` if a path already exists."""
    if os.path.exists(path):
        raise FileExistsError(
            "There is something at `path` already; remove it or choose "
            f"another. Received: path={os.fspath(path)!r}"
        )


def as_file(path, ending: str) -> Path:
    """Returns the path, if a file with this ending can be made there.

    Raises:
        ValueError: If its name has another ending.
        FileNotFoundError: If its folder does not exist.
    """
    path = Path(os.fspath(path))
    if path.suffix != ending:
        raise ValueError(
            f"`path` must end in {ending!r}. Received: path={str(path)!r}"
        )
    return as_folder(path)
