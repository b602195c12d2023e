"""A folder's settings, with which all its files were made."""

import contextlib
import json
import os

from keras_slots.files import UNFINISHED, put_in_place

_NAME = "settings.json"


def claim_folder(argument: str, folder: str, settings: dict) -> None:
    """Makes a folder for some settings, or checks that it has these settings.

    A folder with other files or settings is an error that names `argument`.
    """
    os.makedirs(folder, exist_ok=True)
    if read_settings(folder) is None:
        # Another process may claim the folder at the same moment. So the names
        # are listed first, and the settings are read once more.
        names = os.listdir(folder)
        strange = [name for name in names if not _is_harmless(name)]
        if strange and read_settings(folder) is None:
            raise ValueError(
                f"`{argument}` must name a folder of its own: this one is not "
                f"empty and holds no {_NAME}. Received: {argument}={folder!r}"
            )
        path = os.path.join(folder, _NAME)
        with put_in_place(path, _unless_there) as unfinished:
            with open(unfinished, "w", encoding="utf-8") as file:
                json.dump(settings, file, indent=2)
    found = read_settings(folder) or {}
    # As read from a JSON file, where tuples become lists.
    settings = json.loads(json.dumps(settings))
    if found != settings:
        differing = [
            f"{name}={found.get(name)!r} there, {value!r} here"
            for name, value in settings.items()
            if found.get(name) != value
        ]
        raise ValueError(
            f"`{argument}` holds scenes of other settings "
            f"({'; '.join(differing)}); name another folder, or delete "
            f"this one. Received: {argument}={folder!r}"
        )


def _is_harmless(name):
    """Returns whether a killed run or a file browser may have left the file."""
    return name.endswith(UNFINISHED) or name.startswith(".")


def _unless_there(unfinished, path):
    """Moves a file into place, unless another process has done so before."""
    try:
        # Unlike `os.replace`, succeeds in one process only.
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    except OSError:  # A disk without hard links.
        os.replace(unfinished, path)


def read_settings(folder: str) -> dict | None:
    """Returns the settings of a folder, or `None` if it has no settings."""
    path = os.path.join(folder, _NAME)
    return read_json(path) if os.path.exists(path) else None


def read_json(path: str) -> dict:
    """Returns the object in a JSON file."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        settings = json.loads(content)
        if not isinstance(settings, dict):
            raise ValueError("it holds no object")
    except ValueError as error:  # Of JSON and of UTF-8, too.
        raise ValueError(
            f"The file is damaged: {error}. Delete its folder, and make it "
            f"again. Received: path={path!r}"
        ) from error
    return settings
