"""Which system predicts sets best? The supplement's table 2, on two cores.

```shell
python benchmarks/set_prediction_systems.py               # every run, in turn
python benchmarks/set_prediction_systems.py slot_mlp dspn  # only these
python benchmarks/set_prediction_systems.py --table       # what is there
```

Runs `examples/set_prediction.py` once per setting and seed, one after the
other, into `runs/set_prediction/SETTING_SEED`. Stop it whenever you like:
finished runs are kept, and an unfinished one goes on where it stopped. Writes
`runs/set_prediction/systems.csv`, one row per setting, seed, number of test
iterations and number of objects in the scene, draws `systems.png` beside it,
and prints the table of docs/results/set_prediction.md.
"""

import argparse
import json
import statistics
from pathlib import Path

from csv_rows import read_rows, write_rows
from examples_folder import run_example
from set_prediction_figure import plot_systems

# The published number of objects, all properties, and the paper's loss; every
# setting but the long one has the same number of steps of the same batches.
MAIN = (
    *("--max-objects", "10", "--loss", "huber"),
    *("--mixed-precision", "mixed_bfloat16"),
)
SETTINGS = {
    "slot_attention": MAIN,
    "slot_mlp": (*MAIN, "--model", "slot_mlp"),
    "dspn": (*MAIN, "--model", "dspn"),
    "idspn": (*MAIN, "--model", "idspn"),
    "last_iteration": (*MAIN, "--no-loss-at-every-iteration"),
    "coordinate_scale_2": (*MAIN, "--coordinate-scale", "2"),
    # In float32 and compiled by XLA, unlike the others.
    "cross_entropy_float32": ("--max-objects", "10", "--jit"),
    "cross_entropy_long": (
        *MAIN,
        *("--loss", "cross_entropy", "--steps", "24000"),
    ),
    "no_centers": (*MAIN, "--no-centers"),
}


def main():
    """Trains what is not trained yet, then sums up."""
    options = parse_options()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for setting in [] if options.table else options.settings:
            folder = options.output / f"{setting}_{seed}"
            if not (folder / "metrics.json").exists():
                words = ["--seed", seed, "--output", folder, *SETTINGS[setting]]
                run_example("set_prediction.py", *words)
    rows = reached(options.output)
    if not rows:
        raise SystemExit(f"No finished run is in {options.output}.")
    write_rows(options.output / "systems.csv", rows)
    plot_systems(
        rows, read_histories(options.output), options.output / "systems.png"
    )
    print_table(rows)


def parse_options():
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("settings", nargs="*", default=list(SETTINGS), metavar="setting")
    add("--seeds", type=int, default=1)
    add("--first-seed", type=int, default=0)
    add("--output", type=Path, default=Path("runs/set_prediction"))
    add("--table", action="store_true", help="train nothing")
    options = parser.parse_args()
    for setting in options.settings:
        if setting not in SETTINGS:
            parser.error(f"{setting!r} is not one of {', '.join(SETTINGS)}")
    return options


def finished_runs(output):
    """Pairs of setting and folder, in the order of `SETTINGS`."""
    return [
        (setting, file.parent)
        for setting in SETTINGS
        for file in sorted(output.glob(f"{setting}_[0-9]*/metrics.json"))
    ]


def reached(output):
    """What the finished runs reached, as rows."""
    rows = []
    for setting, folder in finished_runs(output):
        metrics = json.loads((folder / "metrics.json").read_text())
        for iterations, ap in metrics["average_precision"].items():
            by_number = metrics["by_number_of_objects"][iterations]
            for number, values in {"all": ap, **by_number}.items():
                rows.append(
                    {
                        "setting": setting,
                        "seed": metrics["settings"]["seed"],
                        "test_iterations": iterations,
                        "num_objects": number,
                        "steps": metrics["steps"],
                        "minutes": round(metrics["seconds"] / 60, 1),
                        "parameters": metrics["parameters"],
                        **values,
                    }
                )
    return rows


def read_histories(output):
    """The learning curves of the finished runs, by setting and folder."""
    histories = {}
    for setting, folder in finished_runs(output):
        rows = read_rows(folder / "history.csv")
        histories[setting, folder.name] = rows
    return histories


def print_table(rows):
    """The rows of all scenes as a Markdown table, AP in %.

    A line for each seed, and one for their mean and standard deviation where
    there are several.
    """
    names = [name for name in rows[0] if name.startswith("ap_")]
    header = ["setting", "T", "seed", "minutes", *names]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    groups = {}
    for row in rows:
        if row["num_objects"] == "all":
            key = row["setting"], row["test_iterations"]
            groups.setdefault(key, []).append(row)
    for key, seeds in groups.items():
        for row in seeds:
            cells = [*key, row["seed"], row["minutes"]]
            cells += [f"{100 * row[name]:.1f}" for name in names]
            print("| " + " | ".join(map(str, cells)) + " |")
        if len(seeds) > 1:
            cells = [*key, "all", ""]
            for name in names:
                values = [100 * row[name] for row in seeds]
                spread = statistics.stdev(values)
                cells.append(f"{statistics.mean(values):.1f} ± {spread:.1f}")
            print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
