"""`.keras` files and SavedModels give the same outputs."""

import keras
import numpy as np
import pytest

from tests.backends import ON_TENSORFLOW
from tests.conformance.descriptors import (
    LAYERS,
    MODELS,
    arrays,
    build_by_call,
    each,
    is_variant,
)


class Saved:
    """A layer in a functional model, or a model of ours, and its calls."""

    def __init__(self, descriptor):
        self.inputs = descriptor.inputs
        self.shapes = descriptor.shapes
        self.is_functional = not issubclass(descriptor.cls, keras.Model)
        instance = build_by_call(descriptor)
        if self.is_functional:
            inputs = descriptor.keras_inputs()
            instance = keras.Model(inputs, instance(**inputs))
        self.model = instance

    def call(self, model):
        if self.is_functional:
            return arrays(model(self.inputs))
        return arrays(model(**self.inputs))

    def signature(self):
        specs = {
            name: keras.InputSpec(shape=shape, dtype="float32", name=name)
            for name, shape in self.shapes.items()
        }
        return [specs] if self.is_functional else list(specs.values())


def load_saved_model(path):
    import tensorflow as tf

    return tf.saved_model.load(path)


@each(LAYERS + MODELS, slow=is_variant)
def test_keras_file(descriptor, tmp_path):
    saved = Saved(descriptor)
    saved.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for output, target in zip(
        saved.call(loaded), saved.call(saved.model), strict=True
    ):
        np.testing.assert_array_equal(output, target)


@each(LAYERS + MODELS, slow=is_variant)
def test_weights_file(descriptor, tmp_path):
    model, other = Saved(descriptor).model, Saved(descriptor).model
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for weight, target in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(weight, target)


@ON_TENSORFLOW
@pytest.mark.slow
@each(LAYERS + MODELS)
def test_saved_model_of_any_batch_size(descriptor, tmp_path):
    saved = Saved(descriptor)
    archive = keras.export.ExportArchive()
    archive.track(saved.model)
    archive.add_endpoint("serve", saved.model.__call__, saved.signature())
    archive.write_out(tmp_path / "saved_model", verbose=False)
    served = load_saved_model(str(tmp_path / "saved_model"))
    for batch in (1, 3):
        saved.inputs = {
            # A known first axis is not the batch's.
            name: array
            if descriptor.shapes[name][0]
            else np.repeat(array[:1], batch, axis=0)
            for name, array in descriptor.inputs.items()
        }
        if saved.is_functional:
            outputs = served.serve(saved.inputs)
        else:
            outputs = served.serve(*saved.inputs.values())
        for output, target in zip(
            arrays(outputs), saved.call(saved.model), strict=True
        ):
            np.testing.assert_allclose(output, target, rtol=1e-4, atol=1e-5)


@ON_TENSORFLOW
@pytest.mark.slow
@each(LAYERS + MODELS)
def test_model_export(descriptor, tmp_path):
    """What Keras exports by itself: a model of ours from its image alone."""
    saved = Saved(descriptor)
    saved.model.export(tmp_path / "saved_model", verbose=False)
    served = load_saved_model(str(tmp_path / "saved_model"))
    inputs = {
        name: keras.ops.convert_to_tensor(a) for name, a in saved.inputs.items()
    }
    expected = saved.call(saved.model)
    if not saved.is_functional:
        outputs = arrays(served.serve(inputs["image"]))  # From random slots.
        assert [o.shape for o in outputs] == [t.shape for t in expected]
        assert all(np.all(np.isfinite(output)) for output in outputs)
        return
    outputs = arrays(served.serve(inputs))
    for output, target in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, target, rtol=1e-4, atol=1e-5)
