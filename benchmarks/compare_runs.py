"""How fast do runs of `examples/object_discovery.py` find objects?

```shell
python benchmarks/compare_runs.py RUN_FOLDER RUN_FOLDER --output FILE.png
```

Draws the FG-ARI on validation scenes of finished runs, by steps and by minutes
of training, as their `history.csv` and `metrics.json` have it. Dashed: what
color alone scores on test scenes; dotted: what place alone does; both the mean
of all runs.
"""

import argparse
import itertools
import json
import statistics
from pathlib import Path

from csv_rows import read_rows
from matplotlib.figure import Figure
from palette import BLUE, GREEN, PURPLE, RED

COLORS = (BLUE, RED, GREEN, PURPLE)
BASELINES = {"color_alone": "--", "position_alone": ":"}


def main():
    """Reads the folders and draws one picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=Path("runs.png"))
    options = parser.parse_args()
    figure = Figure(figsize=(9, 3.4), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    scored = []
    # Past the fourth run, the colors come again.
    for folder, color in zip(
        options.folders, itertools.cycle(COLORS), strict=False
    ):
        metrics = json.loads((folder / "metrics.json").read_text())
        scored.append(metrics["fg_ari"])
        preset = metrics["settings"]["preset"]
        rows = read_rows(folder / "history.csv")
        scores = [float(row["validation_fg_ari"]) for row in rows]
        for axis, name, unit in (
            (axes[0], "step", 1),
            (axes[1], "seconds", 60),
        ):
            times = [float(row[name]) / unit for row in rows]
            axis.plot(times, scores, ".-", color=color, label=preset)
    finish(axes, scored)
    figure.savefig(options.output)


def finish(axes, scored):
    """What both halves have in common, the baselines of all runs among it."""
    for axis, label in zip(axes, ("step", "minutes of training"), strict=True):
        axis.set(xlabel=label, xlim=(0, None), ylim=(0, 1.02))
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.9")
        for name, style in BASELINES.items():
            mean = statistics.fmean(fg_ari[name]["mean"] for fg_ari in scored)
            axis.axhline(mean, color="0.4", linestyle=style, linewidth=1)
    axes[0].set_ylabel("FG-ARI, 320 validation scenes")
    axes[1].legend(frameon=False, loc="lower right")


if __name__ == "__main__":
    main()
