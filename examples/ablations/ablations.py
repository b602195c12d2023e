"""Ablations of Slot Attention: Figures 1 to 13 of the supplement, and more.

```shell
python examples/ablations/ablations.py
# Some figures, one task, more seeds.
python examples/ablations/ablations.py --figures 1,4,soft_k_means \
    --tasks object_discovery --seeds 0,1,2,3,4
# Figures and table of the runs that are finished.
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
from pathlib import Path

import tensorflow as tf

sys.path.append(str(Path(__file__).parents[1]))
import run_folder
from ablation_report import draw_figures, make_table, read_rows
from ablation_runs import check, make_runs, train
from ablation_settings import FIGURES
from ablation_tasks import make_tasks

from keras_slots.files import all_at_once, write_rows

TASKS = tuple(make_tasks("small"))  # At other scales they have the same names.


def main():
    """Trains what is not trained yet, then draws and sums up."""
    options = parse_options()
    if not options.draw_only:
        finish_runs(options)
    rows = read_rows(options.output)
    if not rows:
        raise SystemExit(f"No run is finished in {options.output}.")
    write_rows(options.output / "ablations.csv", rows)
    paths = draw_figures(options.figures, rows, options.output)
    table = make_table(rows)
    with all_at_once(options.output / "table.md") as path:
        path.write_text(table)
    print(f"\n{table}\n" + "\n".join(str(path) for path in paths))


def parse_options():
    """Reads the command line; `settings` are those its figures need."""
    parser = run_folder.manual_parser(__doc__)
    add, seed = parser.add_argument, run_folder.whole_number(0)
    for name, choices in (("--figures", FIGURES), ("--tasks", TASKS)):
        text = f"comma-separated, of {','.join(choices)}"
        add(name, type=listed(one_of(choices)), default=choices, help=text)
    add("--seeds", type=listed(seed), default=[0, 1, 2], help="default 0,1,2")
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
    curves = [FIGURES[figure].curves for figure in options.figures]
    options.settings = dict.fromkeys(s for c in curves for s in c.values())
    return options


def listed(read):
    """Makes a type of argument: what `read` takes, between commas."""
    return lambda text: [read(word) for word in text.split(",")]


def one_of(choices):
    """Makes a type of argument: one of some names."""

    def read(name):
        if name not in choices:
            raise argparse.ArgumentTypeError(
                f"{name!r} is not one of {', '.join(choices)}"
            )
        return name

    return read


def finish_runs(options):
    """Runs what is not finished."""
    runs = make_runs(
        options.tasks, options.settings, options.seeds, options.output
    )
    # Before anything is written, and of all at once.
    for run in runs:
        check(run)
    left = [run for run in runs if not run.finished]
    if left:
        open_scenes(options)
    print(f"{len(runs) - len(left)} of {len(runs)} runs are finished.")
    # Every run traces its own step, which TensorFlow warns of.
    tf.get_logger().setLevel("ERROR")
    for index, run in enumerate(left):
        name = f"{run.task.name}, {run.setting}, seed {run.seed}"
        print(f"\n{name} ({index + 1} of {len(left)})", flush=True)
        train(run, options.cache, options.data_dir)


def open_scenes(options):
    """Renders what is not rendered yet; exits if a task's data is not there.

    Rather now than after the runs of another task.
    """
    try:
        for task in options.tasks:
            task.open_scenes(options.cache, options.data_dir)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    run_folder.run(main)
