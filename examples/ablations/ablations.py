"""Ablations of Slot Attention: Figures 1 to 13 of the supplement, and more.

```shell
python examples/ablations/ablations.py
# Some figures, one task, more seeds.
python examples/ablations/ablations.py --figures 1,4,soft_k_means \
    --tasks object_discovery --seeds 0,1,2,3,4
# Figures and table once more, from the CSV file.
python examples/ablations/ablations.py --draw-only
# The paper's models and schedules, for GPUs and weeks.
python examples/ablations/ablations.py --paper
```

Trains object discovery and property prediction in every setting that section 2
of the supplement compares, and in some beyond the paper, seed by seed, and
draws each figure as there. The small models learn in about a minute each; what
they lack of the paper's is in `ablation_tasks.py`. Stop it whenever you like:
the same command goes on where it stopped. Finished runs are never repeated, and
other figures, tasks and seeds add to them.
"""

import argparse
import sys
import time
from pathlib import Path

import tensorflow as tf

sys.path.append(str(Path(__file__).parents[1]))
from ablation_report import draw_figures, make_table, read_rows, write_rows
from ablation_runs import check, make_run, make_runs, train
from ablation_settings import FIGURES, SETTINGS
from ablation_tasks import make_tasks
from run_folder import manual_parser, replacing
from run_folder import run as run_example

TASKS = tuple(make_tasks("small"))  # At other scales they have the same names.


def main():
    """Trains what is not trained yet, then draws and sums up."""
    options = parse_options()
    if not options.draw_only:
        finish_runs(options)
    rows = read_rows(options.output / "ablations.csv")
    paths = draw_figures(options.figures, rows, options.output)
    table = make_table(rows)
    with replacing(options.output / "table.md") as path:
        path.write_text(table)
    print(f"\n{table}\n" + "\n".join(str(path) for path in paths))


def parse_options():
    """Reads the command line; `settings` are those its figures need."""
    parser = manual_parser(__doc__)
    add = parser.add_argument
    for name, choices in (("--figures", FIGURES), ("--tasks", TASKS)):
        add(
            name,
            type=one_of(choices),
            default=list(choices),
            help=f"comma-separated, of {','.join(choices)}",
        )
    add("--seeds", type=seeds, default=[0, 1, 2], help="default 0,1,2")
    add("--output", type=Path, help="default runs/ablations/SCALE")
    add("--cache", type=Path, default=Path("runs/clevr_scenes"))
    scale = parser.add_mutually_exclusive_group()
    for name in ("paper", "smoke"):
        scale.add_argument(
            f"--{name}",
            action="store_const",
            dest="scale",
            const=name,
            default="small",
        )
    add("--data-dir", type=Path, help="of TensorFlow Datasets, for --paper")
    add("--draw-only", action="store_true", help="train nothing")
    options = parser.parse_args()
    if options.output is None:
        options.output = Path("runs/ablations") / options.scale
    tasks = make_tasks(options.scale)
    options.tasks = [tasks[name] for name in options.tasks]
    settings = [
        setting
        for figure in options.figures
        for setting in FIGURES[figure].curves.values()
    ]
    options.settings = list(dict.fromkeys(settings))
    return options


def one_of(choices):
    """Makes a type of argument: names of choices, between commas."""

    def names(text):
        for name in text.split(","):
            if name not in choices:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is not one of {', '.join(choices)}"
                )
        return text.split(",")

    return names


def seeds(text):
    """Reads seeds between commas."""
    if not all(seed.isdecimal() for seed in text.split(",")):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not made of integers that are not negative"
        )
    return [int(seed) for seed in text.split(",")]


def finish_runs(options):
    """Runs what is not finished, and keeps the CSV file up to date."""
    runs = make_runs(
        options.tasks, options.settings, options.seeds, options.output
    )
    earlier = find_runs(options)
    # Before anything is written, and of all at once.
    for run in [*runs.values(), *(run for *_, run in earlier)]:
        check(run)
    write_rows(options.output / "ablations.csv", earlier)
    left = [run for run in runs.values() if not run.finished]
    if left:
        open_scenes(options)
    print(f"{len(runs) - len(left)} of {len(runs)} runs are finished.")
    # Every run traces its own step, which TensorFlow warns of.
    tf.get_logger().setLevel("ERROR")
    start = time.monotonic()
    for index, run in enumerate(left):
        name = f"{run.task.name}, {run.setting}, seed {run.seed}"
        print(f"\n{name} ({index + 1} of {len(left)})", flush=True)
        train(run, options.cache, options.data_dir)
        write_rows(options.output / "ablations.csv", find_runs(options))
        spent = time.monotonic() - start
        minutes = spent / (index + 1) * (len(left) - index - 1) / 60
        print(f"All the runs that are left: {minutes:.0f} minutes", flush=True)


def open_scenes(options):
    """Renders what is not rendered yet; exits if a task's data is not there.

    Rather now than after the runs of another task.
    """
    try:
        for task in options.tasks:
            task.open_scenes(options.cache, options.data_dir)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error


def find_runs(options):
    """Finds triples of task, setting and finished run in the folder.

    Also of tasks, settings and seeds that the command line leaves out.
    """
    folders = (options.output / "runs").glob("*-*-[0-9]*")
    seeds = sorted({int(f.name.rpartition("-")[2]) for f in folders})
    runs = [
        (task.name, setting, make_run(task, setting, seed, options.output))
        for task in make_tasks(options.scale).values()
        for setting in SETTINGS
        for seed in seeds
    ]
    return [triple for triple in runs if triple[-1].finished]


if __name__ == "__main__":
    run_example(main)
