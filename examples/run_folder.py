"""What the examples share: the folder of a run, and how a run goes.

A folder is claimed once, resumed alike, and never half-written.
"""

import argparse
import dataclasses
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import keras_slots
from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.export import export_saved_model
from keras_slots.files import all_at_once, write_json, write_rows
from keras_slots.models import get_preset
from keras_slots.visualization.figures import save_figure

# What a run leaves. `--fresh` deletes in this order: first what says that the
# run is finished, then what says that it can be resumed.
FILES = (
    *("metrics.json", "checkpoint.npz", "settings.json", "history.csv"),
    *("model.keras", "scenes.png", "slots.png", "predictions.png"),
    *("curves.png", "evaluation.json", "evaluation_scenes.png"),
    *("evaluation_predictions.png", "saved_model"),
)
# What a crash leaves of them, if it comes while they are written: patterns.
UNFINISHED = (
    *(f"{name}.*.part" for name in FILES),
    *(f".{name}.*.unfinished" for name in FILES),
)
# Options that decide no result; and the layout, which others make up.
NO_SETTINGS = ("output", "cache", "layout", "fresh", "evaluate_only", "smoke")
SMOKE = {"steps": 4, "epoch_steps": 2, "batch_size": 8}
SMOKE |= {"train_scenes": 32, "eval_scenes": 16}
# Between a model and its SavedModel: of colors in [-1, 1], at sharp edges.
MAX_DIFFERENCE = 1e-3

# Options ---------------------------------------------------------------------


def manual_parser(manual):
    """Makes a command line whose `--help` shows the text of a script."""
    form = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=manual, formatter_class=form)


def make_parser(manual):
    """Adds the options that training examples share."""
    parser = manual_parser(manual)
    add, positive = parser.add_argument, whole_number(1)
    add("--output", type=Path, help="folder of the run; default below runs/")
    add("--seed", type=whole_number(0), default=0)
    add("--steps", type=positive, help="rounded up to whole epochs")
    add("--epoch-steps", type=positive, help="steps between two checkpoints")
    for name in ("--train-scenes", "--eval-scenes", "--batch-size"):
        add(name, type=positive)
    add("--cache", type=Path, default=Path("runs/clevr_scenes"))
    precisions = ("none", "mixed_bfloat16", "mixed_float16")
    add("--mixed-precision", choices=precisions, default="none")
    add("--jit", action="store_true", help="compile with XLA on a CPU too")
    add("--fresh", action="store_true", help="delete an earlier run first")
    add("--evaluate-only", action="store_true", help="score a trained model")
    add("--smoke", action="store_true", help="a few steps, to see it run")
    return parser


def whole_number(least, most=2**32 - 1):
    """Makes a type of argument: whole numbers of a range."""

    def read(text):
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"must be from {least} to {most}. Received: {text}"
            )
        return int(text)

    return read


def find_preset(parser, name, model):
    """Finds the preset of a name; it must be one of a model."""
    try:
        preset = get_preset(name)
    except ValueError as error:
        parser.error(str(error))
    if getattr(preset, model.PARTS[-1]) is None:
        kind = f"--preset must be one of `{model.__name__}`"
        parser.error(f"{kind}. Received: --preset {name}")
    return preset


def fill_in(parser, options, preset, train_scenes, eval_scenes, epoch_steps):
    """Fills in what the command line leaves open; steps to whole epochs."""
    defaults = {"train_scenes": train_scenes, "eval_scenes": eval_scenes}
    defaults |= {"steps": preset.train_steps, "epoch_steps": epoch_steps}
    defaults["batch_size"] = preset.batch_size
    for name, value in (SMOKE if options.smoke else defaults).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.train_scenes < options.batch_size:
        parser.error(
            "--train-scenes must be at least the batch size, "
            f"{options.batch_size}. Received: {options.train_scenes}"
        )
    options.epoch_steps = min(options.epoch_steps, options.steps)
    options.epochs = math.ceil(options.steps / options.epoch_steps)
    options.steps = options.epochs * options.epoch_steps


def make_settings(options, preset):
    """Collects all that decides the result, as a JSON file holds it."""
    settings = {**vars(options), "preset_values": dataclasses.asdict(preset)}
    return as_json({k: settings[k] for k in settings if k not in NO_SETTINGS})


def as_json(settings):
    """Converts settings to what a JSON file gives back."""

    def plain(value):
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        # A preset may hold an initializer, say.
        return keras.saving.serialize_keras_object(value)

    return json.loads(json.dumps(settings, default=plain))


# The folder ------------------------------------------------------------------


def claim(folder, settings, fresh=False):
    """Makes a folder ready for a new run or for the rest of an old one.

    Exits if it is not free, as `check` says, or cannot be made. `fresh` deletes
    an earlier run first.
    """
    if fresh:
        remove(folder, *FILES)
    check(folder, settings)
    remove(folder, *UNFINISHED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"The folder cannot be made: {error}") from error
    write_json(folder / "settings.json", settings)


def check(folder, settings):
    """Exits if a folder holds a finished run, or one with other settings."""
    remedy = (
        "Say --fresh to delete it, or name another folder with --output. "
        f"Received: --output {folder}"
    )
    if (folder / "metrics.json").exists():
        raise SystemExit(f"The folder holds a finished run. {remedy}")
    changed = ", ".join(changed_settings(folder, settings))
    if changed:
        message = "The folder holds an unfinished run with other settings"
        raise SystemExit(f"{message} ({changed}). {remedy}")


def changed_settings(folder, settings):
    """Names what differs from the run in a folder, if there is one."""
    if not any((folder / name).exists() for name in FILES):
        return []
    earlier = read_settings(folder)
    names = {*earlier, *settings}
    return sorted(n for n in names if earlier.get(n) != settings.get(n))


def read_settings(folder):
    """Reads the settings of the run in a folder; empty if none are told."""
    try:
        return json.loads((folder / "settings.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}  # Whatever the files are, they are not of this run.


def find_model(folder):
    """Returns the path of a trained model; exits if there is none."""
    path = folder / "model.keras"
    if not path.exists():
        raise SystemExit(f"No model is at {path}. Train one first.")
    return path


def load_model(folder, seed):
    """Loads the model, to draw the same noise in every process."""
    path = find_model(folder)
    keras.utils.set_random_seed(seed)
    return keras.saving.load_model(path)


def remove(folder, *patterns):
    """Deletes the files and folders of some names, if there are any."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


# A run -----------------------------------------------------------------------


def run(main):
    """Runs an example; says how to go on if it is stopped."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on where this one stopped.")


def train(model, scenes, options, callbacks=(), prefix="val_", **arguments):
    """Trains from the last checkpoint on; saves the model.

    Gives the rows of `history.csv`, which is written after every epoch with
    `prefix` in place of Keras's `val_`. Callbacks run before the checkpoint.
    """
    checkpoint = TrainingCheckpoint(options.output / "checkpoint.npz")

    def begin(logs):
        step = len(checkpoint.history) * options.epoch_steps
        size = f"{model.count_params():,} parameters"
        print(f"{options.preset}: {size}, step {step:,} of {options.steps:,}")

    def write_history(*_):
        rows = []
        for logs in checkpoint.history:
            row = {k.replace("val_", prefix): v for k, v in logs.items()}
            rows.append({"step": row.pop("epoch") * options.epoch_steps, **row})
        write_rows(options.output / "history.csv", rows)
        return rows

    first = {"on_train_begin": begin, "on_epoch_end": stop_if_lost}
    checkpoint.fit(
        model,
        scenes,
        epochs=options.epochs,
        steps_per_epoch=options.epoch_steps,
        callbacks=[
            keras.callbacks.LambdaCallback(**first),
            *callbacks,
            checkpoint,
            keras.callbacks.LambdaCallback(on_epoch_end=write_history),
        ],
        verbose=1 if sys.stdout.isatty() else 2,
        **arguments,
    )
    with all_at_once(options.output / "model.keras") as path:
        model.save(path)
    return write_history()


def stop_if_lost(epoch, logs):
    """Ends training before a model that is lost enters the checkpoint."""
    if not math.isfinite(logs["loss"]):
        raise SystemExit(
            "The loss is not finite: training diverged, or the data hold such "
            f"values. Received: loss={logs['loss']}"
        )


def plot_curves(path, history, losses, title, scores, levels=None):
    """Draws dicts from labels to columns; levels from labels to values."""
    figure = Figure(figsize=(9, 3.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for axis, curves in ((left, losses), (right, scores)):
        for label, name in curves.items():
            points = [(row["step"], row[name]) for row in history]
            axis.plot(*zip(*points, strict=True), ".-", label=label)
    styles = iter(("--", ":"))
    for label, value in (levels or {}).items():
        right.axhline(value, color="0.4", linestyle=next(styles), label=label)
    left.set(title="Loss", yscale="log")
    left.yaxis.set_major_formatter("{x:g}")  # Not 2 x 10^-2.
    left.yaxis.set_minor_formatter("{x:.3g}")
    right.set(title=title)
    right.set_ylim(min(0, *right.dataLim.intervaly), 1.02)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.9", which="both")
        axis.set_xlim(0, None)
        axis.set_xlabel("step")
        axis.legend(frameon=False)
    save_figure(figure, path)


def export_and_check(model, endpoint, call, inputs, path):
    """Exports a model; gives how far its outputs in a fresh process are off.

    The endpoint and `call` take the same inputs by name, which must make the
    outputs deterministic. Exits if these are off by more than `MAX_DIFFERENCE`.
    """
    remove(path.parent, path.name)
    export_saved_model(model, path)
    # As a graph, as it is served: in half precision, which operations are
    # fused, and so where rounding happens, shows in the third digit.
    expected = to_float32(tf.function(call)(**inputs))
    script = Path(__file__).with_name("serve_saved_model.py")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("in.npz", "out.npz")]
        np.savez(files[0], **inputs)
        # -I: no PYTHONPATH and no current folder to import from.
        command = [sys.executable, "-I", script, path, endpoint, *files]
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            raise SystemExit(f"It cannot be served:\n{process.stderr}")
        served = dict(np.load(files[1]))
    difference = max(
        float(np.abs(served[name] - expected[name]).max()) for name in expected
    )
    print(f"\nSavedModel in a fresh process: off by {difference:.1e} at most")
    if not difference <= MAX_DIFFERENCE:
        raise SystemExit(f"That is more than {MAX_DIFFERENCE:.0e}: {path}")
    return difference


def to_float32(outputs):
    """Converts outputs to arrays that add and draw alike in any precision."""
    return {
        name: keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))
        for name, x in outputs.items()
    }


def finish(options, settings, history, results):
    """Writes metrics.json, the last file of a run, and tells where all is."""
    content = {
        "steps": options.steps,
        "seconds": history[-1]["seconds"],
        **results,
        "settings": settings,
        **environment(),
    }
    write_json(options.output / "metrics.json", content)
    minutes = content["seconds"] / 60
    print(f"\n{options.steps:,} steps in {minutes:.1f} minutes")
    print(*sorted(options.output.iterdir()), sep="\n")


def environment():
    """Describes the versions and the machine that a result depends on."""
    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details
    return {
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "keras_slots": keras_slots.__version__,
            "numpy": np.__version__,
        },
        "machine": {
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "gpus": [details(gpu).get("device_name") for gpu in gpus],
        },
    }
