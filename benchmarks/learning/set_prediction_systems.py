"""Which system predicts sets best? The supplement's table 2, on two cores.

Runs `examples/set_prediction.py` once per setting and seed, one after the
other, into `runs/set_prediction/SETTING_SEED`. Stop it whenever you like:
finished runs are kept, and an unfinished one goes on where it stopped. Writes
`runs/set_prediction/systems.csv`, one row per setting, seed, number of test
iterations and number of objects in the scene, draws `systems.png` beside it,
and prints the table of docs/results/set_prediction.md.
"""

from pathlib import Path
from statistics import mean, stdev

from benchmarks import results
from benchmarks.learning.set_prediction_figure import plot_systems
from benchmarks.running import command_line, run_if_unfinished
from keras_slots.checks import check_option
from keras_slots.files import write_rows

OUTPUT = Path("runs/set_prediction")
# The published number of objects, all properties, and the paper's loss; every
# setting but the long one has the same number of steps of the same batches.
TEN = "--max-objects 10"
MAIN = f"{TEN} --loss huber --mixed-precision mixed_bfloat16"
SETTINGS = {
    "slot_attention": MAIN,
    "slot_mlp": f"{MAIN} --model slot_mlp",
    "dspn": f"{MAIN} --model dspn",
    "idspn": f"{MAIN} --model idspn",
    "last_iteration": f"{MAIN} --no-loss-at-every-iteration",
    "coordinate_scale_2": f"{MAIN} --coordinate-scale 2",
    # In float32 and compiled by XLA, unlike the others.
    "cross_entropy_float32": f"{TEN} --jit",
    "cross_entropy_long": f"{MAIN} --loss cross_entropy --steps 24000",
    "no_centers": f"{MAIN} --no-centers",
}


def main():
    """Trains what is not trained yet, then sums up."""
    parser = command_line(__doc__, first_seed=0, seeds=1)
    parser.add_argument("settings", nargs="*", metavar="setting")
    options = parser.parse_args()
    for setting in options.settings:
        check_option("setting", setting, SETTINGS)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for setting in options.settings or SETTINGS:
            folder = OUTPUT / f"{setting}_{seed}"
            words = ["--seed", seed, *SETTINGS[setting].split()]
            run_if_unfinished("set_prediction.py", folder, *words)
    sum_up()


def sum_up():
    """Writes, draws and prints what the finished runs reached."""
    runs = [
        (setting, file.parent)
        for setting in SETTINGS
        for file in sorted(OUTPUT.glob(f"{setting}_[0-9]*/metrics.json"))
    ]
    rows = [row for run in runs for row in reached(*run)]
    write_rows(OUTPUT / "systems.csv", rows)
    histories = [(s, results.read_rows(f / "history.csv")) for s, f in runs]
    plot_systems(rows, histories, OUTPUT / "systems.png")
    print_table(rows)


def reached(setting, folder):
    """Gives what a finished run reached, as rows."""
    metrics = results.read_json(folder / "metrics.json")
    for iterations, ap in metrics["average_precision"].items():
        by_number = metrics["by_number_of_objects"][iterations]
        for number, values in {"all": ap, **by_number}.items():
            yield {
                "setting": setting,
                "seed": metrics["settings"]["seed"],
                "test_iterations": iterations,
                "num_objects": number,
                "steps": metrics["steps"],
                "minutes": round(metrics["seconds"] / 60, 1),
                "parameters": metrics["parameters"],
                **values,
            }


def print_table(rows):
    """Prints the rows of all scenes, AP in %.

    A line for each seed, and one for their mean and standard deviation where
    there are several.
    """
    names = [name for name in rows[0] if name.startswith("ap_")]
    groups, table = {}, []
    for row in rows:
        if row["num_objects"] == "all":
            key = row["setting"], row["test_iterations"]
            groups.setdefault(key, []).append(row)
    for key, seeds in groups.items():
        values = [[100 * row[name] for name in names] for row in seeds]
        for row, cells in zip(seeds, values, strict=True):
            cells = [f"{x:.1f}" for x in cells]
            table.append([*key, row["seed"], row["minutes"], *cells])
        if len(seeds) > 1:
            columns = zip(*values, strict=True)
            cells = [f"{mean(x):.1f} ± {stdev(x):.1f}" for x in columns]
            table.append([*key, "all", "", *cells])
    results.print_table(["setting", "T", "seed", "minutes", *names], table)


if __name__ == "__main__":
    main()
