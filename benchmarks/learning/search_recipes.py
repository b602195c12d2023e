"""Compares named recipes of object discovery by more than the FG-ARI.

```shell
python benchmarks/learning/search_recipes.py \
    --settings sprites_charged tetrominoes_charged --seeds 0 1 --steps 1500
```

Trains each setting once for each seed and, after every `--score-steps` steps,
scores it on 320 scenes that it never saw. Each score becomes a row of
`scores.csv` in `--folder`. A picture of each run lies there too. An
interrupted run goes on at its last score.

Precision and recall are those of the FG-ARI, from pairs of foreground pixels
and adjusted for chance: low precision says that slots merge objects, low
recall that they split them.
"""

import argparse
import csv
import json
from functools import partial
from pathlib import Path

import keras
import numpy as np
from other_scenes import other_scenes

from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.datasets import clevr_scenes, multi_dsprites, tetrominoes
from keras_slots.layers import (
    SlotCenters,
    SpreadSlots,
)
from keras_slots.metrics import AdjustedRandIndex, MaskIoU, MeanBestOverlap
from keras_slots.models import ObjectDiscovery, Preset
from keras_slots.models.object_discovery import LOSS_TERMS
from keras_slots.visualization import plot_slots

BATCH, SCENES, SCORED_SCENES = 32, 30_000, 320


def clevr(split, batch_size, num_scenes, seed, **kwargs):
    """Makes scenes of three to six solids, rendered once."""
    scenes = clevr_scenes(
        split,
        batch_size,
        num_scenes,
        seed,
        as_dict=True,
        max_objects=6,
        cache=Path(f"runs/scenes/64-3-6-{seed}"),
        **kwargs,
    )
    return scenes.map(lambda scene: (scene["image"], scene["mask"]))


DATA = {
    "sprites": multi_dsprites,
    "tetrominoes": tetrominoes,
    "clevr": clevr,
    "other": other_scenes,
    "small": partial(other_scenes, size=35),
}
PARTS = ("encoder", "slot_attention", "decoder")


def recipe(encoder, slots, decoder, **training):
    """Makes a preset of what differs from the parts that all share."""
    return Preset(
        image_shape=(64, 64, 3),
        encoder={
            "filters": (32, 32, 32),
            "mlp_sizes": (64, 64),
            "num_frequencies": 4,
            "append_color": True,
            **encoder,
        },
        slot_attention={
            "slot_size": 64,
            "slot_initialization": "learned",
            "gradient": "bilevel",
            **slots,
        },
        decoder={
            "kernel_sizes": 5,
            "filters": (64, 64),
            "patch_size": 2,
            "output_kernel_size": 3,
            **decoder,
        },
        learning_rate=1e-3,
        warmup_steps=300,
        decay_steps=3_000,
        batch_size=BATCH,
        **training,
    )


def sprites(encoder=(), slots=(), decoder=(), **training):
    """Makes a preset of 16 x 16 tokens and 32 x 32 cells."""
    return recipe(
        {"strides": (2, 2, 1), **dict(encoder)},
        {"num_slots": 6, **dict(slots)},
        {"grid_size": 8, "strides": (2, 2), **dict(decoder)},
        **training,
    )


def tetromino(encoder=(), slots=(), decoder=(), **training):
    """Makes a preset of 18 x 18 tokens and 7 x 7 patches."""
    return recipe(
        {"strides": (2, 1, 1), **dict(encoder)},
        {"num_slots": 4, **dict(slots)},
        dict(decoder or PATCHES),
        **training,
    )


PLAIN = {"append_color": False}
FINE = {"strides": (2, 1, 1), "num_frequencies": 0}
ONE = {"kernel_sizes": 1, "output_kernel_size": 1}  # Each cell by itself.
CONVOLUTIONS = {"grid_size": 9, "strides": (2, 1), "output_size": 35}
SPREAD = {"slots_initializer": SpreadSlots()}
PLACED = {**SPREAD, "centers": SlotCenters(4), "background_slot": True}
AROUND = {"center_frequencies": 5, "background_slot": True, "mask_falloff": 2.0}
PATCHES = {"grid_size": 7, "patch_size": 5, "filters": (256,) * 3, **ONE}
PLACED_PATCHES = {
    **PATCHES,
    "center_frequencies": 4,
    "background_slot": True,
    "mask_falloff": 8.0,
}
MIXTURE = {"pixel_noise": 0.2, "penalty_start": 500}
CHARGED = {**MIXTURE, "slot_charge": 0.02}
SOLIDS = {**PLACED, "num_slots": 8}
RECIPES = {
    "sprites_plain": sprites(PLAIN),
    "sprites_color": sprites(),
    "sprites_fine": sprites(FINE),
    "sprites_spread": sprites(slots=SPREAD),
    "sprites_background": sprites((), PLACED, AROUND),
    "sprites_mixture": sprites((), PLACED, AROUND, **MIXTURE),
    "sprites_charged": sprites((), PLACED, AROUND, **CHARGED),
    "clevr_mixture": sprites((), SOLIDS, AROUND, **MIXTURE),
    "clevr_charged": sprites((), SOLIDS, AROUND, **MIXTURE, slot_charge=0.006),
    "other_mixture": sprites((), PLACED, AROUND, **MIXTURE),
    "other_charged": sprites((), PLACED, AROUND, **CHARGED),
    "tetrominoes_plain": tetromino(PLAIN),
    "tetrominoes_color": tetromino(),
    "tetrominoes_conv": tetromino(decoder=CONVOLUTIONS),
    "tetrominoes_background": tetromino((), PLACED, PLACED_PATCHES),
    "tetrominoes_mixture": tetromino((), PLACED, PLACED_PATCHES, **MIXTURE),
    "tetrominoes_charged": tetromino((), PLACED, PLACED_PATCHES, **CHARGED),
    "small_charged": tetromino((), PLACED, PLACED_PATCHES, **CHARGED),
}


def main():
    """Trains and scores what is asked for, one run after the other."""
    options = parse_options()
    keras.config.set_dtype_policy("mixed_bfloat16")
    for seed in options.seeds:
        for name in options.settings:
            run(options, name, seed)


def parse_options():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--settings", nargs="+", choices=tuple(RECIPES), required=True)
    add("--seeds", nargs="+", type=int, default=[0])
    add("--steps", type=int, default=1500)
    add("--score-steps", type=int, default=500)
    add("--folder", type=Path, default=Path("runs/search"))
    options = parser.parse_args()
    if options.score_steps < 1 or options.steps % options.score_steps:
        parser.error("--steps must be a multiple of --score-steps.")
    return options


def run(options, name, seed):
    """Trains one setting from its last checkpoint on; scores and draws it."""
    folder = options.folder / f"{name}_{seed}"
    check_settings(
        folder, {"score_steps": options.score_steps, **vars(RECIPES[name])}
    )
    keras.utils.set_random_seed(seed)
    load = DATA[name.split("_")[0]]
    training = load(
        "train", BATCH, num_scenes=SCENES, seed=seed, drop_remainder=True
    ).map(lambda image, mask: image)
    held_out = load("validation", 64, num_scenes=SCORED_SCENES, seed=seed)
    model = make_model(RECIPES[name], training.element_spec.shape)
    checkpoint = TrainingCheckpoint(folder / "checkpoint.npz")

    def add_scores(epoch, logs):
        logs.update(score(model, held_out))

    def tell(epoch=None, logs=None):
        steps = options.score_steps
        add_rows(options.folder / "scores.csv", name, seed, steps, checkpoint)
        images, mask = next(iter(held_out))
        outputs = model(images)
        plot_slots(images, outputs, folder / "slots.png", mask=mask)

    checkpoint.fit(
        model,
        training,
        epochs=options.steps // options.score_steps,
        steps_per_epoch=options.score_steps,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=add_scores),
            checkpoint,
            keras.callbacks.LambdaCallback(on_epoch_end=tell),
        ],
        verbose=0,
    )
    tell()  # If an earlier run was stopped between its checkpoint and this.


def check_settings(folder, settings):
    """Exits if the folder holds a run of other settings."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.json"
    text = json.dumps(settings, default=keras.saving.serialize_keras_object)
    if path.exists() and path.read_text() != text:
        raise SystemExit(f"{path} is of other settings. Delete {folder}.")
    path.write_text(text)


def make_model(preset, shape):
    """The model, built and compiled."""
    model = ObjectDiscovery(
        *map(preset.make, PARTS),
        **{term: getattr(preset, term) for term in LOSS_TERMS},
    )
    model.build((None, *shape[1:]))
    model.compile(preset.make_optimizer())
    return model


def score(model, scenes):
    """The scores of the masks by name."""
    ari = AdjustedRandIndex(ignore_background=False)
    metrics = [AdjustedRandIndex(), ari, MeanBestOverlap(), MaskIoU()]
    pairs = []
    for images, mask in scenes:
        masks = model.predict_on_batch(images)["masks"]
        for metric in metrics:
            metric.update_state(mask, masks)
        slots = np.argmax(np.squeeze(masks, -1), axis=1)  # (B, H, W)
        pairs += map(precision_and_recall, np.asarray(mask), slots)
    scores = {metric.name: float(metric.result()) for metric in metrics}
    precision, recall = np.mean(pairs, axis=0)
    return {**scores, "precision": float(precision), "recall": float(recall)}


def precision_and_recall(mask, slots):
    """The two whose harmonic mean is the FG-ARI of one scene.

    From the pairs of foreground pixels that the objects, the slots, and both
    put together, less as many as would agree by chance.
    """
    seen = mask != 0
    table = np.zeros((mask.max() + 1, slots.max() + 1))
    np.add.at(table, (mask[seen], slots[seen]), 1)

    def count_pairs(sizes):
        return np.sum(sizes * (sizes - 1)) / 2

    together = count_pairs(table)
    objects = count_pairs(table.sum(axis=1))
    groups = count_pairs(table.sum(axis=0))
    chance = objects * groups / max(count_pairs(table.sum()), 1)
    return [
        (together - chance) / (pairs - chance) if pairs != chance else 1.0
        for pairs in (groups, objects)
    ]


def add_rows(path, name, seed, score_steps, checkpoint):
    """Appends to the CSV file what it does not yet hold of one run."""
    known = set()
    if path.exists():
        with open(path, newline="") as file:
            known = {tuple(row[:3]) for row in csv.reader(file)}
    with open(path, "a", newline="") as file:
        writer = csv.writer(file)
        for epoch in checkpoint.history:
            scores = {k: f"{v:.4f}" for k, v in epoch.items() if k != "epoch"}
            steps = epoch["epoch"] * score_steps
            if not known:
                writer.writerow(["setting", "seed", "steps", *scores])
                known.add(("setting", "seed", "steps"))
            if (name, str(seed), str(steps)) not in known:
                writer.writerow([name, seed, steps, *scores.values()])
                print(name, seed, steps, scores, flush=True)


if __name__ == "__main__":
    main()
