"""The command line of object_discovery.py."""

import argparse
from pathlib import Path

from training_options import add_training_options, set_defaults

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
    add("--records", type=Path, help="a published file, or shards of it")
    add_training_options(parser, train_scenes="by --data", eval_scenes="320")
    options = parser.parse_args()
    options.preset = options.preset or options.data
    if options.output is None:
        options.output = Path("runs/object_discovery") / options.data
    try:
        preset = get_preset(options.preset)
        if preset.decoder is None:
            raise ValueError(
                "--preset must be one of `ObjectDiscovery`, such as "
                f"{options.data}. Received: --preset {options.preset}"
            )
        if options.records is None:
            _check_image_size(options, preset)
        elif not options.records.exists():
            raise ValueError(
                "--records must name a published file, or a folder that "
                "convert_records.py made from one. Received: "
                f"--records {options.records}"
            )
        defaults = {
            "steps": preset.train_steps,
            "epoch_steps": EPOCH_STEPS,
            "train_scenes": TRAIN_SCENES[options.data],
            "eval_scenes": 320,
            "batch_size": preset.batch_size,
        }
        set_defaults(options, SMOKE if options.smoke else defaults)
    except ValueError as error:
        parser.error(str(error))
    return options, preset


def _check_image_size(options, preset):
    height, width, _ = get_preset(options.data).image_shape
    if preset.image_shape[:2] != (height, width):
        raise ValueError(
            f"The scenes are {height} x {width} pixels; choose a preset for "
            f"such images, `{options.data}` for one, or other scenes. "
            f"Received: --data {options.data} --preset {options.preset}, for "
            f"images of shape {preset.image_shape}"
        )
