"""Does every seed find the objects? Five trainings, one table, one picture.

Runs `examples/object_discovery.py` once per seed, one after the other, into
`runs/discovery_seeds/DATA/seed_N`; options that are not named here are handed
on to it. Stop it whenever you like: finished seeds are kept, and an unfinished
one goes on where it stopped. Prints the tables of docs/results and draws
`seeds.png` beside the runs. With `--records`, published scenes are scored, too.
"""

from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.learning.compare_runs import BASELINES, draw_runs
from benchmarks.running import command_line, run_example, run_if_unfinished

SCORES = {"fg_ari": "FG-ARI", "ari": "ARI", "mbo": "mBO", "mask_iou": "IoU"}


def main():
    """Trains what is not trained yet, then sums up."""
    parser = command_line(__doc__, data="tetrominoes", seeds=5)
    parser.add_argument("--records", type=Path)
    options, rest = parser.parse_known_args()
    output = Path("runs/discovery_seeds", options.data)
    folders = {seed: output / f"seed_{seed}" for seed in range(options.seeds)}
    for seed, folder in folders.items():
        words = ["--seed", seed, "--data", options.data, *rest]
        run_if_unfinished("object_discovery.py", folder, *words)
        if options.records:
            words += ["--evaluate-only", "--records", options.records]
            run_example("object_discovery.py", folder, *words)
    print_table(folders, published=bool(options.records))
    plot_curves(folders, output / "seeds.png")


def print_table(folders, published):
    """Prints a row per seed, and mean and standard deviation of all."""
    rows = []
    for folder in folders.values():
        metrics = results.read_json(folder / "metrics.json")
        row = [metrics["seconds"] / 60]
        row += [metrics[score]["model"]["mean"] for score in SCORES]
        row += [metrics["fg_ari"][name]["mean"] for name in BASELINES]
        if published:
            evaluation = results.read_json(folder / "evaluation.json")
            row.append(evaluation["fg_ari"]["model"]["mean"])
        rows.append(row)
    values = np.array(rows)
    # Of a single seed, whose spread is unknown, 0.
    spread = values.std(axis=0, ddof=min(1, len(values) - 1))
    rows += [values.mean(axis=0), spread]
    titles = ["seed", "minutes", *SCORES.values()]
    titles += [f"{name.replace('_', ' ')}, FG-ARI" for name in BASELINES]
    titles += ["published scenes, FG-ARI"] if published else []
    names = [*folders, "mean", "standard deviation"]
    table = [
        [name, f"{minutes:.1f}", *(f"{score:.3f}" for score in scores)]
        for name, (minutes, *scores) in zip(names, rows, strict=True)
    ]
    results.print_table(titles, table)


def plot_curves(folders, path):
    """Draws FG-ARI on validation scenes against steps, a line per seed."""
    figure, (axis,) = results.new_figure(7, 4)
    draw_runs(axis, [(f"seed {n}", folder) for n, folder in folders.items()])
    axis.set_title("FG-ARI on 320 validation scenes")
    axis.legend(frameon=False, loc="lower right", ncols=2)
    results.save_figure(figure, path)


if __name__ == "__main__":
    main()
