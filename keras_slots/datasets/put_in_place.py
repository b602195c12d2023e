"""Files that are whole or not there."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

# What a killed run may leave ends so.
UNFINISHED = ".part"


@contextmanager
def put_in_place(path: str) -> Iterator[str]:
    """A path to write to; the file is then moved to `path`, or removed."""
    # Threads, and processes on other machines, may write the same file.
    unfinished = f"{path}.{uuid.uuid4().hex}{UNFINISHED}"
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)
