"""What does each export format cost, and does it compute the same?

```shell
pip install ".[export]" onnxruntime ai-edge-litert
python benchmarks/exports.py                 # the preset clevr_scenes
python benchmarks/exports.py tetrominoes
```

Exports a trained preset in every format, with the endpoint that is told its
initial slots, and runs one image through each by its own runtime. Prints the
table of docs/guides/export.md: the largest difference to Keras in any output,
the size on disk, and the median latency of one image, alternating, in threads
as each runtime chooses. Writes `runs/exports/results.json`.
"""

import argparse
import shutil
import statistics
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from harness import measure, write_json

from keras_slots import export
from keras_slots.models import ObjectDiscovery

ROUNDS = 30
ENDPOINT = "discover_from"
TITLES = {
    "Keras": "Keras, compiled by `tf.function`",
    "saved_model": "SavedModel, TensorFlow",
    "onnx.onnx": "ONNX, onnxruntime",
    "litert.tflite": "LiteRT, ai-edge-litert",
    "openvino.xml": "OpenVINO, float32",
}


def main():
    """Exports, runs, compares, times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("preset", nargs="?", default="clevr_scenes")
    parser.add_argument("--output", type=Path, default=Path("runs/exports"))
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery.from_preset(options.preset)
    slots = model.slot_attention
    shape, _, _ = model.decoder.compute_output_shape((1, 1, 1))
    generator = np.random.default_rng(0)
    inputs = {
        "image": generator.uniform(-1, 1, shape),
        "initial_slots": generator.normal(
            size=(1, slots.num_slots, slots.slot_size)
        ),
    }
    inputs = {name: x.astype("float32") for name, x in inputs.items()}
    expected = {name: np.array(x) for name, x in model(**inputs).items()}
    runners = {"Keras": keras_runner(model, inputs)}
    for name, (exporter, runner) in FORMATS.items():
        path = options.output / name
        exporter(model, path)
        runners[name] = runner(path, inputs)
    times = measure(runners, ROUNDS)
    results = {}
    print(f"\n{options.preset}, one image")
    print("| format | largest difference | size | latency |")
    print("|---|---|---|---|")
    for name, run in runners.items():
        outputs = run()
        difference = max(
            float(np.abs(outputs[key] - value).max())
            for key, value in expected.items()
        )
        size = size_of(options.output, name)
        latency = statistics.median(times[name])
        results[name] = {
            "difference": difference,
            "bytes": size,
            "seconds": latency,
        }
        print(
            f"| {TITLES[name]} | {difference:.1e} "
            f"| {f'{size / 1e6:.1f} MB' if size else ''} "
            f"| {1e3 * latency:.1f} ms |"
        )
    write_json(options.output / "results.json", results)


def size_of(folder, name):
    """Bytes of a format: of a folder, or a file and what belongs to it."""
    path = folder / name
    if path.is_dir():
        files = path.rglob("*")
    else:
        files = folder.glob(f"{path.stem}.*")
    return sum(file.stat().st_size for file in files if file.is_file())


def keras_runner(model, inputs):
    """The model itself, as a graph."""
    function = tf.function(model)
    tensors = {name: tf.constant(x) for name, x in inputs.items()}
    return lambda: {k: x.numpy() for k, x in function(**tensors).items()}


def saved_model_runner(path, inputs):
    """TensorFlow's own."""
    loaded = tf.saved_model.load(str(path))
    served = loaded.signatures[ENDPOINT]
    tensors = {name: tf.constant(x) for name, x in inputs.items()}

    def run():
        # The model must outlive its signatures.
        assert loaded
        return {k: x.numpy() for k, x in served(**tensors).items()}

    return run


def onnx_runner(path, inputs):
    """Microsoft's onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return lambda: dict(zip(names, session.run(names, inputs), strict=True))


def litert_runner(path, inputs):
    """Google's ai-edge-litert."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path)).get_signature_runner()
    return lambda: run(**inputs)


def openvino_runner(path, inputs):
    """Intel's OpenVINO, in float32."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)

    def run():
        outputs = compiled(inputs)
        return {name: outputs[key] for key in outputs for name in key.names}

    return run


FORMATS = {
    "saved_model": (export.export_saved_model, saved_model_runner),
    "onnx.onnx": (
        lambda model, path: export.export_onnx(model, path, ENDPOINT),
        onnx_runner,
    ),
    "litert.tflite": (
        lambda model, path: export.export_litert(model, path, ENDPOINT),
        litert_runner,
    ),
    "openvino.xml": (
        lambda model, path: export.export_openvino(model, path, ENDPOINT),
        openvino_runner,
    ),
}


if __name__ == "__main__":
    main()
