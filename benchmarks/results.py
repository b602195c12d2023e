"""What scripts leave: tables in Markdown, files of rows or values, pictures."""

import csv
import json
import platform
from pathlib import Path

from keras_slots.files import put_in_place

BENCHMARKS = Path("runs/benchmarks")
# Okabe and Ito's palette, told apart with any common color vision.
BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
ORANGE, RED, PURPLE = "#E69F00", "#D55E00", "#CC79A7"
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE)


def print_table(header, rows):
    """Prints a table in Markdown."""
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for cells in rows:
        print("| " + " | ".join(map(str, cells)) + " |")


def write_rows(path, rows):
    """Writes rows that are dicts, under the names that the first one has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        put_in_place(path) as unfinished,
        open(unfinished, "w", newline="") as file,
    ):
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path):
    """Reads the rows again, every value as text."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def write_json(path, values):
    """Writes what JSON can say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with put_in_place(path) as unfinished:
        Path(unfinished).write_text(json.dumps(values, indent=2) + "\n")


def read_json(path):
    """Reads it again."""
    return json.loads(path.read_text())


def as_json(values):
    """Gives values as they would be read again, with Keras objects in them."""
    from keras.saving import serialize_keras_object

    return json.loads(json.dumps(values, default=serialize_keras_object))


def write_measured(path, results):
    """Writes what was measured, with the machine's class."""
    machine = {
        "processor": platform.machine(),
        "python": platform.python_version(),
    }
    write_json(path, {"machine": machine, **results})


def new_figure(width, height, rows=1, columns=1, **options):
    """Makes a figure and its axes, row by row, with a grid and no frame."""
    from matplotlib.figure import Figure  # Not where the GPU is.

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.92")
        axis.set_axisbelow(True)
    return figure, axes


def save_figure(figure, path):
    """Writes a picture, and says where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print(path)
