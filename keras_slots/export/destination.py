"""Where an export goes: a place that is free, filled at once or not at all."""

import contextlib
import os
import tempfile
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


@contextlib.contextmanager
def all_at_once(path: Path):
    """A path to write to; what is there at the end moves to `path`.

    With it moves what has the same name and another ending.

    Yields:
        A path with the name of `path`, in a folder of its own beside it.
    """
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent
    ) as folder:
        unfinished = Path(folder, path.name)
        yield unfinished
        # The named file last: where it is, all is.
        written = sorted(Path(folder).iterdir(), key=unfinished.__eq__)
        for file in written:
            os.replace(file, path.with_name(file.name))
