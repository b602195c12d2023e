"""How does a model do on more objects, slots and iterations than it knows?

Trains object discovery on CLEVR-like scenes of 3 to 6 objects with 3 iterations
and scores it on scenes of exactly 3, 4, ... 10 objects, with more iterations
and, where the model can, more slots. Each of `MODELS` is the preset
`clevr_scenes` with other slots: `eleven_slots` is the experiment of section 3.1
and Figure 14 of the supplement, with 11 slots in training already; those of the
others start from one Gaussian, since slots with starts of their own cannot be
added after training.

Writes `scores.csv`, `scores.png` and pictures of ten objects to
`runs/more_objects`. Prints the table of docs/results/object_discovery.md.
"""

import functools
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from benchmarks import results
from benchmarks.running import command_line
from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.checks import check_option
from keras_slots.datasets import clevr_scenes
from keras_slots.files import write_rows
from keras_slots.metrics import adjusted_rand_index, mean_best_overlap
from keras_slots.models import ObjectDiscovery, get_preset
from keras_slots.visualization import plot_scene

OUTPUT = Path("runs/more_objects")
# Where the examples keep scenes of 64 pixels and 3 to 6 objects.
CACHE = Path("runs/clevr_scenes/64-3-6")
SEED = 0
SMALL = get_preset("clevr_scenes")
EPOCH_STEPS = 250
TRAIN_SCENES = 20_000
SCORED_SCENES = 64  # For each number of objects.
NUMBERS = tuple(range(3, 11))
TRAINED_ON = 6  # Objects at most.
GAUSSIAN = {
    "slot_initialization": "shared_gaussian",
    "slots_initializer": "glorot_uniform",
}
# What is changed in Slot Attention.
MODELS = {
    "eleven_slots": {"num_slots": 11},
    "weighted_mean": GAUSSIAN,
    "scaled_sum": {**GAUSSIAN, "aggregation": "scaled_sum"},
}
# Slots and iterations of a test, and how it is drawn.
TESTS = {
    (7, 3): ("o-", results.BLUE),
    (7, 5): ("o-", results.SKY),
    (11, 3): ("s--", results.RED),
    (11, 5): ("s--", results.ORANGE),
}
SHOWN = 2  # Scenes with a picture each.
SCORES = {
    "fg_ari": ("FG-ARI", adjusted_rand_index),
    "mbo": ("mBO", mean_best_overlap),
}


def main():
    """Trains, scores, draws and sums up."""
    parser = command_line(__doc__, names=",".join(MODELS), steps=6_000)
    options = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    scores = {}
    for name in options.names.split(","):
        check_option("names", name, MODELS)
        model = train(name, options.steps)
        scores |= score(name, model)
        draw_scenes(name, model)
    columns = ("model", "slots", "iterations", "objects", *SCORES)
    rows = [
        dict(zip(columns, (*test, number, *values), strict=True))
        for test, curve in scores.items()
        for number, values in zip(NUMBERS, curve, strict=True)
    ]
    write_rows(OUTPUT / "scores.csv", rows)
    print_table(scores)
    draw_scores(scores)


def train(name, steps):
    """Trains a model for so many steps; goes on from its checkpoint."""
    keras.utils.set_random_seed(SEED)
    slots = {**SMALL.slot_attention, **MODELS[name]}
    preset = replace(SMALL, slot_attention=slots)
    make = functools.partial(preset.make, dtype="mixed_bfloat16")
    model = ObjectDiscovery(*map(make, ObjectDiscovery.PARTS))
    model.build((None, *preset.image_shape))
    model.compile(preset.make_optimizer())
    scenes = clevr_scenes(
        "train",
        SMALL.batch_size,
        TRAIN_SCENES,
        min_objects=min(NUMBERS),
        max_objects=TRAINED_ON,
        drop_remainder=True,
        cache=CACHE,
    )
    print(f"{name}: {steps:,} steps")
    history = TrainingCheckpoint(OUTPUT / f"{name}.npz").fit(
        model,
        scenes.map(lambda image, target: image),
        steps_per_epoch=EPOCH_STEPS,
        epochs=steps // EPOCH_STEPS,
        verbose=2,
    )
    print(f"{steps:,} steps in {history[-1]['seconds'] / 60:.1f} minutes")
    return model


def test_scenes(number):
    """Draws images and masks of scenes of so many objects, as one batch."""
    size = {"min_objects": number, "max_objects": number}
    batch = SCORED_SCENES, SCORED_SCENES
    scene = next(iter(clevr_scenes("test", *batch, as_dict=True, **size)))
    return scene["image"], scene["mask"]


def discover(model, image, slots, iterations):
    """Gives the model's outputs, with the same noise at every call."""
    keras.utils.set_random_seed(SEED)
    return model(image, num_slots=slots, num_iterations=iterations)


def score(name, model):
    """Gives a list by test: for each number of objects, the scores."""
    # Slots that were not trained cannot be added, and none be left idle.
    fixed = MODELS[name].get("num_slots")
    tests = [test for test in TESTS if fixed in (None, test[0])]
    scores = {(name, *test): [] for test in tests}
    for number in NUMBERS:
        image, mask = test_scenes(number)
        for test in tests:
            masks = discover(model, image, *test)["masks"]
            scores[name, *test].append(
                [float(np.mean(f(mask, masks))) for _, f in SCORES.values()]
            )
    return scores


def print_table(scores):
    """Prints means over few and over many objects, a line for each test."""
    few = NUMBERS.index(TRAINED_ON) + 1
    rows = []
    for (name, *test), curve in scores.items():
        parts = np.array(curve[:few]), np.array(curve[few:])
        means = np.stack([part.mean(axis=0) for part in parts], axis=1)
        rows.append([f"`{name}`", *test, *(f"{x:.3f}" for x in means.ravel())])
    titles = [
        f"{title}, {numbers} objects"
        for title, _ in SCORES.values()
        for numbers in ("3 to 6", "7 to 10")
    ]
    print()
    results.print_table(["model", "slots", "iterations", *titles], rows)


def draw_scenes(name, model):
    """Draws scenes of ten objects, slot by slot, as in Figure 14."""
    image, mask = test_scenes(max(NUMBERS))
    for iterations in (3, 5):
        outputs = discover(model, image, 11, iterations)
        for index in range(SHOWN):
            path = OUTPUT / f"{name}_{iterations}_iterations_{index}.png"
            plot_scene(image, outputs, path, index=index, mask=mask)
            print(path)


def draw_scores(scores):
    """Draws FG-ARI by number of objects, an axis for each model."""
    names = list(dict.fromkeys(name for name, *_ in scores))
    size = 4 * len(names) + 0.4, 3.8
    figure, axes = results.new_figure(*size, columns=len(names), sharey=True)
    for (name, *test), curve in scores.items():
        line, color = TESTS[tuple(test)]
        label = "{} slots, {} iterations".format(*test)
        fg_ari = [values[0] for values in curve]
        axis = axes[names.index(name)]
        axis.plot(NUMBERS, fg_ari, line, color=color, label=label)
    for axis, name in zip(axes, names, strict=True):
        axis.axvspan(min(NUMBERS), TRAINED_ON, color="0.95")
        axis.set(title=name.replace("_", " "), ylim=(0, 1.02))
        axis.set_xlabel("objects (gray: as in training)")
    axes[0].set_ylabel("FG-ARI")
    # Of the last model, which is tried in every test.
    handles = axes[-1].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False)
    results.save_figure(figure, OUTPUT / "scores.png")


if __name__ == "__main__":
    main()
