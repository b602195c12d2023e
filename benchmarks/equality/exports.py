"""What does each export format cost, and does it compute the same?

Exports a trained preset in every format, with the endpoint that is told its
initial slots, and runs one image through each by its own runtime. Prints the
table of docs/guides/export.md: the largest difference to Keras in any output,
the size on disk, and the median latency of one image, alternating, in threads
as each runtime chooses. Writes `runs/exports/results.json`.
"""

import shutil
import statistics
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.results import print_table, write_measured
from benchmarks.running import command_line, require
from benchmarks.timing import measure
from keras_slots import export
from keras_slots.models import ObjectDiscovery

OUTPUT = Path("runs/exports")
ROUNDS = 30
ENDPOINT = "discover_from"
KERAS = "Keras, compiled by `tf.function`"


def main():
    """Exports, runs, compares, times."""
    parser = command_line(__doc__)
    parser.add_argument("preset", nargs="?", default="clevr_scenes")
    preset = parser.parse_args().preset
    require("tf2onnx", "onnxruntime", "ai_edge_litert", "openvino")
    shutil.rmtree(OUTPUT, ignore_errors=True)
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery.from_preset(preset)
    inputs = draw_inputs(model)
    expected = {name: np.array(x) for name, x in model(**inputs).items()}
    runners = {KERAS: with_tensors(tf.function(model), inputs)}
    sizes = {}
    for title, (name, make) in FORMATS.items():
        folder = OUTPUT / name
        folder.mkdir(parents=True)
        runners[title] = make(model, folder / name, inputs)
        files = [path for path in folder.rglob("*") if path.is_file()]
        sizes[title] = sum(path.stat().st_size for path in files)
    rows, results = [], {}
    for title, times in measure(runners, ROUNDS).items():
        outputs = runners[title]()
        difference = max(
            float(np.abs(np.array(outputs[name]) - x).max())
            for name, x in expected.items()
        )
        size, seconds = sizes.get(title, 0), statistics.median(times)
        results[title] = dict(
            difference=difference, bytes=size, seconds=seconds
        )
        shown = f"{size / 1e6:.1f} MB" if size else ""
        latency = f"{1e3 * seconds:.1f} ms"
        rows.append([title, f"{difference:.1e}", shown, latency])
    write_measured(OUTPUT / "results.json", results)
    print(f"\n{preset}, one image")
    print_table(["format", "largest difference", "size", "latency"], rows)


def draw_inputs(model):
    """Draws an image and slots, as float32 arrays."""
    rng, slots = np.random.default_rng(0), model.slot_attention
    shape, _, _ = model.decoder.compute_output_shape((1, 1, 1))
    image = rng.uniform(-1, 1, shape)
    initial_slots = rng.normal(size=(1, slots.num_slots, slots.slot_size))
    arrays = {"image": image, "initial_slots": initial_slots}
    return {name: x.astype("float32") for name, x in arrays.items()}


# Each makes a function that computes the outputs, by name, as arrays.


def with_tensors(function, inputs):
    """Runs a function of TensorFlow."""
    tensors = {name: tf.constant(x) for name, x in inputs.items()}
    return lambda: {k: x.numpy() for k, x in function(**tensors).items()}


def saved_model(model, path, inputs):
    """Runs a SavedModel by TensorFlow."""
    export.export_saved_model(model, path)
    loaded = tf.saved_model.load(str(path))

    def call(**tensors):
        return loaded.signatures[ENDPOINT](**tensors)  # It must outlive them.

    return with_tensors(call, inputs)


def onnx(model, path, inputs):
    """Runs ONNX by Microsoft's onnxruntime."""
    import onnxruntime

    export.export_onnx(model, path, ENDPOINT)
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return lambda: dict(zip(names, session.run(names, inputs), strict=True))


def litert(model, path, inputs):
    """Runs LiteRT by Google's ai-edge-litert."""
    from ai_edge_litert.interpreter import Interpreter

    export.export_litert(model, path, ENDPOINT)
    run = Interpreter(str(path)).get_signature_runner()
    return lambda: run(**inputs)


def openvino(model, path, inputs):
    """Runs Intel's OpenVINO, in float32."""
    from openvino import Core

    export.export_openvino(model, path, ENDPOINT)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = Core().compile_model(path, "CPU", settings)
    return lambda: compiled(inputs)


FORMATS = {
    "SavedModel, TensorFlow": ("saved_model", saved_model),
    "ONNX, onnxruntime": ("model.onnx", onnx),
    "LiteRT, ai-edge-litert": ("model.tflite", litert),
    "OpenVINO, float32": ("model.xml", openvino),
}


if __name__ == "__main__":
    main()
