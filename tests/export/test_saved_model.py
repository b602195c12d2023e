"""A SavedModel served by TensorFlow alone, in a process of its own."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.export import export_saved_model
from keras_slots.layers import ConvEncoder, PropertyHead, SlotCenters, SlotMLP
from keras_slots.models import ObjectDiscovery, SetPrediction

# TensorFlow imports Keras by itself where it can. `None` for a module makes
# any import of it fail, so whatever is served here is served without.
SERVER = """
import sys

absent = dict.fromkeys(("keras", "tf_keras", "keras_slots"))
sys.modules.update(absent)
import numpy as np
import tensorflow as tf

folder, name = sys.argv[1:]
arrays = dict(np.load(f"{folder}/inputs.npz"))
served = tf.saved_model.load(f"{folder}/model").signatures
results = {}
endpoints = {name, f"{name}_from", "serving_default"}
if name == "discover":
    endpoints |= {"encode", "encode_from", "decode"}
    inputs = {name: tf.constant(a) for name, a in arrays.items()}
    encoded = served["encode_from"](**inputs)
    for key, value in served["decode"](slots=encoded["slots"]).items():
        results[f"decoded-{key}"] = value
for batch in (1, 3):
    inputs = {name: tf.constant(a[:batch]) for name, a in arrays.items()}
    for call in "ab":
        outputs = served[f"{name}_from"](**inputs)
        drawn = served["serving_default"](image=inputs["image"])
        for key in outputs:
            results[f"from-{batch}-{call}-{key}"] = outputs[key]
            results[f"drawn-{batch}-{call}-{key}"] = drawn[key]
assert all(sys.modules[module] is None for module in absent)
assert set(served) == endpoints
np.savez(f"{folder}/outputs.npz", **results)
"""


@pytest.fixture(scope="module")
def model():
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 8, num_iterations=2),
        SpatialBroadcastDecoder((5, 6), (4,)),
    )
    model.build((None, 5, 6, 3))
    return model


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(-1, 1, (3, 5, 6, 3)).astype("float32"),
        "initial_slots": rng.normal(size=(3, 3, 8)).astype("float32"),
    }


def serve(model, name, inputs, folder):
    export_saved_model(model, folder / "model")
    np.savez(folder / "inputs.npz", **inputs)
    command = [sys.executable, "-c", SERVER, str(folder), name]
    subprocess.run(command, cwd=folder, check=True)
    with np.load(folder / "outputs.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def outputs(model, inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    return serve(model, "discover", inputs, folder)


@pytest.mark.parametrize("batch", [1, 3], ids="batch {}".format)
def test_served_outputs_are_those_of_keras(model, inputs, outputs, batch):
    expected = model(**{name: a[:batch] for name, a in inputs.items()})
    for name, target in expected.items():
        served = outputs[f"from-{batch}-a-{name}"]
        np.testing.assert_allclose(
            served, target, rtol=1e-4, atol=1e-5, err_msg=name
        )
        again = outputs[f"from-{batch}-b-{name}"]
        np.testing.assert_array_equal(again, served, err_msg=name)


def test_encoded_and_decoded_again_is_discovered(outputs):
    for name in ("reconstruction", "slot_reconstructions", "masks"):
        np.testing.assert_allclose(
            outputs[f"decoded-{name}"],
            outputs[f"from-3-a-{name}"],
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize("batch", [1, 3], ids="batch {}".format)
def test_the_default_draws_its_slots(outputs, batch):
    first = outputs[f"drawn-{batch}-a-slots"]
    again = outputs[f"drawn-{batch}-b-slots"]
    assert first.shape == (batch, 3, 8)
    assert not np.allclose(first, again)
    masks = outputs[f"drawn-{batch}-a-masks"]
    np.testing.assert_allclose(masks.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_served_predictions_are_those_of_keras(tmp_path):
    model = SetPrediction(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 8, num_iterations=2, centers=SlotCenters(2)),
        PropertyHead(5, 6, center_frequencies=2),
        # In training alone: nothing of it is served.
        loss_at_every_iteration=True,
    )
    model.build((None, 5, 6, 3))
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.uniform(-1, 1, (3, 5, 6, 3)).astype("float32"),
        "initial_slots": rng.normal(size=(3, 3, 8)).astype("float32"),
    }
    outputs = serve(model, "predict", inputs, tmp_path)
    expected = np.array(model(**inputs))
    for batch in (1, 3):
        served = [outputs[f"from-{batch}-{call}-predictions"] for call in "ab"]
        np.testing.assert_allclose(served[0], expected[:batch], rtol=1e-4)
        np.testing.assert_array_equal(*served)
        drawn = [outputs[f"drawn-{batch}-{call}-predictions"] for call in "ab"]
        assert drawn[0].shape == (batch, 3, 5)
        assert not np.allclose(*drawn)


def slot_mlp_model(kind):
    encoder = ConvEncoder((4,), mlp_sizes=(4,))
    slots = SlotMLP.for_object_discovery(3, 8, map_size=2)
    if kind == "discover":
        decoder = SpatialBroadcastDecoder((4, 4), (4,))
        model = ObjectDiscovery(encoder, slots, decoder)
    else:
        model = SetPrediction(encoder, slots, PropertyHead(5, 6))
    model.build((None, 4, 4, 3))
    return model


@pytest.mark.parametrize("name", ["discover", "predict"])
def test_slot_mlp_starts_from_nothing(name, tmp_path):
    model = slot_mlp_model(name)
    # A slash at the end of the path is no part of it.
    export_saved_model(model, f"{tmp_path}/model/")
    served = tf.saved_model.load(str(tmp_path / "model")).signatures
    more = {"encode", "decode"} if name == "discover" else set()
    assert set(served) == {name, "serving_default"} | more
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (3, 4, 4, 3)).astype("float32")
    expected = model(image)
    if name == "predict":
        expected = {"predictions": expected}
    outputs = served[name](image=tf.constant(image))
    assert set(outputs) == set(expected)
    for key, target in expected.items():
        np.testing.assert_allclose(outputs[key], target, rtol=1e-4, atol=1e-5)


def test_what_is_there_stays(model, tmp_path):
    path = tmp_path / "model"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="something at `path` already"):
        export_saved_model(model, path)
    assert path.read_text() == "precious"


def test_an_interrupted_export_leaves_nothing_at_the_path(
    tmp_path, monkeypatch
):
    model = slot_mlp_model("predict")  # The quickest to export.

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # The last step: all that is written is written elsewhere.
        patch.setattr("keras_slots.export.destination.os.replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export_saved_model(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_before_anything_is_written(
    model, tmp_path
):
    with pytest.raises(FileNotFoundError, match=r"exists\. Received: path='"):
        export_saved_model(model, tmp_path / "a" / "b")


def test_an_unbuilt_model_is_an_error(tmp_path):
    model = ObjectDiscovery(
        ConvEncoder(), SlotAttention(3, 8), SpatialBroadcastDecoder(5)
    )
    with pytest.raises(ValueError, match="and built: call it on an image"):
        export_saved_model(model, tmp_path / "model")
    model = SetPrediction(ConvEncoder(), SlotAttention(3, 8), PropertyHead())
    with pytest.raises(ValueError, match="and built: call it on an image"):
        export_saved_model(model, tmp_path / "model")


def test_another_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="`model` must be one of `keras_slo"):
        export_saved_model(keras.Sequential(), tmp_path / "model")
