"""Puts the weights of a finished training into the package.

Takes the folder that `examples/object_discovery.py` or
`examples/set_prediction.py` left, and writes `NAME.weights.h5` and `NAME.json`
into `keras_slots/models/weights`, from where `from_preset(NAME)` loads them.
Refuses a training with other values than the preset's.
"""

import dataclasses
import json
from pathlib import Path

import keras

from benchmarks.results import read_json
from benchmarks.running import command_line
from keras_slots.files import all_at_once, write_json
from keras_slots.models import Preset, get_preset
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
    # There are layers in it, too.
    values = keras.saving.deserialize_keras_object(
        settings.pop("preset_values")
    )
    trained = written_out(Preset(**values))
    preset = written_out(get_preset(options.name))
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


def written_out(preset):
    """Gives the values of a preset as JSON has them, with all defaults."""
    values = dataclasses.asdict(preset)
    for part in PARTS:
        if values[part] is not None:
            values[part] = preset.make(part).get_config()
            del values[part]["name"]
    serialize = keras.saving.serialize_keras_object
    return json.loads(json.dumps(values, default=serialize))


def flatten(metrics):
    """Gives the scores of the model by name, on held-out scenes."""
    if "average_precision" in metrics:
        # With as many iterations as in training, the first.
        return next(iter(metrics["average_precision"].values()))
    return {name: metrics[name]["model"]["mean"] for name in SCORES}


if __name__ == "__main__":
    main()
