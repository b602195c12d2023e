"""The picture of set_prediction_systems.py: who predicts sets how well."""

from statistics import mean

from matplotlib.figure import Figure
from palette import BLUE, GREEN, ORANGE, PURPLE, RED, SKY

GREY = "0.45"
# Label, setting, number of test iterations, color, and what the paper
# reports (supplement, table 2).
SYSTEMS = (
    (
        "Slot Attention",
        "slot_attention",
        "3",
        BLUE,
        (94.3, 86.7, 56, 10.8, 0.9),
    ),
    ("iDSPN, T = 10", "idspn", "10", PURPLE, None),
    ("DSPN, T = 30", "dspn", "30", GREEN, (85.2, 81.1, 47.4, 10.8, 0.6)),
    ("DSPN, T = 10", "dspn", "10", ORANGE, (72.8, 59.2, 39, 12.4, 1.3)),
    ("Slot MLP", "slot_mlp", "none", RED, (19.8, 1.4, 0.3, 0, 0)),
)
# What changes of the loss do to Slot Attention (Figure 17).
LOSSES = (
    ("last iteration", "last_iteration", GREY),
    ("every iteration", "slot_attention", BLUE),
    ("and coordinates to [0, 2]", "coordinate_scale_2", SKY),
    ("cross-entropy, float32", "cross_entropy_float32", ORANGE),
    ("cross-entropy, 24,000 steps", "cross_entropy_long", RED),
)
THRESHOLDS = ("inf", "1", "0.5", "0.25", "0.125")
DISTANCES = ("any", *(f"< {threshold}" for threshold in THRESHOLDS[1:]))


def plot_systems(rows, histories, path):
    """Draws AP by threshold, step, number of objects, and loss.

    Args:
        rows: List of dicts as `set_prediction_systems.reached` gives.
        histories: Dict from (setting, folder) to the rows of `history.csv`.
        path: Path of the picture.
    """
    figure = Figure(figsize=(11, 8), dpi=130, layout="constrained")
    (threshold, step), (number, loss) = figure.subplots(2, 2)
    _plot_thresholds(threshold, rows)
    _plot_steps(step, histories)
    _plot_numbers(number, rows)
    _plot_losses(loss, rows)
    for axis in (threshold, step, number, loss):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.92")
        axis.set_axisbelow(True)
        axis.set_ylim(0, 102)
        axis.set_ylabel("AP in %")
    loss.set_ylim(0, 135)  # The legend needs room.
    loss.set_yticks(range(0, 101, 20))
    figure.savefig(path)


def _select(rows, setting, iterations, num_objects="all"):
    """One row per seed."""
    wanted = (setting, iterations, num_objects)
    names = ("setting", "test_iterations", "num_objects")
    return [row for row in rows if tuple(row[n] for n in names) == wanted]


def _precision(row):
    """AP in % in the order of the thresholds."""
    return [100 * row[f"ap_{name}"] for name in THRESHOLDS]


def _plot_thresholds(axis, rows):
    places = range(len(THRESHOLDS))
    for label, setting, iterations, color, paper in SYSTEMS:
        seeds = [_precision(r) for r in _select(rows, setting, iterations)]
        for values in seeds:
            axis.plot(places, values, "o", color=color, markersize=3.5)
        if seeds:
            means = [mean(values) for values in zip(*seeds, strict=True)]
            axis.plot(places, means, color=color, label=label)
        if paper:
            axis.plot(places, paper, ":", color=color, linewidth=1)
    axis.plot([], [], ":", color="0.3", linewidth=1, label="the paper's")
    axis.set_xticks(places, DISTANCES)
    axis.set(title="By distance threshold", xlabel="distance")
    axis.legend(frameon=False)


def _plot_steps(axis, histories):
    for label, setting, iterations, color, _ in SYSTEMS:
        if (setting, iterations) == ("dspn", "30"):
            continue  # The same training as with T = 10.
        label = label.removesuffix(", T = 10")
        for (name, _), history in sorted(histories.items()):
            if name == setting:
                steps = [int(row["step"]) for row in history]
                values = [100 * float(row["val_ap_inf"]) for row in history]
                axis.plot(steps, values, color=color, label=label)
                label = None
    axis.set(title="By training step, at any distance", xlabel="step")
    axis.legend(frameon=False)


def _plot_numbers(axis, rows):
    numbers = sorted({row["num_objects"] for row in rows} - {"all"}, key=int)
    for label, iterations, color in (
        ("T = 3, as trained", "3", BLUE),
        ("T = 5", "5", SKY),
    ):
        means = []
        for place, number in enumerate(numbers):
            seeds = _select(rows, "slot_attention", iterations, number)
            values = [_precision(row)[0] for row in seeds]
            axis.plot(
                [place] * len(values), values, "o", color=color, markersize=3.5
            )
            means.append(mean(values) if values else float("nan"))
        axis.plot(range(len(numbers)), means, color=color, label=label)
    axis.set_xticks(range(len(numbers)), numbers)
    axis.set(
        title="Slot Attention by number of objects (Figure 16)",
        xlabel="objects in the scene",
    )
    axis.legend(frameon=False)


def _plot_losses(axis, rows):
    width = 0.8 / len(LOSSES)
    for index, (label, setting, color) in enumerate(LOSSES):
        seeds = [
            _precision(row)
            for row in _select(rows, setting, "3")
            if row["seed"] == 0
        ]
        for values in seeds:
            places = [
                place + (index - (len(LOSSES) - 1) / 2) * width
                for place in range(len(values))
            ]
            axis.bar(places, values, width, color=color, label=label)
    axis.set_xticks(range(len(THRESHOLDS)), DISTANCES)
    axis.set(
        title="Slot Attention by what the loss sees (Figure 17), seed 0",
        xlabel="distance",
    )
    axis.legend(frameon=False, ncols=2, loc="upper right")
