"""Object discovery: from generated images to a served model, in one command.

```shell
pip install ".[examples]"  # in a clone of the repository
python examples/object_discovery.py
```

Trains an `ObjectDiscovery` model on generated Tetrominoes, from images alone;
measures how well its slots segment scenes that it never saw; draws what it
sees; and exports it. Nothing is downloaded. `--data multi_dsprites` and
`--data clevr_scenes` do the same for other scenes, in an hour or two.

What to expect: a progress bar for every 500 steps with the loss and, on
validation scenes, the foreground ARI (FG-ARI): 0 for a random segmentation, 1
for a perfect one. FG-ARI looks at the objects' pixels alone; ARI, the mean best
overlap (mBO) and the mean IoU of objects and slots matched one to one also see
what slots take of the background. Two rows stand below the model's, on the very
same scenes: what grouping the pixels by color alone scores, and by place
alone, told how many objects there are. On Tetrominoes the FG-ARI of these is
0.797 on average (give or take 0.014 on 320 scenes) and 0.90: only above both
has the model found objects.

Stop it whenever you like: the same command goes on where it stopped, to the
same result. A finished run is never overwritten unless you say `--fresh`.

What it leaves in `--output`, by default `runs/object_discovery/tetrominoes`:

- `model.keras`: the trained model, for `keras.saving.load_model` after
  `import keras_slots`.
- `saved_model/`: the same for TensorFlow alone. A fresh process without Keras
  has loaded it and given the same outputs (`serve_saved_model.py` shows how).
- `scenes.png`: scenes, reconstructions, masks and slots.
- `curves.png`, `history.csv`: loss and scores on the way.
- `metrics.json`: settings, results, versions; it appears last.
- `settings.json`, `checkpoint.npz`: what it needs to go on after a stop.

Other things to do with it:

```shell
# The paper's model and schedule: 500,000 steps, for a GPU.
python examples/object_discovery.py --preset tetrominoes_paper \
    --output runs/paper
# The published scenes: train on the first 60,000, test on the next 320.
python examples/object_discovery.py --records tetrominoes_train.tfrecords
# Score the trained model on published scenes, none of them from its training.
python examples/object_discovery.py --evaluate-only --records FILE
# Sprites and CLEVR-like scenes; bfloat16 halves the time on recent processors.
python examples/object_discovery.py --data multi_dsprites \
    --mixed-precision mixed_bfloat16
# The paper's CLEVR6, from the shards that convert_records.py makes of it.
python examples/object_discovery.py --preset clevr6 --records FOLDER
```
"""

import sys
from functools import partial

import keras
import numpy as np
import run_folder
import saved_model_check
from discovery_options import parse_options
from discovery_scenes import open_scenes, open_unseen_scenes
from grouping_baselines import color_grouping, position_masks
from learning_curves import plot_learning_curves
from resumable_fit import resumable_fit
from run_folder import load_model, replacing, write_csv, write_json
from saved_model_check import to_float32
from training_options import make_settings

from keras_slots.metrics import (
    AdjustedRandIndex,
    MaskIoU,
    MeanBestOverlap,
    adjusted_rand_index,
    mask_iou,
    mean_best_overlap,
)
from keras_slots.models import ObjectDiscovery
from keras_slots.visualization import plot_slots

SCORES = {
    "fg_ari": ("FG-ARI", adjusted_rand_index),
    "ari": ("ARI", partial(adjusted_rand_index, ignore_background=False)),
    "mbo": ("mBO", mean_best_overlap),
    "mask_iou": ("IoU", mask_iou),
}
BASELINES = {
    "color_alone": "grouped by color",
    "position_alone": "k-means on places, told the objects' pixels and number",
}


def main():
    """Trains, evaluates, draws, exports, checks and sums up."""
    options, preset = parse_options(__doc__)
    output = options.output
    if options.evaluate_only:
        return evaluate_only(options, preset)
    settings = make_settings(options, preset)
    if not options.fresh:
        run_folder.check(output, settings)
    # Before anything is deleted or written: the file may turn out to be bad.
    *scenes, test_scenes = open_scenes(options, preset.image_shape)
    run_folder.claim(output, settings, options.fresh)
    history = train(options, preset, *scenes)

    model = load_model(output, options.seed)
    results, shown = evaluate(model, test_scenes, options.data)
    print_results(results)
    plot_slots(**shown, path=output / "scenes.png")
    with replacing(output / "curves.png") as path:
        baselines = {
            name.replace("_", " "): results["fg_ari"][name]["mean"]
            for name in BASELINES
        }
        plot_learning_curves(history, baselines, path)
    image = shown["images"][:8]
    difference = export_and_check(model, image, output / "saved_model")
    write_json(
        output / "metrics.json",
        {
            "steps": options.steps,
            "seconds": history[-1]["seconds"],
            **results,
            "saved_model_max_difference": difference,
            "settings": settings,
            "versions": run_folder.versions(),
            "machine": run_folder.machine(),
        },
    )
    print_summary(output, history[-1])


# Training --------------------------------------------------------------------


def train(options, preset, scenes, validation):
    """Trains from the last checkpoint on; gives the rows of the history."""
    keras.utils.set_random_seed(options.seed)
    if options.mixed_precision != "none":
        keras.config.set_dtype_policy(options.mixed_precision)
    model = ObjectDiscovery.from_preset(options.preset, load_weights=False)
    model.compile(
        preset.make_optimizer(),
        metrics=[
            AdjustedRandIndex(),
            AdjustedRandIndex(ignore_background=False, name="ari"),
            MeanBestOverlap(),
            MaskIoU(),
        ],
        jit_compile=options.jit or "auto",
    )
    return resumable_fit(
        model,
        options,
        options.preset,
        scenes.map(lambda image, mask: image),
        write_history,
        validation_data=validation,
    )


def write_history(options, checkpoint):
    """Writes the learning curve; gives its rows."""
    rows = [
        {
            "step": row["epoch"] * options.epoch_steps,
            "seconds": round(row["seconds"], 1),
            "loss": row["loss"],
            "validation_loss": row["val_loss"],
            **{f"validation_{name}": row[f"val_{name}"] for name in SCORES},
        }
        for row in checkpoint.history
    ]
    write_csv(options.output / "history.csv", rows)
    return rows


# Evaluation ------------------------------------------------------------------


def evaluate(model, scenes, data):
    """Scores the model and the baselines; gives something to look at.

    Args:
        model: `ObjectDiscovery`.
        scenes: Dataset of `(image, mask)` batches.
        data: String, what `--data` calls them.

    Returns:
        Pair of a dict and of arguments for `plot_slots`. In the dict, each of
        `SCORES` maps the model and each baseline to mean, standard error and
        number of scenes; `mean_squared_error` is of the reconstructions
        alone, whatever else the loss holds.
    """
    baselines = dict(
        zip(BASELINES, (color_grouping(data), position_masks), strict=True)
    )
    scores = {
        score: {name: [] for name in ("model", *baselines)} for score in SCORES
    }
    errors, shown = [], None
    for image, mask in scenes.as_numpy_iterator():
        outputs = to_float32(model.predict_on_batch(image))
        shown = shown or {"images": image, "outputs": outputs, "mask": mask}
        groupings = {name: f(image, mask) for name, f in baselines.items()}
        for name, masks in {"model": outputs["masks"], **groupings}.items():
            for score, (_, measure) in SCORES.items():
                scores[score][name].extend(np.array(measure(mask, masks)))
        difference = outputs["reconstruction"] - image
        errors.extend(np.mean(difference**2, axis=(1, 2, 3)))
    results = {
        score: {name: summary(values) for name, values in rows.items()}
        for score, rows in scores.items()
    }
    return {**results, "mean_squared_error": float(np.mean(errors))}, shown


def summary(values):
    """Mean, standard error (0 for a single value), number of scenes."""
    # A scene without an object has no overlap to count.
    values = np.array(values)[~np.isnan(values)]
    error = np.std(values) / np.sqrt(max(len(values) - 1, 1))
    return {
        "mean": float(np.mean(values)),
        "standard_error": float(error),
        "scenes": len(values),
    }


def evaluate_only(options, preset):
    """Scores a trained model; leaves the files of its training alone."""
    model = load_model(options.output, options.seed)
    trained = run_folder.read_settings(options.output)
    scenes = open_unseen_scenes(options, preset.image_shape, trained)
    results, shown = evaluate(model, scenes, options.data)
    print_results(results)
    picture = options.output / "evaluation_scenes.png"
    plot_slots(**shown, path=picture)
    file = options.output / "evaluation.json"
    records = options.records and str(options.records)
    write_json(file, {"records": records, **results})
    print(f"\n{file}\n{picture}")


def print_results(results):
    """The model's scores, for comparison the baselines', and its error."""
    scenes = results["fg_ari"]["model"]["scenes"]
    print(f"\nOn {scenes} held-out scenes, mean ± standard error")
    titles = "".join(f"{title:18}" for title, _ in SCORES.values())
    print(f"  {'':16}{titles}".rstrip())
    for name, note in {"model": "", **BASELINES}.items():
        cells = ""
        for score in SCORES:
            row = results[score][name]
            cells += f"{row['mean']:.4f} ± {row['standard_error']:.4f}   "
        name = name.replace("_", " ")
        print(f"  {name:16}{cells}{note}".rstrip())
    error = results["mean_squared_error"]
    print(f"Mean squared error of the reconstructions: {error:.5f}")


# Export ----------------------------------------------------------------------


def export_and_check(model, image, path):
    """Exports the model; gives how far the SavedModel's outputs are off."""
    slots = model.slot_attention
    shape = (len(image), slots.num_slots, slots.slot_size)
    inputs = {
        "image": image,
        "initial_slots": np.array(keras.random.normal(shape, seed=0)),
    }
    return saved_model_check.export_and_check(
        model, "discover_from", model, inputs, path
    )


def print_summary(output, last):
    """Where everything is."""
    print(f"\n{last['step']:,} steps in {last['seconds'] / 60:.1f} minutes")
    for name, what in (
        ("model.keras", "the trained model"),
        ("saved_model", "the same for TensorFlow alone, checked"),
        ("scenes.png", "scenes, reconstructions, masks and slots"),
        ("curves.png", "loss and FG-ARI on the way"),
        ("metrics.json", "settings, results, versions"),
    ):
        print(f"  {output / name!s:40} {what}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on where this one stopped.")
