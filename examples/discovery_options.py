"""The command line of object_discovery.py."""

import argparse
import dataclasses
import math
from pathlib import Path

from run_folder import as_json

from keras_slots.models import get_preset

# By set of scenes: as many as the paper's; fewer where each takes milliseconds
# to render.
TRAIN_SCENES = {
    "tetrominoes": 60_000,
    "multi_dsprites": 60_000,
    "clevr_scenes": 30_000,
}
EPOCH_STEPS = 500  # Between two checkpoints, and two points of the curves.
SMOKE = {
    "steps": 6,
    "epoch_steps": 3,
    "train_scenes": 64,
    "eval_scenes": 16,
    "batch_size": 8,
}


def parse_options(manual):
    """Reads the command line.

    Args:
        manual: String, the text of `--help`.

    Returns:
        Pair of the options, with the preset's values where none were given,
        and the `Preset`.
    """
    parser = argparse.ArgumentParser(
        description=manual,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", choices=tuple(TRAIN_SCENES), default="tetrominoes")
    add("--preset", help="see from_preset; default: DATA")
    add("--output", type=Path, help="default runs/object_discovery/DATA")
    add("--seed", type=int, default=0, help="of scenes, weights and noise")
    add("--steps", type=int, help="rounded up to whole epochs")
    add("--epoch-steps", type=int, help="steps between two checkpoints")
    add("--train-scenes", type=int, help="default by --data")
    add("--eval-scenes", type=int, help="default 320")
    add("--batch-size", type=int)
    add(
        "--mixed-precision",
        choices=("none", "mixed_bfloat16", "mixed_float16"),
        default="none",
    )
    add("--jit", action="store_true", help="compile with XLA on a CPU too")
    add("--records", type=Path, help="a published file, or shards of it")
    add("--cache", type=Path, default=Path("runs/clevr_scenes"))
    add("--fresh", action="store_true", help="delete an earlier run first")
    add("--evaluate-only", action="store_true", help="score a trained model")
    add("--smoke", action="store_true", help="a few steps, to see it run")
    options = parser.parse_args()
    options.preset = options.preset or options.data
    if options.output is None:
        options.output = Path("runs/object_discovery") / options.data
    try:
        preset = get_preset(options.preset)
        if options.records is None:
            _check_image_size(options, preset)
        elif not options.records.exists():
            raise ValueError(
                "--records must name a published file, or a folder that "
                "convert_records.py made from one. Received: "
                f"--records {options.records}"
            )
        _set_defaults(options, preset)
    except ValueError as error:
        parser.error(str(error))
    return options, preset


def make_settings(options, preset):
    """All that decides the result, as a dict that fits a JSON file."""
    settings = vars(options) | {"preset_values": dataclasses.asdict(preset)}
    for name in ("output", "cache", "fresh", "evaluate_only", "smoke"):
        del settings[name]
    return as_json(settings)


def _check_image_size(options, preset):
    height, width, _ = get_preset(options.data).image_shape
    if preset.image_shape[:2] != (height, width):
        raise ValueError(
            f"The scenes are {height} x {width} pixels; choose a preset for "
            f"such images, `{options.data}` for one, or other scenes. "
            f"Received: --data {options.data} --preset {options.preset}, for "
            f"images of shape {preset.image_shape}"
        )


def _set_defaults(options, preset):
    """Fills in what the command line leaves open; steps to whole epochs."""
    defaults = {
        "steps": preset.train_steps,
        "epoch_steps": EPOCH_STEPS,
        "train_scenes": TRAIN_SCENES[options.data],
        "eval_scenes": 320,
        "batch_size": preset.batch_size,
    }
    for name, value in (SMOKE if options.smoke else defaults).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
        _check_at_least(name, getattr(options, name), 1)
    _check_at_least("seed", options.seed, 0)
    _check_at_least("train_scenes", options.train_scenes, options.batch_size)
    options.epoch_steps = min(options.epoch_steps, options.steps)
    options.epochs = math.ceil(options.steps / options.epoch_steps)
    options.steps = options.epochs * options.epoch_steps


def _check_at_least(name, value, minimum):
    if value < minimum:
        flag = f"--{name.replace('_', '-')}"
        raise ValueError(
            f"{flag} must be at least {minimum}. Received: {flag} {value}"
        )
