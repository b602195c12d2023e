"""Ablations of Slot Attention: Figures 1 to 13 of the supplement, and more.

```shell
pip install ".[examples]"  # in a clone of the repository
python examples/ablations.py
```

Trains object discovery and property prediction in every setting that section 2
of the supplement compares, and in some beyond the paper, seed by seed; and
draws each figure as there: the score by training step, a curve for each
setting. Nothing is downloaded. The scenes of properties are rendered once, into
`--cache`.

What to expect: a line for every run, with its scores and how long the rest may
take. The small models learn in about a minute each; what they lack of the
paper's is in `ablation_tasks.py`.

Stop it whenever you like: the same command goes on where it stopped. Finished
runs are never repeated, and other figures, tasks and seeds add to them.

What it leaves in `--output`, by default `runs/ablations/small`:
`ablations.csv`, a row for each task, setting, seed and step; `figure_*.png` and
`table.md`, made from that file alone; and `runs/`, a folder for each run.

Other things to do with it:

```shell
# Some figures, one task, more seeds.
python examples/ablations.py --figures 1,4,soft_k_means \
    --tasks object_discovery --seeds 0,1,2,3,4
# Figures and table once more, from the CSV file.
python examples/ablations.py --draw-only
# The paper's models and schedules, for GPUs and weeks: property prediction on
# the published scenes, object discovery on generated ones of the same kind.
python examples/ablations.py --paper
```
"""

import sys
import time

import tensorflow as tf
from ablation_figures import draw_figures
from ablation_options import parse_options
from ablation_runs import check, make_run, make_runs, train
from ablation_settings import SETTINGS
from ablation_table import make_table, read_rows, write_rows
from ablation_tasks import make_tasks
from run_folder import replacing


def main():
    """Trains what is not trained yet, then draws and sums up."""
    options = parse_options(__doc__)
    if not options.draw_only:
        finish_runs(options)
    rows = read_rows(options.output / "ablations.csv")
    paths = draw_figures(options.figures, rows, options.output)
    table = make_table(rows)
    with replacing(options.output / "table.md") as path:
        path.write_text(table)
    print(f"\n{table}\n" + "\n".join(str(path) for path in paths))


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
        print(f"\n{describe(run)} ({index + 1} of {len(left)})", flush=True)
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


def describe(run):
    """A run in words."""
    return f"{run.task.name}, {run.setting}, seed {run.seed}"


def find_runs(options):
    """Triples of task, setting and finished run, of all that is in the folder.

    Also of tasks, settings and seeds that the command line leaves out.
    """
    seeds = sorted(
        {
            int(folder.name.rpartition("-")[2])
            for folder in (options.output / "runs").glob("*-*-[0-9]*")
        }
    )
    runs = [
        (task.name, setting, make_run(task, setting, seed, options.output))
        for task in make_tasks(options.scale).values()
        for setting in SETTINGS
        for seed in seeds
    ]
    return [triple for triple in runs if triple[-1].finished]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on where this one stopped.")
