"""The folder of one run: claimed once, resumed alike, never half-written."""

import contextlib
import csv
import json
import math
import os
import platform
import shutil

import keras
import numpy as np
import tensorflow as tf

import keras_slots

# What a run leaves. `remove` goes through it in this order: first what says
# that the run is finished, then what says that it can be resumed.
FILES = (
    "metrics.json",
    "checkpoint.npz",
    "settings.json",
    "history.csv",
    "model.keras",
    "scenes.png",
    "slots.png",
    "predictions.png",
    "curves.png",
    "evaluation.json",
    "evaluation_scenes.png",
    "evaluation_predictions.png",
    "saved_model",
)
# What a crash leaves of them, if it comes while they are written: patterns.
UNFINISHED = (
    *(f"unfinished-{name}" for name in FILES),
    "checkpoint.npz.unfinished",
    ".saved_model.*.unfinished",
)


def claim(folder, settings, fresh=False):
    """Makes a folder ready for a new run or for the rest of an old one.

    Args:
        folder: Path.
        settings: Dict of all that decides the result, as it reads from a
            JSON file.
        fresh: Boolean. Whether to delete an earlier run first.

    Raises:
        SystemExit: If the folder is not free, as `check` says, or cannot be
            made.
    """
    if fresh:
        remove(folder)
    check(folder, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"The folder cannot be made: {error}") from error
    write_json(folder / "settings.json", settings)


def check(folder, settings):
    """Exits if a folder is not free for a run; changes nothing.

    Args:
        folder: Path.
        settings: Dict, as in `claim`.

    Raises:
        SystemExit: If the folder holds a finished run or one with other
            settings. The message says what to do.
    """
    remedy = (
        "Say --fresh to delete it and start anew, or name another folder "
        f"with --output. Received: --output {folder}"
    )
    if (folder / "metrics.json").exists():
        raise SystemExit(f"The folder holds a finished run. {remedy}")
    changed = changed_settings(folder, settings)
    if changed:
        raise SystemExit(
            "The folder holds an unfinished run with other settings "
            f"({', '.join(changed)}). {remedy}"
        )


def changed_settings(folder, settings):
    """The names of what differs from the run in a folder, if there is one."""
    if not any((folder / name).exists() for name in FILES):
        return []
    earlier = read_settings(folder)
    return sorted(
        name
        for name in {*earlier, *settings}
        if earlier.get(name) != settings.get(name)
    )


def as_json(settings):
    """Settings as they read from a JSON file, to be compared with such."""
    return json.loads(json.dumps(settings, default=_plain))


def _plain(value):
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # A preset may hold an initializer, say.
    return keras.saving.serialize_keras_object(value)


def read_settings(folder):
    """The settings of the run in a folder; empty if nothing tells them."""
    try:
        return json.loads((folder / "settings.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}  # Whatever the files are, they are not of this run.


def load_model(folder, seed):
    """The model as it was saved, drawing the same noise in every process."""
    path = folder / "model.keras"
    if not path.exists():
        raise SystemExit(f"No model is at {path}. Train one first.")
    keras.utils.set_random_seed(seed)
    return keras.saving.load_model(path)


def remove(folder):
    """Deletes what a run leaves, and nothing else."""
    for name in (*FILES, *UNFINISHED):
        for path in folder.glob(name):
            remove_one(path)


def remove_one(path):
    """Deletes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path):
    """Another name to write to; at the end the file takes its place whole.

    If it does not come to that, nothing is left of it.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        remove_one(unfinished)


def write_json(path, content):
    """Writes a JSON file whole or not at all."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n")


def write_csv(path, rows):
    """Writes dicts of the same keys as a CSV file, whole or not at all."""
    with (
        replacing(path) as unfinished,
        open(unfinished, "w", newline="") as file,
    ):
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def stop_if_lost(epoch, logs):
    """Ends training before a model that is lost enters the checkpoint."""
    if not math.isfinite(logs["loss"]):
        raise SystemExit(
            "The loss is no longer finite: training diverged, or the data hold "
            f"values that are not finite. Received: loss={logs['loss']}"
        )


def versions():
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "keras_slots": keras_slots.__version__,
        "numpy": np.__version__,
    }


def machine():
    """The class of the machine, enough to judge the seconds by."""
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "gpus": [
            tf.config.experimental.get_device_details(gpu).get("device_name")
            for gpu in gpus
        ],
    }
