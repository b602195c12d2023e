"""The picture of set_prediction_systems.py: who predicts sets how well."""

from statistics import mean

from benchmarks import results
from benchmarks.results import BLUE, GREEN, ORANGE, PURPLE, RED, SKY

# Label, setting, number of test iterations, color.
SYSTEMS = (
    ("Slot Attention", "slot_attention", "3", BLUE),
    ("iDSPN, T = 10", "idspn", "10", PURPLE),
    ("DSPN, T = 30", "dspn", "30", GREEN),
    ("DSPN, T = 10", "dspn", "10", ORANGE),
    ("Slot MLP", "slot_mlp", "none", RED),
)
# What the paper reports (supplement, table 2).
REPORTED = {
    "Slot Attention": (94.3, 86.7, 56, 10.8, 0.9),
    "DSPN, T = 30": (85.2, 81.1, 47.4, 10.8, 0.6),
    "DSPN, T = 10": (72.8, 59.2, 39, 12.4, 1.3),
    "Slot MLP": (19.8, 1.4, 0.3, 0, 0),
}
# What changes of the loss do to Slot Attention (Figure 17).
LOSSES = (
    ("last iteration", "last_iteration", "0.45"),
    ("every iteration", "slot_attention", BLUE),
    ("and coordinates to [0, 2]", "coordinate_scale_2", SKY),
    ("cross-entropy, float32", "cross_entropy_float32", ORANGE),
    ("cross-entropy, 24,000 steps", "cross_entropy_long", RED),
)
THRESHOLDS = ("inf", "1", "0.5", "0.25", "0.125")
DISTANCES = ("any", *(f"< {threshold}" for threshold in THRESHOLDS[1:]))


def plot_systems(rows, histories, path):
    """Draws AP by threshold, step, number of objects, and loss."""
    figure, axes = results.new_figure(11, 8, 2, 2)
    for axis in axes:
        axis.set(ylim=(0, 102), ylabel="AP in %")
    plot_thresholds(axes[0], rows)
    plot_steps(axes[1], histories)
    plot_numbers(axes[2], rows)
    plot_losses(axes[3], rows)
    for axis, columns in zip(axes, (1, 1, 1, 2), strict=True):
        axis.legend(frameon=False, ncols=columns)
    results.save_figure(figure, path)


def precision(rows, setting, iterations, num_objects="all"):
    """Gives AP in % by threshold, for each seed."""
    wanted = {"setting": setting, "test_iterations": iterations}
    wanted["num_objects"] = num_objects
    return [
        [100 * row[f"ap_{threshold}"] for threshold in THRESHOLDS]
        for row in rows
        if wanted.items() <= row.items()
    ]


def plot_seeds(axis, seeds, color, label):
    """Draws a point for every seed, and a line through their means."""
    for values in seeds:
        axis.plot(values, "o", color=color, markersize=3.5)
    means = [mean(values) for values in zip(*seeds, strict=True)]
    axis.plot(means, color=color, label=label if means else None)


def plot_thresholds(axis, rows):
    """Draws AP by threshold, beside the paper's."""
    for label, setting, iterations, color in SYSTEMS:
        plot_seeds(axis, precision(rows, setting, iterations), color, label)
        axis.plot(REPORTED.get(label, ()), ":", color=color, linewidth=1)
    axis.plot([], [], ":", color="0.3", linewidth=1, label="the paper's")
    axis.set_xticks(range(len(THRESHOLDS)), DISTANCES)
    axis.set(title="By distance threshold", xlabel="distance")


def plot_steps(axis, histories):
    """Draws AP on the way, a line for each training."""
    # With T = 30 it is the same training as with T = 10.
    for label, setting, _, color in (*SYSTEMS[:2], *SYSTEMS[3:]):
        label = label.removesuffix(", T = 10")
        for name, history in histories:
            if name == setting:
                steps = [int(row["step"]) for row in history]
                values = [100 * float(row["val_ap_inf"]) for row in history]
                axis.plot(steps, values, color=color, label=label)
                label = None
    axis.set(title="By training step, at any distance", xlabel="step")


def plot_numbers(axis, rows):
    """Draws AP of Slot Attention by number of objects."""
    numbers = sorted({row["num_objects"] for row in rows} - {"all"}, key=int)
    for end, iterations, color in ((", as trained", "3", BLUE), ("", "5", SKY)):
        test = rows, "slot_attention", iterations
        by_number = [[ap[0] for ap in precision(*test, n)] for n in numbers]
        seeds = list(zip(*by_number, strict=True))
        plot_seeds(axis, seeds, color, f"T = {iterations}{end}")
    axis.set_xticks(range(len(numbers)), numbers)
    title = "Slot Attention by number of objects (Figure 16)"
    axis.set(title=title, xlabel="objects in the scene")


def plot_losses(axis, rows):
    """Draws bars for each loss, by threshold."""
    rows = [row for row in rows if row["seed"] == 0]
    width = 0.8 / len(LOSSES)
    for index, (label, setting, color) in enumerate(LOSSES):
        offset = (index - (len(LOSSES) - 1) / 2) * width
        for values in precision(rows, setting, "3"):
            places = [place + offset for place in range(len(values))]
            axis.bar(places, values, width, color=color, label=label)
    axis.set_xticks(range(len(THRESHOLDS)), DISTANCES)
    axis.set_yticks(range(0, 101, 20))
    title = "Slot Attention by what the loss sees (Figure 17), seed 0"
    axis.set(title=title, xlabel="distance", ylim=(0, 135))  # For the legend.
