"""What ablations.py makes of its runs: rows of scores, figures and tables."""

import json
import math
import statistics

from ablation_settings import FIGURES, SETTINGS
from ablation_tasks import ObjectDiscoveryTask, PropertyPredictionTask
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_slots.files import all_at_once

COLUMNS = (
    *("task", "setting", "seed", "step", "test_iterations", "seconds", "loss"),
    *ObjectDiscoveryTask.scores,
    *PropertyPredictionTask.scores,
)
EMPTY = dict.fromkeys(COLUMNS)
# The palette by Okabe and Ito, which the color-blind can tell apart, without
# its yellow, and a brown for many curves. The default always comes in blue.
BLUE = "#0072B2"
OTHERS = ("#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "0.2")
OTHERS += ("#8C6D46",)
DEFAULTS = ("default", "exact_slots")
# More curves than these have no ranges, which would hide each other.
MAX_RANGES = 5
# Task, column and title of each axis.
PANELS = (
    ("object_discovery", "fg_ari", "Object discovery: FG-ARI"),
    ("property_prediction", "ap_inf", "Properties: AP, any distance"),
    ("property_prediction", "ap_1", "Properties: AP, distance < 1"),
)

# Rows -------------------------------------------------------------------------


def read_rows(output):
    """Reads what all finished runs of a folder scored, step by step.

    Also those of tasks, settings and seeds that the command line leaves out.
    Settings that differ in nothing share a run, and have their rows each.
    """
    rows = []
    for path in output.glob("runs/*/metrics.json"):
        metrics = json.loads(path.read_text())
        task, _, seed = path.parent.name.split("-")
        for setting in metrics["settings"]:
            run = {"task": task, "setting": setting, "seed": int(seed)}
            # The columns of the other task stay empty.
            rows += [EMPTY | run | row for row in metrics["rows"]]
    order = list(SETTINGS)
    rows.sort(key=lambda x: (x["task"], order.index(x["setting"]), x["seed"]))
    return rows


# Figures ----------------------------------------------------------------------


def draw_figures(names, rows, folder):
    """Draws those figures of which there is a row; gives their paths."""
    paths = []
    for name in names:
        settings = set(FIGURES[name].curves.values())
        if any(row["setting"] in settings for row in rows):
            path = folder / f"figure_{name}.png"
            with all_at_once(path) as unfinished:
                draw_figure(FIGURES[name], rows, unfinished)
            paths.append(path)
    return paths


def draw_figure(figure, rows, path):
    """Draws a curve for each setting of a figure, an axis for each score."""
    tasks = {row["task"] for row in rows}
    panels = [panel for panel in PANELS if panel[0] in tasks]
    kinds = ["step"] + ["test_iterations"] * figure.by_test_iterations
    width, height = 3.6 * len(panels) + 0.4, 3.0 * len(kinds) + 0.7
    picture = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes = picture.subplots(len(kinds), len(panels), squeeze=False)
    for kind, line in zip(kinds, axes, strict=True):
        for panel, axis in zip(panels, line, strict=True):
            _draw_panel(axis, figure, rows, kind, panel)
    picture.suptitle(f"{figure.title}: {_describe_seeds(figure, rows)}")
    # What is longer than a line takes two.
    columns = len(figure.curves)
    columns = columns if columns <= 5 else (columns + 1) // 2
    curves = axes[0, 0].get_legend_handles_labels()
    place = {"loc": "outside lower center", "frameon": False}
    picture.legend(*curves, ncols=columns, **place)
    picture.savefig(path)


def _draw_panel(axis, figure, rows, kind, panel):
    task, score, title = panel
    lowest, others = 0.0, iter(OTHERS)
    for label, setting in figure.curves.items():
        color = BLUE if setting in DEFAULTS else next(others)
        seeds = curves_of_seeds(rows, task, setting, kind, score)
        places, values = by_place(seeds)
        mean, low, high = (
            [function(scores) for scores in values]
            for function in (statistics.fmean, min, max)
        )
        # Missing so far: in the legend all the same, of all axes.
        axis.plot(places, mean, "o-", color=color, markersize=3, label=label)
        if len(figure.curves) <= MAX_RANGES:
            axis.fill_between(places, low, high, color=color, alpha=0.15, lw=0)
        for curve in seeds.values():
            axis.plot(*zip(*curve.items(), strict=True), color=color, lw=0.5)
        lowest = min([lowest, *low])
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(kind.replace("_", " "))
    axis.set_ylim(1.05 * lowest, 1.02)
    axis.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="0.92")
    axis.set_axisbelow(True)


def curves_of_seeds(rows, task, setting, kind, score):
    """Collects dicts by seed of the scores by step.

    Or, if this is the `kind`, of the final ones by `"test_iterations"`.
    """
    swept = kind == "test_iterations"
    seeds = {}
    for row in rows:
        wanted = (row["task"], row["setting"]) == (task, setting)
        if wanted and swept == bool(row["test_iterations"]):
            curve = seeds.setdefault(row["seed"], {})
            curve[int(row[kind])] = float(row[score])
    return seeds


def by_place(seeds):
    """Gives the places of curves, and at each the values of all seeds."""
    places = sorted(set().union(*seeds.values()))
    return places, [[curve[p] for curve in seeds.values()] for p in places]


def _describe_seeds(figure, rows):
    """Says, for example, "mean, range and each of 3 seeds"."""
    numbers = {
        len(curves_of_seeds(rows, task, setting, "step", score))
        for task, score, _ in PANELS
        for setting in figure.curves.values()
    } - {0}
    least, most = min(numbers), max(numbers)
    if most == 1:
        return "one seed"
    number = f"{least} to {most}" if least < most else str(most)
    ranges = ", range" if len(figure.curves) <= MAX_RANGES else ""
    return f"mean{ranges} and each of {number} seeds"


# Table ------------------------------------------------------------------------


def make_table(rows):
    """Makes Markdown tables of the final scores, and by test iterations."""
    found = {row["setting"] for row in rows}
    present = [setting for setting in SETTINGS if setting in found]
    header = ["setting", "figures", *(title for *_, title in PANELS)]
    body = [
        [f"`{setting}`", _figures_of(setting)]
        + [_final_scores(rows, setting, panel) for panel in PANELS]
        for setting in present
    ]
    lines = ["Final scores in %: mean ± standard deviation (every seed).", ""]
    lines += _table(header, body)
    for panel in PANELS:
        lines += _by_test_iterations(rows, present, panel)
    return "\n".join(lines) + "\n"


def _table(header, body):
    """Makes the lines of a Markdown table."""
    lines = [header, ["---"] * len(header), *body]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _figures_of(setting):
    figures = FIGURES.items()
    names = [n for n, figure in figures if setting in figure.curves.values()]
    return ", ".join(names).replace("_", " ")


def _final_scores(rows, setting, panel):
    """Fills one cell, for example `51.0 ± 2.0 (49.0, 53.0)`."""
    task, score, _ = panel
    seeds = curves_of_seeds(rows, task, setting, "step", score)
    values = [curve[max(curve)] for curve in seeds.values()]
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
    """Makes a table: a row for each setting, a column for each number."""
    task, score, title = panel
    body, numbers = [], []
    for setting in settings:
        seeds = curves_of_seeds(rows, task, setting, "test_iterations", score)
        if seeds and SETTINGS[setting].test_iterations:
            numbers, scores = by_place(seeds)
            means = [_percent(statistics.fmean(values)) for values in scores]
            body.append([f"`{setting}`", *means])
    if not body:
        return []
    header = ["setting", *(f"T = {number}" for number in numbers)]
    return ["", f"{title}, mean by test iterations:", "", *_table(header, body)]
