"""How fast do runs of `examples/object_discovery.py` find objects?

Draws the FG-ARI on validation scenes of finished runs, by steps and by minutes
of training, as their `history.csv` and `metrics.json` have it. Dashed: what
color alone scores on test scenes; dotted: what place alone does; both the mean
of all runs.
"""

import itertools
import statistics
from pathlib import Path

from benchmarks import results
from benchmarks.running import command_line

BASELINES = {"color_alone": "--", "position_alone": ":"}


def main():
    """Reads the folders and draws one picture."""
    parser = command_line(__doc__, output=Path("runs.png"))
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    figure, axes = results.new_figure(9, 3.4, columns=2, sharey=True)
    runs = []
    for folder in options.folders:
        metrics = results.read_json(folder / "metrics.json")
        runs.append((metrics["settings"]["preset"], folder))
    draw_runs(axes[0], runs)
    draw_runs(axes[1], runs, "seconds", 60)
    axes[0].set_ylabel("FG-ARI, 320 validation scenes")
    axes[1].set_xlabel("minutes of training")
    axes[1].legend(frameon=False, loc="lower right")
    results.save_figure(figure, options.output)


def draw_runs(axis, runs, column="step", unit=1):
    """Draws a curve for each label and folder, and the mean baselines.

    How far a run was stands in a column of `history.csv`, divided by `unit`.
    """
    lowest, baselines = 0.0, []
    # Past the last color, they come again.
    for (label, folder), color in zip(runs, itertools.cycle(results.COLORS)):
        rows = results.read_rows(folder / "history.csv")
        places = [float(row[column]) / unit for row in rows]
        scores = [float(row["validation_fg_ari"]) for row in rows]
        axis.plot(places, scores, ".-", color=color, label=label)
        lowest = min(lowest, *scores)
        baselines.append(results.read_json(folder / "metrics.json")["fg_ari"])
    for name, style in BASELINES.items():
        mean = statistics.fmean(fg_ari[name]["mean"] for fg_ari in baselines)
        label = f"{name.replace('_', ' ')} ({mean:.3f})"
        axis.axhline(mean, color="0.4", linestyle=style, label=label)
    axis.set(xlabel=column, xlim=(0, None), ylim=(lowest, 1.02))


if __name__ == "__main__":
    main()
