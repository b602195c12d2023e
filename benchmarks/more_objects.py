"""How does a model do on more objects, slots and iterations than it knows?

```shell
python benchmarks/more_objects.py
python benchmarks/more_objects.py --names eleven_slots --steps 12000
```

Trains object discovery on CLEVR-like scenes of 3 to 6 objects with 3 iterations
and scores it on scenes of exactly 3, 4, ... 10 objects, with more iterations
and, where the model can, more slots. Each of `MODELS` is the preset
`clevr_scenes` with other slots: `eleven_slots` is the experiment of section 3.1
and Figure 14 of the supplement, with 11 slots in training already; those of the
others start from one Gaussian, since slots with starts of their own cannot be
added after training.

Writes to `runs/more_objects`: `scores.csv`, `scores.png`, pictures of scenes of
ten objects for each model, and what resumes a training. Prints the table of
docs/results/object_discovery.md.
"""

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import keras
import tensorflow as tf
from csv_rows import write_rows
from examples_folder import EXAMPLES
from matplotlib.figure import Figure
from palette import BLUE, ORANGE, RED, SKY

from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.checks import check_option
from keras_slots.datasets import clevr_scenes
from keras_slots.metrics import adjusted_rand_index, mean_best_overlap
from keras_slots.models import ObjectDiscovery, get_preset
from keras_slots.visualization import plot_scene

sys.path.insert(0, str(EXAMPLES))
from clevr_folder import cache_folder

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
# Slots and iterations of a test.
TESTS = ((7, 3), (7, 5), (11, 3), (11, 5))
SHOWN = 2  # Scenes with a picture each.
SCORES = {"fg_ari": adjusted_rand_index, "mbo": mean_best_overlap}
COLORS = (BLUE, SKY, RED, ORANGE)


def main():
    """Trains, scores, draws and sums up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = ",".join(MODELS)
    parser.add_argument("--names", default=names, help="some of " + names)
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--cache", type=Path, default=Path("runs/clevr_scenes"))
    parser.add_argument(
        "--output", type=Path, default=Path("runs/more_objects")
    )
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.names.split(","):
        check_option("names", name, MODELS)
        model = train(name, options)
        rows += score(name, model)
        draw_scenes(model, options.output / name)
    write_rows(options.output / "scores.csv", rows)
    print_table(rows)
    draw_scores(rows, options.output / "scores.png")


def train(name, options):
    """A model trained with so many steps; goes on from its checkpoint."""
    keras.utils.set_random_seed(SEED)
    slots = {**SMALL.slot_attention, **MODELS[name]}
    preset = replace(SMALL, slot_attention=slots)
    model = ObjectDiscovery(
        *(
            preset.make(part, dtype="mixed_bfloat16")
            for part in ObjectDiscovery.PARTS
        )
    )
    model.build((None, *preset.image_shape))
    model.compile(preset.make_optimizer())
    checkpoint = TrainingCheckpoint(options.output / f"{name}.npz")
    epoch = checkpoint.restore(model)
    epochs = options.steps // EPOCH_STEPS
    print(f"{name}: step {epoch * EPOCH_STEPS:,} of {options.steps:,}")
    if epoch < epochs:
        model.fit(
            training_images(options.cache).skip(epoch * EPOCH_STEPS),
            steps_per_epoch=EPOCH_STEPS,
            initial_epoch=epoch,
            epochs=epochs,
            callbacks=[checkpoint],
            shuffle=False,
            verbose=2,
        )
    minutes = checkpoint.history[-1]["seconds"] / 60
    print(f"{options.steps:,} steps in {minutes:.1f} minutes")
    return model


def training_images(cache):
    """Images in batches without end."""
    image_size, fewest = SMALL.image_shape[0], min(NUMBERS)
    scenes = clevr_scenes(
        "train",
        SMALL.batch_size,
        TRAIN_SCENES,
        image_size=image_size,
        min_objects=fewest,
        max_objects=TRAINED_ON,
        drop_remainder=True,
        cache=cache_folder(cache, image_size, fewest, TRAINED_ON),
    )
    return scenes.map(lambda image, target: image).repeat()


def test_scenes(number):
    """Images and masks of scenes of so many objects, as one batch."""
    scenes = clevr_scenes(
        "test",
        SCORED_SCENES,
        SCORED_SCENES,
        as_dict=True,
        min_objects=number,
        max_objects=number,
    )
    scene = next(iter(scenes))
    return scene["image"], scene["mask"]


def discover(model, image, slots, iterations):
    """The model's outputs, with the same noise at every call."""
    keras.utils.set_random_seed(SEED)
    return model(image, num_slots=slots, num_iterations=iterations)


def score(name, model):
    """A row for each number of objects and each test."""
    rows = []
    for number in NUMBERS:
        image, mask = test_scenes(number)
        for slots, iterations in possible_tests(name):
            masks = discover(model, image, slots, iterations)["masks"]
            row = {"model": name, "objects": number}
            row |= {"slots": slots, "iterations": iterations}
            for metric, measure in SCORES.items():
                row[metric] = float(tf.reduce_mean(measure(mask, masks)))
            rows.append(row)
    return rows


def possible_tests(name):
    """Slots that were not trained cannot be added, and none be left idle."""
    fixed = MODELS[name].get("num_slots")
    return [test for test in TESTS if fixed in (None, test[0])]


def print_table(rows):
    """Means over few and over many objects, a line for each model and test."""
    few, many = (
        [number for number in NUMBERS if (number <= TRAINED_ON) == trained]
        for trained in (True, False)
    )
    titles = [
        f"{metric}, {numbers[0]} to {numbers[-1]} objects"
        for metric in ("FG-ARI", "mBO")
        for numbers in (few, many)
    ]
    header = ["model", "slots", "iterations", *titles]
    print("\n| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for name in dict.fromkeys(row["model"] for row in rows):
        for slots, iterations in possible_tests(name):
            cells = [f"`{name}`", str(slots), str(iterations)]
            for metric in SCORES:
                curve = select(rows, name, slots, iterations, metric)
                for numbers in (few, many):
                    values = [curve[number] for number in numbers]
                    cells.append(f"{statistics.fmean(values):.3f}")
            print("| " + " | ".join(cells) + " |")


def select(rows, name, slots, iterations, metric):
    """A score by number of objects."""
    return {
        row["objects"]: row[metric]
        for row in rows
        if (row["model"], row["slots"], row["iterations"])
        == (name, slots, iterations)
    }


def draw_scenes(model, path):
    """Scenes of ten objects, slot by slot, as in Figure 14."""
    image, mask = test_scenes(max(NUMBERS))
    for slots, iterations in TESTS[-2:]:
        outputs = discover(model, image, slots, iterations)
        for index in range(SHOWN):
            name = f"{path.name}_{iterations}_iterations_{index}.png"
            picture = path.with_name(name)
            plot_scene(image, outputs, picture, index=index, mask=mask)
            print(picture)


def draw_scores(rows, path):
    """FG-ARI by number of objects, an axis for each model."""
    names = list(dict.fromkeys(row["model"] for row in rows))
    figure = Figure(
        figsize=(4 * len(names) + 0.4, 3.8), dpi=150, layout="constrained"
    )
    axes = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axis, name in zip(axes, names, strict=True):
        for test in possible_tests(name):
            slots, iterations = test
            curve = select(rows, name, slots, iterations, "fg_ari")
            axis.plot(
                *zip(*curve.items(), strict=True),
                "o-" if slots == TESTS[0][0] else "s--",
                color=COLORS[TESTS.index(test)],
                label=f"{slots} slots, {iterations} iterations",
            )
        axis.axvspan(min(NUMBERS), TRAINED_ON, color="0.95")
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel("objects (gray: as in training)")
        axis.set_ylim(0, 1.02)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.92")
        axis.set_axisbelow(True)
    axes[0].set_ylabel("FG-ARI")
    figure.legend(
        # Of the last model, which is tried in every test.
        *axes[-1].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    figure.savefig(path)
    print(path)


if __name__ == "__main__":
    main()
