"""One picture of a training: loss and score against steps."""

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator


def plot_learning_curves(history, baselines, path):
    """Draws the learning curves of object discovery.

    Args:
        history: List of dicts, one per point, with `step`, `loss`,
            `validation_loss` and `validation_fg_ari`.
        baselines: Dict of names and the FG-ARI that they reach; drawn as
            level lines.
        path: Path of the picture.
    """
    steps = [row["step"] for row in history]
    figure = Figure(figsize=(9, 3.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, label, color in (
        ("loss", "training", "tab:blue"),
        ("validation_loss", "validation", "tab:orange"),
    ):
        values = [row[name] for row in history]
        left.plot(steps, values, ".-", color=color, label=label)
    left.set(title="Loss", yscale="log")
    # 0.02 rather than 2 x 10^-2.
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5, 7)))
    left.yaxis.set_minor_formatter("{x:.2g}")
    left.legend(frameon=False)

    values = [row["validation_fg_ari"] for row in history]
    right.plot(steps, values, ".-", color="tab:green", label="model")
    for (name, value), style in zip(
        baselines.items(), ("--", ":"), strict=True
    ):
        right.axhline(value, color="0.4", linestyle=style, label=name)
    right.set(title="FG-ARI on validation scenes")
    right.set_ylim(min(0.0, *values), 1.02)
    right.legend(frameon=False, loc="lower right")

    _finish((left, right))
    figure.savefig(path)


def plot_average_precision(history, path):
    """Draws the learning curves of set prediction.

    Args:
        history: List of dicts, one per point, with `step`, `loss` and
            `val_ap_...` for every threshold.
        path: Path of the picture.
    """
    steps = [row["step"] for row in history]
    figure = Figure(figsize=(9, 3.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(steps, [row["loss"] for row in history], ".-", color="tab:blue")
    left.set(title="Training loss", ylim=(0, None))
    names = [name for name in history[0] if name.startswith("val_ap_")]
    for index, name in enumerate(names):
        values = [row[name] for row in history]
        label = "distance < " + name.removeprefix("val_ap_")
        if name == "val_ap_inf":
            label = "any distance"
        # One hue, from dark to light as the threshold tightens.
        shade = index / len(names)
        color = (0.1 + 0.5 * shade, 0.35 + 0.45 * shade, 0.2 + 0.6 * shade)
        right.plot(steps, values, ".-", color=color, label=label)
    right.set(title="AP on validation scenes", ylim=(0, 1.02))
    right.legend(frameon=False)
    _finish((left, right))
    figure.savefig(path)


def _finish(axes):
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.9", which="both")
        axis.set_xlim(0, None)
        axis.set_xlabel("step")
