"""SavedModels: a model that a process without this package can serve."""

import os

import keras

from keras_slots.checks import check_folder
from keras_slots.export.destination import check_free
from keras_slots.export.endpoints import endpoints
from keras_slots.files import all_at_once


def export_saved_model(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes a model as a TensorFlow SavedModel.

    The SavedModel holds the graph and the weights. Serving it takes
    TensorFlow alone, neither Keras nor this package. Every endpoint takes any
    batch size and gives a dict. Of an `ObjectDiscovery`:

    - `discover` (also `serving_default`): from `image`, all that the model
      gives. Slots that start from a Gaussian are drawn anew in every call.
    - `encode`: from `image`, `slots` and what `decode` needs beside them.
    - `discover_from`, `encode_from`: from `image` and `initial_slots`:
      deterministic.
    - `decode`: from `slots` (and `centers` and `scales`, where slots have
      them), the images and masks.

    Of a `SetPrediction` or `DeepSetPrediction`, with a dict of `predictions`:

    - `predict` (also `serving_default`): from `image`.
    - `predict_from`: from `image` and `initial_slots`, or `initial_set`.

    A model with `SlotMLP`, which starts from nothing, has no `_from`.

    Args:
        model: A built model of `keras_slots.models`.
        path: Directory to write, in a folder that exists. It appears whole or
            not at all; one that exists already is an error.

    Raises:
        ValueError: If the model is of another kind or not built.
        FileExistsError: If something is at `path` already.
        FileNotFoundError: If `path` lies in no folder.

    Example:

    ```python
    keras_slots.export.export_saved_model(model, "model")
    served = tf.saved_model.load("model").signatures["discover"]
    masks = served(image=images)["masks"]
    ```
    """
    functions = endpoints(model)
    path = check_folder(path)
    check_free(path)
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, endpoint in functions.items():
        archive.add_endpoint(name, endpoint.function, endpoint.specs)
    # An interrupted export must not look like a finished one.
    with all_at_once(path) as unfinished:
        archive.write_out(str(unfinished), verbose=False)
