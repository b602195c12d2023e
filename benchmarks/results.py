"""What scripts leave and read: tables, files of rows or values, pictures."""

import csv
import json
import platform
from pathlib import Path

from keras_slots.files import write_json

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


def read_rows(path):
    """Reads rows of a CSV file as dicts, every value as text."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def read_json(path):
    """Reads a JSON file."""
    return json.loads(path.read_text())


def write_measured(path, results):
    """Writes what was measured, with the machine's class."""
    machine = {
        "processor": platform.machine(),
        "python": platform.python_version(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
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
