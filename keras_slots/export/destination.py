"""Where an export goes: a place that is free, filled at once or not at all."""

import os
from pathlib import Path

from keras_slots.checks import check_folder


def check_free(path) -> None:
    """Raises a `FileExistsError` if something is at a path."""
    if os.path.exists(path):
        raise FileExistsError(
            "There is something at `path` already; remove it or choose "
            f"another. Received: path={os.fspath(path)!r}"
        )


def check_file(path, ending: str) -> Path:
    """The path, if a file of that ending can be made there.

    Raises:
        ValueError: If its name ends otherwise.
        FileNotFoundError: If it lies in no folder.
    """
    path = Path(os.fspath(path))
    if path.suffix != ending:
        raise ValueError(
            f"`path` must end in {ending!r}. Received: path={str(path)!r}"
        )
    return check_folder(path)
