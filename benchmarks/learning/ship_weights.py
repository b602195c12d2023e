"""Puts the weights of a finished training into the package.

Takes the folder that `examples/object_discovery.py` or
`examples/set_prediction.py` left, and writes `NAME.weights.h5` and `NAME.json`
into `keras_slots/models/weights`, from where `from_preset(NAME)` loads them.
Refuses a training with other values than the preset's.
"""

import dataclasses
from pathlib import Path

import keras

from benchmarks.results import as_json, read_json, write_json
from benchmarks.running import command_line
from keras_slots.files import all_at_once
from keras_slots.models import get_preset
from keras_slots.models.presets import PARTS
from keras_slots.models.trained_weights import FOLDER, checksum, weights_path

SCORES = ("fg_ari", "ari", "mbo", "mask_iou")


def main():
    """Checks, then writes both files."""
    parser = command_line(__doc__)
    parser.add_argument("name", help="of the preset")
    parser.add_argument("run", type=Path, help="folder of the training")
    options = parser.parse_args()
    metrics = read_json(options.run / "metrics.json")
    settings = metrics["settings"]
    trained = as_written_out(settings.pop("preset_values"))
    preset = dataclasses.asdict(get_preset(options.name))
    preset = as_written_out(as_json(preset))
    changed = [name for name, value in preset.items() if value != trained[name]]
    if changed:
        raise SystemExit(
            f"The training differs from the preset {options.name} in "
            f"{', '.join(changed)}. Received: {options.run}"
        )
    # Without the optimizer, which is twice as large as the model.
    path = options.run / "model.keras"
    model = keras.saving.load_model(path, compile=False)
    FOLDER.mkdir(exist_ok=True)
    path = weights_path(options.name)
    with all_at_once(path) as unfinished:
        model.save_weights(unfinished)
    card = {
        "scores": flatten(metrics),
        "steps": settings["steps"],
        "seconds": metrics.get("seconds"),
        "parameters": model.count_params(),
        "sha256": checksum(path),
        "settings": {**settings, "preset": options.name},
        "versions": metrics["versions"],
        "machine": metrics["machine"],
    }
    write_json(FOLDER / f"{options.name}.json", card)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB\n{card['scores']}")


def as_written_out(values):
    """Gives the values of a preset, with the defaults of its parts."""
    made = keras.saving.deserialize_keras_object(values)  # Layers in it, too.
    parts = {
        name: as_json(part(**made[name]).get_config())
        for name, part in PARTS.items()
        if values[name] is not None
    }
    for config in parts.values():
        del config["name"]
    return {**values, **parts}


def flatten(metrics):
    """Gives the scores of the model by name, on held-out scenes."""
    if "average_precision" in metrics:
        # With as many iterations as in training, the first.
        return next(iter(metrics["average_precision"].values()))
    return {name: metrics[name]["model"]["mean"] for name in SCORES}


if __name__ == "__main__":
    main()
