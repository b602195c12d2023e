"""The path of an export: in a folder that exists, and free."""

import os
from pathlib import Path

from keras_slots.checks import as_folder


def as_destination(path, ending: str = "") -> Path:
    """Returns the path, if it has this ending, a folder, and is free.

    Raises:
        ValueError: If its name has another ending.
        FileNotFoundError: If its folder does not exist.
        FileExistsError: If it exists already.
    """
    name = os.fspath(path)
    if not name.endswith(ending):
        raise ValueError(
            f"`path` must end in {ending!r}. Received: path={name!r}"
        )
    path = as_folder(path)
    if path.exists():
        raise FileExistsError(
            "There is something at `path` already; remove it or choose "
            f"another. Received: path={name!r}"
        )
    return path
