"""Checks what a wheel and a source distribution hold, by their names alone."""

import sys
import tarfile
import zipfile


def main(wheel, source):
    """Exits with a message if something is missing or too much."""
    names = zipfile.ZipFile(wheel).namelist()
    outside = [
        name
        for name in names
        if not name.startswith(("keras_slots/", "keras_slots-"))
    ]
    expect(not outside, f"the wheel holds what is no part of it: {outside}")
    for name in ("keras_slots/py.typed", "keras_slots/__init__.py"):
        expect(name in names, f"the wheel lacks {name}")
    weights = [name for name in names if name.endswith(".weights.h5")]
    cards = [name for name in names if name.endswith(".json")]
    expect(weights, "the wheel lacks the trained weights")
    expect(len(weights) == len(cards), "weights and cards do not pair up")
    with tarfile.open(source) as archive:
        # Files alone are listed: a folder is the first part of their names.
        paths = {name.split("/")[1] for name in archive.getnames()}
    for name in ("tests", "examples", "docs", "README.md", "pyproject.toml"):
        expect(name in paths, f"the source distribution lacks {name}")
    print(f"{len(names)} files in the wheel, {len(weights)} sets of weights")


def expect(condition, message):
    """Exits with the message unless the condition holds."""
    if not condition:
        sys.exit(message)


if __name__ == "__main__":
    main(*sys.argv[1:])
