"""The command line of ablations.py."""

import argparse
from pathlib import Path

from ablation_settings import FIGURES
from ablation_tasks import make_tasks

TASKS = tuple(make_tasks("small"))  # At other scales they have the same names.


def parse_options(manual):
    """Reads the command line.

    Args:
        manual: String, the text of `--help`.

    Returns:
        The options, with `tasks` a dict of tasks by name, and `settings` the
        names of the settings that the figures need.
    """
    parser = argparse.ArgumentParser(
        description=manual,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--figures",
        type=_one_of(FIGURES),
        default=list(FIGURES),
        help=f"comma-separated, of {','.join(FIGURES)}",
    )
    add(
        "--tasks",
        type=_one_of(TASKS),
        default=list(TASKS),
        help=f"comma-separated, of {','.join(TASKS)}",
    )
    add("--seeds", type=_seeds, default=[0, 1, 2], help="default 0,1,2")
    add("--output", type=Path, help="default runs/ablations/SCALE")
    add("--cache", type=Path, default=Path("runs/clevr_scenes"))
    scale = parser.add_mutually_exclusive_group()
    for name, text in (
        ("paper", "the published configuration, for GPUs"),
        ("smoke", "two steps of every run, to see it run"),
    ):
        scale.add_argument(
            f"--{name}",
            action="store_const",
            dest="scale",
            const=name,
            default="small",
            help=text,
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


def _one_of(choices):
    """A type of argument: names among the choices, between commas."""

    def names(text):
        names = text.split(",")
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is not one of {', '.join(choices)}"
                )
        return names

    return names


def _seeds(text):
    """A type of argument: seeds between commas."""
    seeds = text.split(",")
    if not all(seed.isdecimal() for seed in seeds):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not made of integers that are not negative"
        )
    return [int(seed) for seed in seeds]
