"""Does every seed find the objects? Five trainings, one table, one picture.

```shell
python benchmarks/discovery_seeds.py
python benchmarks/discovery_seeds.py --records FILE  # score published scenes
python benchmarks/discovery_seeds.py --data clevr_scenes --seeds 2
```

Runs `examples/object_discovery.py` once per seed, one after the other, into
`runs/discovery_seeds/DATA/seed_N`; options that are not named here are handed
on to it. Stop it whenever you like: finished seeds are kept, and an unfinished
one goes on where it stopped. Prints the tables of docs/results and draws
`seeds.png` beside the runs.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from csv_rows import read_rows
from examples_folder import run_example
from matplotlib.figure import Figure
from palette import BLUE, GREEN, ORANGE, PURPLE, RED

SCORES = {"fg_ari": "FG-ARI", "ari": "ARI", "mbo": "mBO", "mask_iou": "IoU"}
BASELINES = ("color_alone", "position_alone")
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE)


def main():
    """Trains what is not trained yet, then sums up."""
    options, rest = parse_options()
    rest += ["--data", options.data]
    folders = {}
    for seed in range(options.seeds):
        folders[seed] = options.output / f"seed_{seed}"
        words = ["--seed", seed, "--output", folders[seed], *rest]
        if not (folders[seed] / "metrics.json").exists():
            run_example("object_discovery.py", *words)
        if options.records:
            words += ["--evaluate-only", "--records", options.records]
            run_example("object_discovery.py", *words)
    print_table(folders, published=bool(options.records))
    plot_curves(folders, options.output / "seeds.png")


def parse_options():
    """What the command line says, and what of it is for the example."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="tetrominoes")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--output", type=Path)
    options, rest = parser.parse_known_args()
    if options.output is None:
        options.output = Path("runs/discovery_seeds") / options.data
    return options, rest


def read_json(path):
    """The content of a JSON file."""
    return json.loads(path.read_text())


def print_table(folders, published):
    """One row per seed, and the mean and the standard deviation of all."""
    rows = []
    for seed, folder in folders.items():
        metrics = read_json(folder / "metrics.json")
        row = [metrics["seconds"] / 60]
        row += [metrics[score]["model"]["mean"] for score in SCORES]
        row += [metrics["fg_ari"][name]["mean"] for name in BASELINES]
        if published:
            evaluation = read_json(folder / "evaluation.json")
            row.append(evaluation["fg_ari"]["model"]["mean"])
        rows.append((str(seed), row))
    values = np.array([row for _, row in rows])
    # Of a single seed, whose spread is unknown, 0.
    spread = values.std(axis=0, ddof=min(1, len(values) - 1))
    rows.append(("mean", values.mean(axis=0)))
    rows.append(("standard deviation", spread))
    titles = ["seed", "minutes", *SCORES.values()]
    titles += [f"{name.replace('_', ' ')}, FG-ARI" for name in BASELINES]
    titles += ["published scenes, FG-ARI"] if published else []
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for name, (minutes, *scores) in rows:
        cells = [name, f"{minutes:.1f}", *(f"{score:.3f}" for score in scores)]
        print("| " + " | ".join(cells) + " |")


def plot_curves(folders, path):
    """FG-ARI on validation scenes against steps, a line per seed."""
    figure = Figure(figsize=(7, 4), dpi=150, layout="constrained")
    axis = figure.subplots()
    baselines, lowest = [], 0.0
    for (seed, folder), color in zip(
        folders.items(), np.resize(COLORS, len(folders)), strict=True
    ):
        history = read_rows(folder / "history.csv")
        scores = [float(row["validation_fg_ari"]) for row in history]
        lowest = min(lowest, *scores)
        axis.plot(
            [int(row["step"]) for row in history],
            scores,
            ".-",
            color=str(color),
            label=f"seed {seed}",
        )
        baselines.append(read_json(folder / "metrics.json")["fg_ari"])
    for name, style in zip(BASELINES, ("--", ":"), strict=True):
        mean = np.mean([fg_ari[name]["mean"] for fg_ari in baselines])
        label = f"{name.replace('_', ' ')} ({mean:.3f})"
        axis.axhline(mean, color="0.4", linestyle=style, label=label)
    axis.set_ylim(lowest, 1.02)
    axis.set_xlim(0, None)
    axis.set_xlabel("step")
    axis.set_title("FG-ARI on 320 validation scenes")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(color="0.9")
    axis.legend(frameon=False, loc="lower right", ncols=2)
    figure.savefig(path)
    print(path)


if __name__ == "__main__":
    main()
