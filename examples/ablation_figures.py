"""The pictures of ablations.py, drawn from the rows of its CSV file alone."""

import statistics

from ablation_settings import FIGURES
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from run_folder import replacing

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


def draw_figures(names, rows, folder):
    """Draws those figures of which there is a row.

    Args:
        names: List of keys of `FIGURES`.
        rows: List of dicts, the rows of the CSV file as text.
        folder: Path of the pictures' folder.

    Returns:
        A list of the pictures' paths.
    """
    paths = []
    for name in names:
        settings = set(FIGURES[name].curves.values())
        if any(row["setting"] in settings for row in rows):
            path = folder / f"figure_{name}.png"
            with replacing(path) as unfinished:
                draw_figure(FIGURES[name], rows, unfinished)
            paths.append(path)
    return paths


def draw_figure(figure, rows, path):
    """Draws one figure: a curve for each setting, an axis for each score.

    Args:
        figure: A value of `FIGURES`.
        rows: List of dicts, the rows of the CSV file as text.
        path: Path of the picture.
    """
    tasks = {row["task"] for row in rows}
    panels = [panel for panel in PANELS if panel[0] in tasks]
    kinds = ["step"] + ["test_iterations"] * figure.by_test_iterations
    width, height = 3.6 * len(panels) + 0.4, 3.0 * len(kinds) + 0.7
    picture = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes = picture.subplots(len(kinds), len(panels), squeeze=False)
    for kind, line in zip(kinds, axes, strict=True):
        for panel, axis in zip(panels, line, strict=True):
            _draw_panel(axis, figure, rows, kind, panel)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    picture.suptitle(f"{figure.title}: {_describe_seeds(figure, rows)}")
    picture.legend(
        handles,
        labels,
        loc="outside lower center",
        # What is longer than a line takes two.
        ncols=len(labels) if len(labels) <= 5 else (len(labels) + 1) // 2,
        frameon=False,
    )
    picture.savefig(path)


def _draw_panel(axis, figure, rows, kind, panel):
    task, score, title = panel
    lowest, others = 0.0, iter(OTHERS)
    for label, setting in figure.curves.items():
        color = BLUE if setting in DEFAULTS else next(others)
        seeds = curves_of_seeds(rows, task, setting, kind, score)
        # Missing so far: in the legend all the same, of all axes.
        places, mean, low, high = mean_and_range(seeds)
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
    """What each seed scored.

    Args:
        rows: List of dicts, the rows of the CSV file as text.
        task: String.
        setting: String.
        kind: `"step"`, or `"test_iterations"` for the final scores by these.
        score: String, the name of a column.

    Returns:
        A dict by seed of dicts from step, or number of test iterations, to
        score.
    """
    swept = kind == "test_iterations"
    seeds = {}
    for row in rows:
        if (row["task"], row["setting"]) == (task, setting) and swept == bool(
            row["test_iterations"]
        ):
            curve = seeds.setdefault(row["seed"], {})
            curve[int(row[kind])] = float(row[score])
    return seeds


def mean_and_range(seeds):
    """Places, means, lowest and highest values of curves of one length."""
    places = sorted(set().union(*seeds.values()))
    values = [[curve[place] for curve in seeds.values()] for place in places]
    return (
        places,
        [statistics.fmean(at_place) for at_place in values],
        [min(at_place) for at_place in values],
        [max(at_place) for at_place in values],
    )


def _describe_seeds(figure, rows):
    """Such as "mean, range and each of 3 seeds"."""
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
