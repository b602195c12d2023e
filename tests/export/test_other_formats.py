"""ONNX, LiteRT and OpenVINO, each run by its own runtime in a fresh process."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.export import (
    export_litert,
    export_onnx,
    export_openvino,
    list_endpoints,
)
from keras_slots.files import all_at_once
from keras_slots.layers import ConvEncoder, PropertyHead, SlotCenters
from keras_slots.models import (
    DeepSetPrediction,
    ObjectDiscovery,
    SetPrediction,
)

# What reads the inputs and writes the outputs, in one line for each runtime.
ABSENT = (
    "import sys; sys.modules.update(dict.fromkeys("
    "('tensorflow', 'keras', 'keras_slots')))\n"
)
ONNX = (Path(__file__).parents[2] / "examples" / "serve_onnx.py").read_text()
LITERT = """
import numpy as np
from ai_edge_litert.interpreter import Interpreter
run = Interpreter(sys.argv[1]).get_signature_runner()
np.savez(sys.argv[3], **run(**np.load(sys.argv[2])))
"""
OPENVINO = """
import numpy as np
import openvino
exact = {"INFERENCE_PRECISION_HINT": "f32"}
compiled = openvino.Core().compile_model(sys.argv[1], "CPU", exact)
outputs = compiled(dict(np.load(sys.argv[2])))
# An output may have names of OpenVINO's own beside that of the model.
named = {name: outputs[key] for key in outputs for name in key.names}
names = {name.replace("/", "_"): value for name, value in named.items()}
np.savez(sys.argv[3], **names)
"""
# Function, ending, what to install, and the server.
FORMATS = {
    "onnx": (export_onnx, ".onnx", "onnxruntime", ONNX),
    "litert": (export_litert, ".tflite", "ai_edge_litert", LITERT),
    "openvino": (export_openvino, ".xml", "openvino", OPENVINO),
}


def draw(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@functools.cache
def discovery(**slots):
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(
            3,
            8,
            num_iterations=2,
            centers=SlotCenters(2, use_scales=True),
            **slots,
        ),
        SpatialBroadcastDecoder((5, 6), (4,), center_frequencies=2),
    )
    model.build((None, 5, 6, 3))
    return model


def set_prediction():
    model = SetPrediction(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 8, num_iterations=2),
        PropertyHead(5, 6),
    )
    model.build((None, 5, 6, 3))
    return model


def deep_set_prediction(implicit):
    model = DeepSetPrediction(
        ConvEncoder((4,), mlp_sizes=(4,)),
        set_size=3,
        num_features=5,
        num_iterations=2,
        implicit=implicit,
        latent_size=5,
        hidden_size=6,
    )
    model.build((None, 5, 6, 3))
    return model


def serve(kind, model, endpoint, inputs, folder):
    """The outputs of a file, run in a process without what made it."""
    export, ending, runtime, server = FORMATS[kind]
    pytest.importorskip(runtime)
    path = folder / f"model{ending}"
    options = {"batch_size": len(inputs["image"])} if kind == "litert" else {}
    export(model, path, endpoint, **options)
    files = folder / "inputs.npz", folder / "outputs.npz"
    np.savez(files[0], **inputs)
    command = [sys.executable, "-c", ABSENT + server, path, *files]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    with np.load(files[1]) as arrays:
        return dict(arrays)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # tf2onnx and NumPy 2.
@pytest.mark.parametrize("kind", FORMATS)
def test_object_discovery_comes_out_the_same(kind, tmp_path):
    model = discovery()
    inputs = {"image": draw(2, 5, 6, 3), "initial_slots": draw(2, 3, 8)}
    expected = model(**inputs)
    served = serve(kind, model, "discover_from", inputs, tmp_path)
    assert served.keys() >= expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            served[name], value, rtol=1e-4, atol=1e-5, err_msg=name
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", FORMATS)
def test_set_prediction_comes_out_the_same(kind, tmp_path):
    model = set_prediction()
    inputs = {"image": draw(1, 5, 6, 3), "initial_slots": draw(1, 3, 8)}
    served = serve(kind, model, "predict_from", inputs, tmp_path)
    np.testing.assert_allclose(
        served["predictions"], model(**inputs), rtol=1e-4, atol=1e-5
    )


def test_endpoints_have_named_inputs():
    assert list_endpoints(discovery()) == {
        "discover": ("image",),
        "discover_from": ("image", "initial_slots"),
        "encode": ("image",),
        "encode_from": ("image", "initial_slots"),
        "decode": ("slots", "centers", "scales"),
    }
    assert list_endpoints(deep_set_prediction(implicit=False)) == {
        "predict": ("image",),
        "predict_from": ("image", "initial_set"),
    }


@pytest.mark.parametrize("kind", FORMATS)
def test_noise_is_refused_before_anything_is_written(kind, tmp_path):
    export, ending, *_ = FORMATS[kind]
    message = r"'discover_from'.*Received: endpoint='discover'"
    with pytest.raises(ValueError, match=message):
        export(discovery(), tmp_path / f"model{ending}", "discover")
    with pytest.raises(ValueError, match="Received: endpoint='sing'"):
        export(discovery(), tmp_path / f"model{ending}", "sing")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_there_stays(kind, tmp_path):
    export, ending, *_ = FORMATS[kind]
    path = tmp_path / f"model{ending}"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="something at `path` already"):
        export(discovery(), path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("kind", FORMATS)
def test_another_ending_is_an_error(kind, tmp_path):
    export, ending, *_ = FORMATS[kind]
    with pytest.raises(ValueError, match=f"must end in '{ending}'"):
        export(discovery(), tmp_path / "model.bin")


@pytest.mark.parametrize("batch_size", [0, None, "1"])
def test_litert_has_one_batch_size(batch_size, tmp_path):
    with pytest.raises(ValueError, match="`batch_size` must be a positive"):
        export_litert(
            discovery(), tmp_path / "model.tflite", batch_size=batch_size
        )


@pytest.mark.parametrize("kind", FORMATS)
def test_a_failure_leaves_nothing(kind, tmp_path, monkeypatch):
    def fail(model, path, **kwargs):
        Path(path).write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("keras.Model.export", fail)
    export, ending, *_ = FORMATS[kind]
    with pytest.raises(KeyboardInterrupt):
        export(discovery(), tmp_path / f"model{ending}")
    assert not list(tmp_path.iterdir())


def test_the_named_file_is_the_last_to_come(tmp_path, monkeypatch):
    moved, replace = [], os.replace

    def noted(source, target):
        moved.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    with all_at_once(tmp_path / "model.xml") as path:
        path.write_text("layers")
        path.with_suffix(".bin").write_text("weights")
    assert moved == ["model.bin", "model.xml"]


def test_learned_slots_draw_nothing(tmp_path, monkeypatch):
    """The default endpoint is then the one that takes images alone."""
    taken = []
    monkeypatch.setattr(
        "keras.Model.export",
        lambda model, path, input_signature, **_: taken.append(
            [spec.name for spec in input_signature]
        ),
    )
    learned = discovery(slot_initialization="learned")
    export_onnx(learned, tmp_path / "model.onnx")
    export_onnx(discovery(), tmp_path / "model.onnx")
    export_onnx(deep_set_prediction(True), tmp_path / "model.onnx")
    assert taken == [["image"], ["image", "initial_slots"], ["image"]]
