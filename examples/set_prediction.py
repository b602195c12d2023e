"""Set prediction: every object of an image and its properties, in one command.

```shell
pip install ".[examples]"  # in a clone of the repository
python examples/set_prediction.py
```

Trains a model on generated CLEVR-like scenes of 3 to 6 objects to say of every
object where it is and its size, material, shape and color; measures the average
precision (AP) on scenes that it never saw; draws what it says; and exports it.
Nothing is downloaded. The scenes are rendered once, into `--cache`.

What to expect: a progress bar for every 1,000 steps with the loss and, on
validation scenes, the AP at no distance threshold (`ap_inf`): an object counts
as found if all of its properties are right. At the end the AP at all
thresholds, for as many test iterations as in training and more, and by number
of objects.

Stop it whenever you like: the same command goes on where it stopped. A finished
run is never overwritten unless you say `--fresh`.

What it leaves in `--output`: `model.keras`, `saved_model/` (loaded by a fresh
process without Keras, and compared), `predictions.png` (image, attention of
each slot per iteration, predicted and true properties), `curves.png`,
`history.csv`, and `metrics.json`, which appears last.

Other things to do with it:

```shell
# What the supplement compares Slot Attention with.
python examples/set_prediction.py --model slot_mlp
python examples/set_prediction.py --model dspn
python examples/set_prediction.py --model idspn
# The paper's model, schedule and loss on the published data, for a GPU.
python examples/set_prediction.py --preset clevr_properties --data clevr \
    --loss huber --output runs/paper
```
"""

import sys

import keras
import numpy as np
import run_folder
import saved_model_check
from learning_curves import plot_average_precision
from prediction_models import (
    make_loss,
    make_model,
    predict,
    predict_every_iteration,
    start,
    test_iterations,
)
from prediction_options import parse_options
from prediction_scenes import open_scenes
from resumable_fit import resumable_fit
from run_folder import load_model, replacing, write_csv, write_json
from training_options import make_settings

from keras_slots.callbacks.same_noise import same_noise
from keras_slots.metrics import SetAveragePrecision
from keras_slots.visualization import plot_set_prediction


def main():
    """Trains, evaluates, draws, exports, checks and sums up."""
    options, preset = parse_options(__doc__)
    output = options.output
    if options.evaluate_only:
        return evaluate_only(options, preset)
    settings = make_settings(options, preset)
    if not options.fresh:
        run_folder.check(output, settings)
    # Before anything is deleted or written: the data may not be there.
    scenes, validation, test = open_scenes(options, preset)
    run_folder.claim(output, settings, options.fresh)
    history = train(options, preset, scenes, validation)

    model = load_model(output, options.seed)
    results = evaluate(model, test, options)
    print_results(results)
    image, target = next(test.as_numpy_iterator())
    draw(model, image, target, options, output / "predictions.png")
    with replacing(output / "curves.png") as path:
        plot_average_precision(history, path)
    difference = export_and_check(model, image[:8], output / "saved_model")
    write_json(
        output / "metrics.json",
        {
            "steps": options.steps,
            "seconds": history[-1]["seconds"],
            "parameters": model.count_params(),
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
    model = make_model(options, preset)
    model.compile(
        preset.make_optimizer(),
        loss=make_loss(options),
        jit_compile=options.jit or "auto",
    )
    return resumable_fit(
        model,
        options,
        options.model,
        scenes,
        write_history,
        callbacks=[ValidationPrecision(validation, options)],
    )


class ValidationPrecision(keras.callbacks.Callback):
    """Adds the AP on validation scenes to the logs of every epoch."""

    def __init__(self, scenes, options):
        super().__init__()
        self.scenes = scenes
        self.metric = make_metric(options)

    def on_epoch_end(self, epoch, logs=None):
        """Runs before the checkpoint, which keeps the logs."""
        self.metric.reset_state()
        # Training does not notice: its noise goes on where it was.
        with same_noise(self.model):
            for image, target in self.scenes:
                predictions = self.model.predict_on_batch(image)
                self.metric.update_state(target, predictions)
        for name, value in self.metric.result().items():
            logs[f"val_{name}"] = float(value)
        print(f"val_ap_inf: {logs['val_ap_inf']:.4f}")


def make_metric(options, num_objects=None):
    """The AP for the options' layout, of images with so many objects."""
    return SetAveragePrecision(
        category_sizes=options.layout.category_sizes,
        distance_scale=options.layout.distance_scale,
        num_objects=num_objects,
    )


def write_history(options, checkpoint):
    """Writes the learning curve; gives its rows."""
    rows = [
        {
            "step": row["epoch"] * options.epoch_steps,
            **{name: x for name, x in row.items() if name != "epoch"},
        }
        for row in checkpoint.history
    ]
    write_csv(options.output / "history.csv", rows)
    return rows


# Evaluation ------------------------------------------------------------------


def evaluate(model, scenes, options):
    """The AP by number of test iterations, and there by number of objects.

    Returns:
        A dict of dicts by the number of iterations: `average_precision` has
        dicts of AP by threshold; `by_number_of_objects` has these in turn by
        the number of objects.
    """
    overall, by_number = {}, {}
    targets = np.concatenate([target for _, target in scenes])
    numbers = np.unique(np.sum(targets[..., -1] > 0.5, axis=1))
    for iterations in test_iterations(options):
        predictions = np.concatenate(
            [np.array(predict(model, image, iterations)) for image, _ in scenes]
        )
        key = str(iterations or "none")
        overall[key] = score(targets, predictions, options)
        by_number[key] = {
            str(number): score(targets, predictions, options, int(number))
            for number in numbers
        }
    return {
        "test_scenes": len(targets),
        "average_precision": overall,
        "by_number_of_objects": by_number,
    }


def score(targets, predictions, options, num_objects=None):
    """AP by threshold, as plain numbers."""
    metric = make_metric(options, num_objects)
    metric.update_state(targets, predictions)
    return {name: float(value) for name, value in metric.result().items()}


def evaluate_only(options, preset):
    """Scores a trained model; leaves the files of its training alone."""
    model = load_model(options.output, options.seed)
    *_, test = open_scenes(options, preset)
    results = evaluate(model, test, options)
    print_results(results)
    image, target = next(test.as_numpy_iterator())
    picture = options.output / "evaluation_predictions.png"
    draw(model, image, target, options, picture)
    file = options.output / "evaluation.json"
    write_json(file, results)
    print(f"\n{file}\n{picture}")


def print_results(results):
    """One line per number of test iterations, then by number of objects."""
    print(f"\nAP on {results['test_scenes']} held-out scenes, in %")
    for iterations, row in results["average_precision"].items():
        print(f"  {'':13}" + "".join(f"{name:>10}" for name in row))
        print(f"  T = {iterations:9}" + percent(row))
        by_number = results["by_number_of_objects"][iterations]
        for number, row in by_number.items():
            print(f"    {number:>2} objects " + percent(row))


def percent(row):
    """The values of a row in columns."""
    return "".join(f"{100 * value:10.1f}" for value in row.values())


def draw(model, image, target, options, path):
    """The picture in the manner of the supplement's table 1."""
    predictions, attention = predict_every_iteration(model, image[:3], options)
    plot_set_prediction(
        image[:3],
        predictions,
        target[:3],
        attention,
        layout=options.layout,
        path=path,
    )


# Export ----------------------------------------------------------------------


def export_and_check(model, image, path):
    """Exports the model; gives how far the SavedModel's outputs are off."""

    def call(image, **options):
        return {"predictions": model(image, **options)}

    begin = start(model, len(image))
    return saved_model_check.export_and_check(
        model,
        "predict_from" if begin else "predict",
        call,
        {"image": image, **begin},
        path,
    )


def print_summary(output, last):
    """Where everything is."""
    print(f"\n{last['step']:,} steps in {last['seconds'] / 60:.1f} minutes")
    for name, what in (
        ("model.keras", "the trained model"),
        ("saved_model", "the same for TensorFlow alone, checked"),
        ("predictions.png", "what it says of scenes, and what is true"),
        ("curves.png", "loss and AP on the way"),
        ("metrics.json", "settings, results, versions"),
    ):
        print(f"  {output / name!s:44} {what}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on where this one stopped.")
