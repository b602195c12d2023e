"""Object discovery: from generated images to a served model, in one command.

```shell
python examples/object_discovery.py
```

Trains an `ObjectDiscovery` model on generated Tetrominoes, from images alone;
scores its slots on scenes that it never saw, beside two groupings that know
nothing but color or place; draws what it sees; exports it, and compares what
the export gives in a process without Keras. Stop it whenever you like: the same
command goes on where it stopped. examples/README.md says what it leaves.

```shell
# The paper's model and schedule: 500,000 steps, for a GPU.
python examples/object_discovery.py --preset tetrominoes_paper --output runs/a
# The published scenes: train on the first 60,000, test on the next 320.
python examples/object_discovery.py --records tetrominoes_train.tfrecords
# Score the trained model on published scenes, none of them from its training.
python examples/object_discovery.py --evaluate-only --records FILE
# The paper's CLEVR6, from the shards that convert_records.py makes of it.
python examples/object_discovery.py --preset clevr6 --records FOLDER
```
"""

from pathlib import Path

import keras
import numpy as np
import run_folder
from discovery_scenes import (
    BASELINES,
    TRAIN_SCENES,
    evaluate,
    open_scenes,
    open_unseen_scenes,
    print_results,
)

from keras_slots.files import write_json
from keras_slots.metrics import AdjustedRandIndex, MaskIoU, MeanBestOverlap
from keras_slots.models import ObjectDiscovery, get_preset
from keras_slots.visualization import plot_slots


def main():
    """Trains, scores, draws, exports."""
    options, preset = parse_options()
    output = options.output
    if options.evaluate_only:
        return evaluate_only(options, preset)
    settings = run_folder.make_settings(options, preset)
    if not options.fresh:
        run_folder.check(output, settings)
    # Before anything is deleted or written: the file may turn out to be bad.
    *scenes, test_scenes = open_scenes(options, preset)
    run_folder.claim(output, settings, options.fresh)
    history = train(options, preset, *scenes)
    model = load_model(options)
    results, shown = evaluate(model, test_scenes, options.data)
    print_results(results)
    plot_slots(**shown, path=output / "scenes.png")
    scores = results["fg_ari"]
    run_folder.plot_curves(
        output / "curves.png",
        history,
        {"training": "loss", "validation": "validation_loss"},
        "FG-ARI on validation scenes",
        {"model": "validation_fg_ari"},
        {name.replace("_", " "): scores[name]["mean"] for name in BASELINES},
    )
    results["saved_model_max_difference"] = export(model, shown, output)
    run_folder.finish(options, settings, history, results)


def parse_options():
    """Reads the command line, and the preset that it names."""
    parser = run_folder.make_parser(__doc__)
    add = parser.add_argument
    add("--data", choices=tuple(TRAIN_SCENES), default="tetrominoes")
    add("--preset", help="see from_preset; default: DATA")
    add("--records", type=Path, help="a published file, or shards of it")
    options = parser.parse_args()
    options.preset = options.preset or options.data
    if options.output is None:
        options.output = Path("runs/object_discovery") / options.data
    preset = run_folder.find_preset(parser, options.preset, ObjectDiscovery)
    size = get_preset(options.data).image_shape
    if options.records is None and preset.image_shape != size:
        parser.error(
            f"The scenes of --data {options.data} have shape {size}. Received: "
            f"--preset {options.preset}, for shape {preset.image_shape}"
        )
    scenes = TRAIN_SCENES[options.data]
    run_folder.fill_in(parser, options, preset, scenes, 320, epoch_steps=500)
    return options, preset


def train(options, preset, scenes, validation):
    """Trains from the last checkpoint on; gives the learning curve."""
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
    return run_folder.train(
        model,
        scenes.map(lambda image, mask: image),
        options,
        prefix="validation_",
        validation_data=validation,
    )


def load_model(options):
    """Loads the trained weights into a model in float32.

    Half precision is for training: rounded so, sharp masks depend on the order
    in which a machine adds.
    """
    path = run_folder.find_model(options.output)
    keras.utils.set_random_seed(options.seed)
    model = ObjectDiscovery.from_preset(
        options.preset, load_weights=False, dtype="float32"
    )
    model.load_weights(path)
    return model


def evaluate_only(options, preset):
    """Scores a trained model; leaves the files of its training alone."""
    model = load_model(options)
    trained = run_folder.read_settings(options.output)
    scenes = open_unseen_scenes(options, preset, trained)
    results, shown = evaluate(model, scenes, options.data)
    print_results(results)
    plot_slots(**shown, path=options.output / "evaluation_scenes.png")
    results["records"] = options.records and str(options.records)
    write_json(options.output / "evaluation.json", results)
    print(*sorted(options.output.glob("evaluation*")), sep="\n")


def export(model, shown, output):
    """Exports the model; gives how far the SavedModel's outputs are off."""
    image, slots = shown["images"][:8], model.slot_attention
    start = np.array(slots.initial.draw(len(image), slots.num_slots))
    inputs = {"image": image, "initial_slots": start}
    path = output / "saved_model"
    return run_folder.export_and_check(
        model, "discover_from", model, inputs, path
    )


if __name__ == "__main__":
    run_folder.run(main)
