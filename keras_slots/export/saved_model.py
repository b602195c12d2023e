"""SavedModels: a model that a process without this package can serve."""

import os

import keras

from keras_slots.export.destination import as_destination
from keras_slots.export.endpoints import endpoints
from keras_slots.files import all_at_once


def export_saved_model(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes a model as a TensorFlow SavedModel.

    The SavedModel contains the graph and the weights. Serving it only needs
    TensorFlow, neither Keras nor this package. Every endpoint accepts any
    batch size and returns a dict. An `ObjectDiscovery` has:

    - `discover` (also `serving_default`): from `image` to all outputs of the
      model. Slots that start from a Gaussian are drawn anew in every call.
    - `encode`: from `image` to `slots` and all other inputs of `decode`.
    - `discover_from`, `encode_from`: from `image` and `initial_slots`:
      deterministic.
    - `decode`: from `slots` (and `centers` and `scales`, if slots have them)
      to the images and masks.

    A `SetPrediction` or `DeepSetPrediction`, with a dict of `predictions`, has:

    - `predict` (also `serving_default`): from `image`.
    - `predict_from`: from `image` and `initial_slots`, or `initial_set`.

    A model with `SlotMLP`, which has no initial slots, has no `_from`.

    Args:
        model: A built model of `keras_slots.models`.
        path: Directory to write, in an existing folder. An incomplete
            directory never appears; an existing directory is an error.

    Raises:
        ValueError: If the model has another type or is not built.
        FileExistsError: If `path` already exists.
        FileNotFoundError: If the folder of `path` does not exist.

    Example:

    ```python
    keras_slots.export.export_saved_model(model, "model")
    served = tf.saved_model.load("model").signatures["discover"]
    masks = served(image=images)["masks"]
    ```
    """
    functions = endpoints(model)
    path = as_destination(path)
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, endpoint in functions.items():
        archive.add_endpoint(name, endpoint.function, endpoint.specs)
    # An interrupted export must not look like a finished one.
    with all_at_once(path) as unfinished:
        archive.write_out(str(unfinished), verbose=False)
