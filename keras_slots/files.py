"""Files that are whole or not there."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
