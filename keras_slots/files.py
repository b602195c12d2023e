"""Files that are whole or not there."""

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# What a killed run may leave ends so.
UNFINISHED = ".part"


@contextmanager
def put_in_place(
    path: str, move: Callable[[str, str], None] | None = None
) -> Iterator[str]:
    """A path to write to; the file is then moved to `path`, or removed.

    `move` is how; `None` takes the place of a file that is there.
    """
    # Threads, and processes on other machines, may write the same file.
    unfinished = f"{path}.{uuid.uuid4().hex}{UNFINISHED}"
    try:
        yield unfinished
        (move or os.replace)(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)


@contextmanager
def all_at_once(path: Path) -> Iterator[Path]:
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
