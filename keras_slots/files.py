"""Files that are either complete or missing."""

import csv
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The ending of files that a killed run may leave.
UNFINISHED = ".part"


@contextmanager
def put_in_place(
    path: str, move: Callable[[str, str], None] | None = None
) -> Iterator[str]:
    """Yields a path to write to; then moves the file to `path`, or removes it.

    `move` is the function that moves it; `None` replaces an existing file.
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
    """Yields a path to write to; at the end moves all written files to `path`.

    Files with other names, such as another ending, are moved beside `path`.

    Yields:
        A path with the name of `path`, in a temporary folder beside it.
    """
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent
    ) as folder:
        unfinished = Path(folder, path.name)
        yield unfinished
        # The named file is moved last, so if it exists, all files exist.
        written = sorted(Path(folder).iterdir(), key=unfinished.__eq__)
        for file in written:
            os.replace(file, path.with_name(file.name))


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Writes a JSON file."""
    with put_in_place(os.fspath(path)) as unfinished:
        text = json.dumps(content, indent=2) + "\n"
        Path(unfinished).write_text(text, encoding="utf-8")


def write_rows(path: str | os.PathLike, rows: list[dict]) -> None:
    """Writes dicts with the same keys as the rows of a CSV file."""
    with (
        put_in_place(os.fspath(path)) as unfinished,
        open(unfinished, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
