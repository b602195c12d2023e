"""The command line of set_prediction.py."""

import argparse
import dataclasses
import math
from pathlib import Path

from training_options import (
    add_training_options,
    check_at_least,
    set_defaults,
)

from keras_slots.models import get_preset
from keras_slots.property_layout import PROPERTIES, PropertyLayout

EPOCH_STEPS = 1000  # Between two checkpoints, and two points of the curves.
MODELS = ("slot_attention", "slot_mlp", "dspn", "idspn")
SMOKE = {
    "steps": 4,
    "epoch_steps": 2,
    "train_scenes": 32,
    "eval_scenes": 16,
    "batch_size": 8,
}


def parse_options(manual):
    """Reads the command line.

    Args:
        manual: String, the text of `--help`.

    Returns:
        Pair of the options, with the preset's values where none were given,
        and the `Preset`, changed as the options say.
    """
    parser = argparse.ArgumentParser(
        description=manual,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", choices=MODELS, default="slot_attention")
    add("--data", choices=("clevr_scenes", "clevr"), default="clevr_scenes")
    add("--preset", default="clevr_scenes_properties", help="see from_preset")
    add("--output", type=Path, help="default runs/set_prediction/MODEL")
    add("--seed", type=int, default=0, help="of weights and noise")
    add("--min-objects", type=int, default=3)
    add("--max-objects", type=int, help="default: as many as slots")
    add("--properties", nargs="*", default=list(PROPERTIES))
    add("--coordinate-scale", type=float, default=1.0, help="Figure 17")
    add("--loss", choices=("cross_entropy", "huber"), default="cross_entropy")
    add(
        "--loss-at-every-iteration",
        action=argparse.BooleanOptionalAction,
        help="Figure 17; default: as in the preset",
    )
    add("--no-centers", action="store_true", help="slots as in the paper")
    add("--inner-iterations", type=int, default=10, help="of DSPN, iDSPN")
    add("--data-dir", type=Path, help="of TensorFlow Datasets")
    add_training_options(
        parser, train_scenes="30,000; clevr: all", eval_scenes="1,000"
    )
    options = parser.parse_args()
    try:
        preset = get_preset(options.preset)
        if preset.head is None:
            raise ValueError(
                "--preset must be one of `SetPrediction`, such as "
                "clevr_properties. Received: --preset " + options.preset
            )
        _set_defaults(options, preset)
        options.layout = PropertyLayout(
            tuple(options.properties), options.coordinate_scale
        )
        preset = _change(preset, options)
    except ValueError as error:
        parser.error(str(error))
    return options, preset


def _change(preset, options):
    """The preset with the options' slots, features, scale and schedule."""
    slots, head = dict(preset.slot_attention), dict(preset.head)
    slots["num_slots"] = options.max_objects
    head["num_features"] = options.layout.num_features
    head["coordinate_scale"] = options.coordinate_scale
    if options.no_centers:
        slots["center_frequencies"] = head["center_frequencies"] = None
    # The learning rate falls as far, however long the training.
    decay_steps = math.ceil(
        preset.decay_steps * options.steps / preset.train_steps
    )
    return dataclasses.replace(
        preset, slot_attention=slots, head=head, decay_steps=decay_steps
    )


def _set_defaults(options, preset):
    """Fills in what the command line leaves open."""
    defaults = {
        "steps": preset.train_steps,
        "epoch_steps": EPOCH_STEPS,
        "train_scenes": 30_000,
        "eval_scenes": 1_000,
        "batch_size": preset.batch_size,
    }
    set_defaults(options, SMOKE if options.smoke else defaults)
    if options.max_objects is None:
        options.max_objects = preset.slot_attention["num_slots"]
    if options.output is None:
        options.output = Path("runs/set_prediction") / options.model
    check_at_least(options, "inner_iterations", 1)
    check_at_least(options, "max_objects", options.min_objects)
    if options.model != "slot_attention":
        if options.loss_at_every_iteration is not None:
            raise ValueError(
                "--loss-at-every-iteration is for slot_attention; DSPN has it "
                f"always. Received: --model {options.model}"
            )
        options.loss_at_every_iteration = False
    elif options.loss_at_every_iteration is None:
        options.loss_at_every_iteration = preset.loss_at_every_iteration
