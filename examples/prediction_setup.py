"""What set_prediction.py compares: options, scenes, models and scores."""

import argparse
import dataclasses
import math
from pathlib import Path

import keras
import numpy as np
import run_folder

from keras_slots import HungarianHuberLoss, datasets
from keras_slots.layers import PropertyHead, SlotMLP
from keras_slots.losses import HungarianCrossEntropyLoss
from keras_slots.metrics import SetAveragePrecision
from keras_slots.models import DeepSetPrediction, SetPrediction
from keras_slots.property_layout import PropertyLayout

MODELS = ("slot_attention", "slot_mlp", "dspn", "idspn")
# Slot Attention's test iterations: as in training, and more (supplement, 3.2).
TEST_ITERATIONS = (3, 5)
# Size of the vectors that sets are encoded into, half of the published.
LATENT_SIZE = 256


def parse_options(manual):
    """Reads the command line, and the preset, changed as it says."""
    parser = run_folder.make_parser(manual)
    add, positive = parser.add_argument, run_folder.whole_number(1)
    add("--model", choices=MODELS, default="slot_attention")
    add("--data", choices=("clevr_scenes", "clevr"), default="clevr_scenes")
    add("--preset", default="clevr_scenes_properties", help="see from_preset")
    add("--max-objects", type=positive, help="default: as many as slots")
    add("--coordinate-scale", type=float, default=1.0, help="Figure 17")
    add("--loss", choices=("cross_entropy", "huber"), default="cross_entropy")
    add(
        "--loss-at-every-iteration",
        action=argparse.BooleanOptionalAction,
        help="Figure 17; default: as in the preset",
    )
    add("--no-centers", action="store_true", help="slots as in the paper")
    add("--inner-iterations", type=positive, default=10, help="DSPN, iDSPN")
    add("--data-dir", type=Path, help="of TensorFlow Datasets")
    options = parser.parse_args()
    if options.output is None:
        options.output = Path("runs/set_prediction") / options.model
    preset = run_folder.find_preset(parser, options.preset, SetPrediction)
    run_folder.fill_in(parser, options, preset, 30_000, 1_000, 1_000)
    try:
        return options, change(preset, options)
    except ValueError as error:
        parser.error(str(error))


def change(preset, options):
    """Gives the preset the options' slots, features, scale and schedule."""
    if options.model != "slot_attention":
        if options.loss_at_every_iteration is not None:
            raise ValueError(
                "--loss-at-every-iteration is for slot_attention; DSPN has it "
                f"always. Received: --model {options.model}"
            )
    elif options.loss_at_every_iteration is None:
        options.loss_at_every_iteration = preset.loss_at_every_iteration
    scale = options.coordinate_scale
    options.layout = PropertyLayout(coordinate_scale=scale)
    slots, head = dict(preset.slot_attention), dict(preset.head)
    options.max_objects = options.max_objects or slots["num_slots"]
    slots["num_slots"] = options.max_objects
    head["num_features"] = options.layout.num_features
    head["coordinate_scale"] = scale
    if options.no_centers:
        slots["centers"] = head["center_frequencies"] = None
    # The learning rate falls as far, however long the training.
    decay_steps = math.ceil(
        preset.decay_steps * options.steps / preset.train_steps
    )
    return dataclasses.replace(
        preset, slot_attention=slots, head=head, decay_steps=decay_steps
    )


# Scenes and models -----------------------------------------------------------


def open_scenes(options, preset):
    """Opens batches of `(image, target)` to train, validate and test on.

    As published scenes would be, they are the same for every training, and in
    the same order. Exits if they are not there or do not fit the options.
    """
    image_size, most = preset.image_shape[0], options.max_objects
    common = {"image_size": image_size, "max_objects": most}
    common |= {"num_targets": most, "layout": options.layout, "seed": 0}
    size, few = options.batch_size, options.eval_scenes
    try:
        if options.data == "clevr":
            common |= {"data_dir": options.data_dir}
            # To validate, 512 of the training scenes, as in the paper.
            return (
                datasets.clevr("train", size, drop_remainder=True, **common),
                datasets.clevr("train_eval", min(100, size), **common),
                datasets.clevr("validation", min(100, size), **common),
            )
        make = datasets.clevr_scenes
        common |= {"cache": options.cache / f"{image_size}-3-{most}"}
        common |= {"min_objects": 3}
        train = options.train_scenes
        return (
            make("train", size, train, drop_remainder=True, **common),
            make("validation", 100, (few + 1) // 2, **common),
            make("test", 100, few, **common),
        )
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error


def make_model(options, preset):
    """Makes a model with fresh weights, built."""
    encoder = preset.make("encoder")
    if options.model in ("dspn", "idspn"):
        model = DeepSetPrediction(
            encoder,
            set_size=options.max_objects,
            num_features=options.layout.num_features,
            num_iterations=options.inner_iterations,
            implicit=options.model == "idspn",
            latent_size=LATENT_SIZE,
            hidden_size=LATENT_SIZE,
        )
    elif options.model == "slot_mlp":
        slots = preset.slot_attention
        slot_mlp = SlotMLP(slots["num_slots"], slots["slot_size"])
        head = {**preset.head, "center_frequencies": None}
        model = SetPrediction(encoder, slot_mlp, PropertyHead(**head))
    else:
        model = SetPrediction(
            encoder,
            preset.make("slot_attention"),
            preset.make("head"),
            loss_at_every_iteration=options.loss_at_every_iteration,
        )
    model.build((None, *preset.image_shape))
    return model


def make_loss(options):
    """Makes the loss between sets: DSPN's own, or what the options name."""
    if options.loss == "huber" or options.model in ("dspn", "idspn"):
        return HungarianHuberLoss()
    return HungarianCrossEntropyLoss(coordinate_scale=options.coordinate_scale)


def test_iterations(options):
    """Lists the numbers of iterations to test with; `None` for none."""
    if options.model == "slot_mlp":
        return (None,)
    if options.model == "slot_attention":
        return TEST_ITERATIONS
    # T = 30 is the model trained with T = 10 (Zhang et al., 2019).
    return (options.inner_iterations, 3 * options.inner_iterations)


def predict_every_iteration(model, image, options):
    """Gives predictions (B, T, K, d), T up to five, and attention or `None`."""
    if options.model == "slot_mlp":
        return model(image)[:, None], None
    if options.model == "slot_attention":
        return model(
            image,
            num_iterations=max(TEST_ITERATIONS),
            return_attention_scores=True,
            return_all_iterations=True,
        )
    sets = np.array(model(image, return_all_iterations=True))
    # Of ten or thirty inner steps, five evenly spaced ones.
    shown = np.ceil(np.linspace(0, sets.shape[1], 6)[1:]).astype(int) - 1
    return sets[:, np.unique(np.maximum(shown, 0))], None


def start(model, batch_size):
    """Draws what makes a model's output deterministic, by argument name."""
    if isinstance(model, DeepSetPrediction):
        name, sizes = "initial_set", (model.set_size, model.num_features)
    elif isinstance(model.slot_attention, SlotMLP):
        return {}
    else:
        slots = model.slot_attention
        name, sizes = "initial_slots", (slots.num_slots, slots.slot_size)
    return {name: np.array(keras.random.uniform((batch_size, *sizes), seed=0))}


# Scores ----------------------------------------------------------------------


def evaluate(model, scenes, options):
    """Measures and prints the AP by test iterations and by objects."""
    overall, by_number = {}, {}
    targets = np.concatenate([target for _, target in scenes])
    numbers = np.unique(np.sum(targets[..., -1] > 0.5, axis=1))
    print(f"\nAP on {len(targets)} held-out scenes, in %")
    for iterations in test_iterations(options):
        # There are none of Slot MLP.
        count = {"num_iterations": iterations} if iterations else {}
        predictions = np.concatenate(
            [np.array(model(image, **count)) for image, _ in scenes]
        )
        sets, key = (targets, predictions), str(iterations or "none")
        overall[key] = score(*sets, options)
        by_number[key] = {
            str(n): score(*sets, options, n) for n in map(int, numbers)
        }
        print(f"  {'':13}" + "".join(f"{name:>10}" for name in overall[key]))
        print_row(f"T = {key}", overall[key])
        for number, row in by_number[key].items():
            print_row(f"  {number:>2} objects", row)
    return {
        "test_scenes": len(targets),
        "average_precision": overall,
        "by_number_of_objects": by_number,
    }


def score(targets, predictions, options, num_objects=None):
    """Measures AP by threshold, of images with so many objects."""
    metric = SetAveragePrecision(
        category_sizes=options.layout.category_sizes,
        distance_scale=options.layout.distance_scale,
        num_objects=num_objects,
    )
    metric.update_state(targets, predictions)
    return {name: float(value) for name, value in metric.result().items()}


def print_row(title, row):
    """Prints the values of a row in columns."""
    cells = "".join(f"{100 * value:10.1f}" for value in row.values())
    print(f"  {title:13}{cells}")
