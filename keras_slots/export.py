"""SavedModels: a model that a process without this package can serve."""

import os

import keras

from keras_slots.models import (
    DeepSetPrediction,
    ObjectDiscovery,
    SetPrediction,
)
from keras_slots.models.grouping import attends

__all__ = ["export_saved_model"]


def export_saved_model(model, path) -> None:
    """Writes a model as a TensorFlow SavedModel.

    The SavedModel holds the graph and the weights. Serving it takes
    TensorFlow alone, neither Keras nor this package. Every endpoint takes any
    batch size. Of an `ObjectDiscovery`, with the model's dict of outputs:

    - `discover` (also `serving_default`): from `image`. Slots that start
      from a Gaussian are drawn anew in every call.
    - `discover_from`: from `image` and `initial_slots`: deterministic.

    Of a `SetPrediction` or `DeepSetPrediction`, with a dict of `predictions`:

    - `predict` (also `serving_default`): from `image`.
    - `predict_from`: from `image` and `initial_slots`, or `initial_set`.

    A model with `SlotMLP`, which starts from nothing, has the first alone.

    Args:
        model: A built model of `keras_slots.models`.
        path: Directory to write. It appears whole or not at all; one that
            exists already is an error.

    Raises:
        ValueError: If the model is of another kind or not built.
        FileExistsError: If something is at `path` already.

    Example:

    ```python
    keras_slots.export.export_saved_model(model, "model")
    served = tf.saved_model.load("model").signatures["discover"]
    masks = served(image=images)["masks"]
    ```
    """
    path = os.path.normpath(path)  # Without a slash at the end.
    kinds = (ObjectDiscovery, SetPrediction, DeepSetPrediction)
    if not isinstance(model, kinds):
        raise ValueError(
            "`model` must be one of `keras_slots.models`; export other models "
            f"with their own `export`. Received: model={model!r}"
        )
    if not model.built:
        raise ValueError(
            "`model` must be built before it is exported: call it on an "
            f"image once. Received: model={model!r}"
        )
    if os.path.exists(path):
        raise FileExistsError(
            "There is something at `path` already; remove it or choose "
            f"another. Received: path={path!r}"
        )
    archive = keras.export.ExportArchive()
    archive.track(model)
    if isinstance(model, ObjectDiscovery):
        name, call = "discover", model.__call__
    else:
        name, call = "predict", _predict(model)
    image, start = _image_spec(model), _start_spec(model)
    archive.add_endpoint(name, call, [image])
    if start is not None:
        archive.add_endpoint(f"{name}_from", call, [image, start])
    # An interrupted export must not look like a finished one.
    unfinished = f"{path}.unfinished"
    archive.write_out(unfinished, verbose=False)
    os.replace(unfinished, path)


def _predict(model):
    """A call with a named output, whose start keeps the name it has there."""
    if isinstance(model, DeepSetPrediction):

        def predict_from_set(image, initial_set=None):
            return {"predictions": model(image, initial_set=initial_set)}

        return predict_from_set

    def predict_from_slots(image, initial_slots=None):
        return {"predictions": model(image, initial_slots=initial_slots)}

    return predict_from_slots


def _image_spec(model):
    if isinstance(model, ObjectDiscovery):
        shape, _, _ = model.decoder.compute_output_shape((None, 1, 1))
    else:
        shape = (None, *model.image_shape)
    return keras.InputSpec(shape=shape, dtype="float32", name="image")


def _start_spec(model):
    """What the model may be told to start from; `None` if from nothing."""
    if isinstance(model, DeepSetPrediction):
        name, sizes = "initial_set", (model.set_size, model.num_features)
    elif attends(model.slot_attention):
        slots = model.slot_attention
        name, sizes = "initial_slots", (slots.num_slots, slots.slot_size)
    else:
        return None
    return keras.InputSpec(shape=(None, *sizes), dtype="float32", name=name)
