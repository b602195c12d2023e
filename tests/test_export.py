"""A SavedModel served by TensorFlow alone, in a process of its own."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.export import export_saved_model
from keras_slots.layers import ConvEncoder
from keras_slots.models import ObjectDiscovery

# TensorFlow imports Keras by itself where it can. `None` for a module makes
# any import of it fail, so whatever is served here is served without.
SERVER = """
import sys

absent = dict.fromkeys(("keras", "tf_keras", "keras_slots"))
sys.modules.update(absent)
import numpy as np
import tensorflow as tf

folder = sys.argv[1]
arrays = dict(np.load(f"{folder}/inputs.npz"))
served = tf.saved_model.load(f"{folder}/model").signatures
results = {}
for batch in (1, 3):
    inputs = {name: tf.constant(a[:batch]) for name, a in arrays.items()}
    for call in "ab":
        outputs = served["discover_from"](**inputs)
        drawn = served["serving_default"](image=inputs["image"])
        for name in outputs:
            results[f"from-{batch}-{call}-{name}"] = outputs[name]
            results[f"drawn-{batch}-{call}-{name}"] = drawn[name]
assert all(sys.modules[name] is None for name in absent)
assert set(served) == {"discover", "discover_from", "serving_default"}
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


@pytest.fixture(scope="module")
def outputs(model, inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    export_saved_model(model, folder / "model")
    np.savez(folder / "inputs.npz", **inputs)
    subprocess.run(
        [sys.executable, "-c", SERVER, str(folder)], cwd=folder, check=True
    )
    with np.load(folder / "outputs.npz") as file:
        return dict(file)


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


@pytest.mark.parametrize("batch", [1, 3], ids="batch {}".format)
def test_the_default_draws_its_slots(outputs, batch):
    first = outputs[f"drawn-{batch}-a-slots"]
    again = outputs[f"drawn-{batch}-b-slots"]
    assert first.shape == (batch, 3, 8)
    assert not np.allclose(first, again)
    masks = outputs[f"drawn-{batch}-a-masks"]
    np.testing.assert_allclose(masks.sum(axis=1), 1, rtol=1e-5)


def test_what_is_there_stays(model, tmp_path):
    path = tmp_path / "model"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="something at `path` already"):
        export_saved_model(model, path)
    assert path.read_text() == "precious"


def test_an_interrupted_export_leaves_nothing_at_the_path(
    model, tmp_path, monkeypatch
):
    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # The last step: all that is written is written elsewhere.
        patch.setattr("keras_slots.export.os.replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export_saved_model(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    export_saved_model(model, tmp_path / "model")
    assert {path.name for path in tmp_path.iterdir()} == {"model"}


def test_an_unbuilt_model_is_an_error(tmp_path):
    model = ObjectDiscovery(
        ConvEncoder(), SlotAttention(3, 8), SpatialBroadcastDecoder(5)
    )
    with pytest.raises(ValueError, match="`model` must be built"):
        export_saved_model(model, tmp_path / "model")


def test_a_slash_at_the_end_of_the_path_is_no_part_of_it(model, tmp_path):
    export_saved_model(model, f"{tmp_path}/model/")
    assert (tmp_path / "model" / "saved_model.pb").exists()


def test_another_model_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="`model` must be an `ObjectDiscov"):
        export_saved_model(keras.Sequential(), tmp_path / "model")
