"""How fast do runs of `examples/object_discovery.py` find objects?

```shell
python benchmarks/compare_runs.py RUN_FOLDER RUN_FOLDER --output FILE.png
```

Draws the FG-ARI on validation scenes of finished runs, by steps and by minutes
of training, as their `history.csv` and `metrics.json` have it.
"""

import argparse
import json
from pathlib import Path

from csv_rows import read_rows
from matplotlib.figure import Figure

# Okabe and Ito's, told apart with any common colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


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
    for folder, colour in zip(options.folders, COLOURS, strict=False):
        preset, rows = read(folder)
        scores = [float(row["validation_fg_ari"]) for row in rows]
        for axis, name, unit in (
            (axes[0], "step", 1),
            (axes[1], "seconds", 60),
        ):
            times = [float(row[name]) / unit for row in rows]
            axis.plot(times, scores, ".-", color=colour, label=preset)
    finish(axes)
    figure.savefig(options.output)


def read(folder):
    """The preset of a run, and the rows of its learning curve."""
    settings = json.loads((folder / "metrics.json").read_text())["settings"]
    return settings["preset"], read_rows(folder / "history.csv")


def finish(axes):
    """What both halves have in common."""
    for axis, label in zip(axes, ("step", "minutes of training"), strict=True):
        axis.set(xlabel=label, xlim=(0, None), ylim=(0, 1.02))
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.9")
        # What colour alone scores, and what place alone does.
        for value, style in ((0.797, "--"), (0.903, ":")):
            axis.axhline(value, color="0.4", linestyle=style, linewidth=1)
    axes[0].set_ylabel("FG-ARI, 320 validation scenes")
    axes[1].legend(frameon=False, loc="lower right")


if __name__ == "__main__":
    main()
