"""Set prediction: every object of an image and its properties, in one command.

```shell
python examples/set_prediction.py
```

Trains a model on generated CLEVR-like scenes of 3 to 6 objects to say of every
object where it is and its size, material, shape and color; measures the average
precision (AP) on scenes that it never saw; draws what it says; exports it, and
compares what the export gives in a process without Keras. Stop it whenever you
like: the same command goes on where it stopped. examples/README.md says what it
leaves.

```shell
# What the supplement compares Slot Attention with: slot_mlp, dspn, idspn.
python examples/set_prediction.py --model dspn
# The paper's model, schedule and loss on the published data, for a GPU.
python examples/set_prediction.py --preset clevr_properties --data clevr \
    --loss huber --output runs/paper
```
"""

import keras
import numpy as np
import run_folder
from prediction_setup import (
    evaluate,
    make_loss,
    make_model,
    open_scenes,
    parse_options,
    predict_every_iteration,
    score,
    start,
)

from keras_slots.callbacks.same_noise import same_noise
from keras_slots.files import write_json
from keras_slots.visualization import plot_set_prediction


def main():
    """Trains, scores, draws, exports."""
    options, preset = parse_options(__doc__)
    output = options.output
    if options.evaluate_only:
        return evaluate_only(options, preset)
    settings = run_folder.make_settings(options, preset)
    if not options.fresh:
        run_folder.check(output, settings)
    # Before anything is deleted or written: the data may not be there.
    scenes, validation, test = open_scenes(options, preset)
    run_folder.claim(output, settings, options.fresh)
    history = train(options, preset, scenes, validation)
    model = run_folder.load_model(output, options.seed)
    results = {"parameters": model.count_params()}
    results |= evaluate(model, test, options)
    image = draw(model, test, options, output / "predictions.png")
    names = [name for name in history[0] if name.startswith("val_")]
    run_folder.plot_curves(
        output / "curves.png",
        history,
        {"training": "loss"},
        "AP on validation scenes, by distance",
        {name.removeprefix("val_ap_"): name for name in names},
    )
    results["saved_model_max_difference"] = export(model, image[:8], output)
    run_folder.finish(options, settings, history, results)


def train(options, preset, scenes, validation):
    """Trains from the last checkpoint on; gives the learning curve."""
    keras.utils.set_random_seed(options.seed)
    if options.mixed_precision != "none":
        keras.config.set_dtype_policy(options.mixed_precision)
    model = make_model(options, preset)
    model.compile(
        preset.make_optimizer(),
        loss=make_loss(options),
        jit_compile=options.jit or "auto",
    )

    def on_epoch_end(epoch, logs):
        """Runs before the checkpoint, which keeps the logs."""
        logs |= validate(model, validation, options)
        print(f"val_ap_inf: {logs['val_ap_inf']:.4f}")

    precision = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
    return run_folder.train(model, scenes, options, [precision])


def validate(model, scenes, options):
    """Measures the AP on validation scenes, by distance."""
    # Training does not notice: its noise goes on where it was.
    with same_noise(model):
        pairs = [(y, model.predict_on_batch(image)) for image, y in scenes]
    sets = map(np.concatenate, zip(*pairs, strict=True))
    scores = score(*sets, options)
    return {f"val_{name}": value for name, value in scores.items()}


def draw(model, scenes, options, path):
    """Draws some scenes in the manner of the supplement's table 1."""
    images, targets = next(scenes.as_numpy_iterator())
    few = images[:3], targets[:3]
    sets, attention = predict_every_iteration(model, few[0], options)
    layout = options.layout
    plot_set_prediction(
        few[0], sets, few[1], attention, layout=layout, path=path
    )
    return images


def evaluate_only(options, preset):
    """Scores a trained model; leaves the files of its training alone."""
    model = run_folder.load_model(options.output, options.seed)
    *_, test = open_scenes(options, preset)
    results = evaluate(model, test, options)
    draw(model, test, options, options.output / "evaluation_predictions.png")
    write_json(options.output / "evaluation.json", results)


def export(model, image, output):
    """Exports the model; gives how far the SavedModel's outputs are off."""

    def call(image, **options):
        return {"predictions": model(image, **options)}

    begin = start(model, len(image))
    return run_folder.export_and_check(
        model,
        "predict_from" if begin else "predict",
        call,
        {"image": image, **begin},
        output / "saved_model",
    )


if __name__ == "__main__":
    run_folder.run(main)
