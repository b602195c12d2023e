"""Which system predicts sets best? The supplement's table 2, on two cores.

```shell
python benchmarks/set_prediction_systems.py               # every run, in turn
python benchmarks/set_prediction_systems.py slot_mlp dspn  # only these
python benchmarks/set_prediction_systems.py --table       # what is there
```

Runs `examples/set_prediction.py` once per setting and seed, one after the
other, into `runs/set_prediction/SETTING_SEED`. Stop it whenever you like:
finished runs are kept, and an unfinished one goes on where it stopped. Writes
`runs/set_prediction/systems.csv`, one row per setting, seed and number of test
iterations, and prints the table of docs/results/set_prediction.md.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "set_prediction.py"
# The published number of objects, all properties, and the paper's loss; every
# setting has the same number of steps of the same batches.
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
    "cross_entropy": (*MAIN, "--loss", "cross_entropy"),
    "slot_mlp_cross_entropy": (
        *MAIN,
        *("--loss", "cross_entropy", "--model", "slot_mlp"),
    ),
    "no_centres": (*MAIN, "--no-centres"),
}


def main():
    """Trains what is not trained yet, then sums up."""
    options = parse_options()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for setting in [] if options.table else options.settings:
            folder = options.output / f"{setting}_{seed}"
            if not (folder / "metrics.json").exists():
                run_example(setting, seed, folder)
    rows = read_rows(options.output)
    write_csv(options.output / "systems.csv", rows)
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


def run_example(setting, seed, folder):
    """One training, in a process of its own."""
    command = [sys.executable, str(EXAMPLE), "--seed", str(seed)]
    command += ["--output", str(folder), *SETTINGS[setting]]
    subprocess.run(command, check=True)


def read_rows(output):
    """What the finished runs reached, as rows."""
    rows = []
    for setting in SETTINGS:
        for file in sorted(output.glob(f"{setting}_[0-9]*/metrics.json")):
            metrics = json.loads(file.read_text())
            for iterations, ap in metrics["average_precision"].items():
                rows.append(
                    {
                        "setting": setting,
                        "seed": metrics["settings"]["seed"],
                        "test_iterations": iterations,
                        "steps": metrics["steps"],
                        "minutes": round(metrics["seconds"] / 60, 1),
                        "parameters": metrics["parameters"],
                        **ap,
                    }
                )
    return rows


def write_csv(path, rows):
    """One line per row."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def print_table(rows):
    """The rows as a Markdown table, AP in %."""
    names = [name for name in rows[0] if name.startswith("ap_")]
    header = ["setting", "seed", "T", "minutes", *names]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        cells = [row["setting"], row["seed"], row["test_iterations"]]
        cells += [row["minutes"], *(f"{100 * row[name]:.1f}" for name in names)]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
