"""The options that object_discovery.py and set_prediction.py share."""

import dataclasses
import math
from pathlib import Path

from run_folder import as_json

# What decides no result; and the layout, which other options make up.
NO_SETTINGS = ("output", "cache", "layout", "fresh", "evaluate_only", "smoke")


def add_training_options(parser, train_scenes, eval_scenes):
    """Adds them to a command line.

    Args:
        parser: `ArgumentParser`.
        train_scenes: String, what the help says of the default number.
        eval_scenes: String, likewise.
    """
    add = parser.add_argument
    add("--steps", type=int, help="rounded up to whole epochs")
    add("--epoch-steps", type=int, help="steps between two checkpoints")
    add("--train-scenes", type=int, help=f"default {train_scenes}")
    add("--eval-scenes", type=int, help=f"default {eval_scenes}")
    add("--batch-size", type=int)
    add("--cache", type=Path, default=Path("runs/clevr_scenes"))
    add(
        "--mixed-precision",
        choices=("none", "mixed_bfloat16", "mixed_float16"),
        default="none",
    )
    add("--jit", action="store_true", help="compile with XLA on a CPU too")
    add("--fresh", action="store_true", help="delete an earlier run first")
    add("--evaluate-only", action="store_true", help="score a trained model")
    add("--smoke", action="store_true", help="a few steps, to see it run")


def set_defaults(options, defaults):
    """Fills in what the command line leaves open; steps to whole epochs.

    Args:
        options: The command line.
        defaults: Dict of positive numbers by option.

    Raises:
        ValueError: If a number is too small.
    """
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
        check_at_least(options, name, 1)
    check_at_least(options, "seed", 0)
    if options.seed >= 2**32:  # NumPy knows no larger one.
        raise ValueError(
            f"--seed must be less than 2**32. Received: --seed {options.seed}"
        )
    check_at_least(options, "train_scenes", options.batch_size)
    options.epoch_steps = min(options.epoch_steps, options.steps)
    options.epochs = math.ceil(options.steps / options.epoch_steps)
    options.steps = options.epochs * options.epoch_steps


def check_at_least(options, name, minimum):
    """Raises a `ValueError` if an option has a smaller value."""
    value = getattr(options, name)
    if value < minimum:
        flag = f"--{name.replace('_', '-')}"
        raise ValueError(
            f"{flag} must be at least {minimum}. Received: {flag} {value}"
        )


def make_settings(options, preset):
    """All that decides the result, as a dict that fits a JSON file."""
    settings = {
        name: value
        for name, value in vars(options).items()
        if name not in NO_SETTINGS
    }
    return as_json({**settings, "preset_values": dataclasses.asdict(preset)})
