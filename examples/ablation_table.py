"""The CSV file of ablations.py, and its final scores as Markdown tables."""

import csv
import math
import statistics

from ablation_figures import PANELS, curves_of_seeds
from ablation_settings import FIGURES, SETTINGS
from ablation_tasks import ObjectDiscoveryTask, PropertyPredictionTask
from run_folder import write_csv

WHOLE_NUMBERS = ("seed", "step", "test_iterations")
NUMBERS = ("seconds", "loss")
NUMBERS += ObjectDiscoveryTask.scores + PropertyPredictionTask.scores
COLUMNS = ("task", "setting", *WHOLE_NUMBERS, *NUMBERS)


def write_rows(path, runs):
    """Writes what the finished runs scored, whole or not at all.

    Args:
        path: Path of the CSV file.
        runs: List of triples of task, setting and `Run`; settings that differ
            in nothing share a run and have their rows each.
    """
    rows = [
        # The columns of the other task stay empty.
        dict.fromkeys(COLUMNS, "")
        | {"task": task, "setting": setting, "seed": run.seed}
        | {name: value for name, value in row.items() if value is not None}
        for task, setting, run in runs
        for row in run.rows()
    ]
    if rows:
        write_csv(path, rows)


def read_rows(path):
    """The rows of the CSV file, as dicts of text; exits if it is damaged."""
    if not path.exists():
        raise SystemExit(f"There is nothing to draw: no {path} is there.")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        for row in rows:
            _check(row)
    except (ValueError, csv.Error) as error:
        raise SystemExit(
            f"The table is damaged: {error}. Without --draw-only it is "
            f"written again from its runs. Received: {path}"
        ) from error
    return rows


def _check(row):
    """Raises a `ValueError` for what `write_rows` never writes."""
    scores = [score for task, score, _ in PANELS if task == row.get("task")]
    needed = ("seed", "step", *scores)
    if (
        set(row) != set(COLUMNS)
        or None in row.values()
        or row["setting"] not in SETTINGS
        or not scores
        or not all(row[name] for name in needed)
    ):
        raise ValueError(f"no run has the row {row}")
    for names, number in ((WHOLE_NUMBERS, int), (NUMBERS, float)):
        for name in names:
            if row[name]:  # The columns of the other task are empty.
                number(row[name])


def make_table(rows):
    """The text of two Markdown tables: final scores, and by test iterations.

    Args:
        rows: List of dicts, the rows of the CSV file as text.
    """
    present = [
        setting
        for setting in SETTINGS
        if any(row["setting"] == setting for row in rows)
    ]
    lines = [
        "Final scores in %: mean ± standard deviation (every seed).",
        "",
        *_table(
            ["setting", "figures", *(title for *_, title in PANELS)],
            [
                [f"`{setting}`", _figures_of(setting)]
                + [_final_scores(rows, setting, panel) for panel in PANELS]
                for setting in present
            ],
        ),
    ]
    for panel in PANELS:
        lines += _by_test_iterations(rows, present, panel)
    return "\n".join(lines) + "\n"


def _table(header, body):
    """Lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *body]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _figures_of(setting):
    return ", ".join(
        name.replace("_", " ")
        for name, figure in FIGURES.items()
        if setting in figure.curves.values()
    )


def _final_scores(rows, setting, panel):
    """One cell, such as `51.0 ± 2.0 (49.0, 53.0)`."""
    task, score, _ = panel
    seeds = curves_of_seeds(rows, task, setting, "step", score)
    return _describe([curve[max(curve)] for curve in seeds.values()])


def _describe(values):
    if not values:
        return ""
    every = ", ".join(_percent(value) for value in values)
    if len(values) == 1 or not all(map(math.isfinite, values)):
        return every
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    return f"{_percent(mean)} ± {_percent(spread)} ({every})"


def _percent(value):
    return f"{100 * value:.1f}" if math.isfinite(value) else "diverged"


def _by_test_iterations(rows, settings, panel):
    """Lines of a table: a row for each setting, a column for each number."""
    task, score, title = panel
    body, numbers = [], []
    for setting in settings:
        seeds = curves_of_seeds(rows, task, setting, "test_iterations", score)
        if seeds and SETTINGS[setting].test_iterations:
            numbers = sorted(set().union(*seeds.values()))
            scores = [
                [curve[number] for curve in seeds.values()]
                for number in numbers
            ]
            means = [_percent(statistics.fmean(values)) for values in scores]
            body.append([f"`{setting}`", *means])
    if not body:
        return []
    header = ["setting", *(f"T = {number}" for number in numbers)]
    return ["", f"{title}, mean by test iterations:", "", *_table(header, body)]
