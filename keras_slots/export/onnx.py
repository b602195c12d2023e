"""ONNX: a file for onnxruntime and its many relatives."""

import os

import keras

from keras_slots.export.endpoint_model import export_endpoint


def export_onnx(
    model: keras.Model, path: str | os.PathLike, endpoint: str | None = None
) -> None:
    """Writes one endpoint of a model as an ONNX file.

    It takes the extra `export`. Inputs and outputs have their names, and any
    batch size.

    Args:
        model: A built model of `keras_slots.models`, in float32.
        path: File to write, with the ending `.onnx`. It appears whole or not
            at all; one that exists already is an error.
        endpoint: String, as in `list_endpoints`. ONNX draws no noise as Keras
            does: slots that start from a Gaussian must be passed in. `None`
            is the first endpoint that draws nothing. Defaults to `None`.

    Raises:
        ValueError: If the model is of another kind or not built, `path` has
            another ending, or there is no such endpoint.
        FileExistsError: If something is at `path` already.
        FileNotFoundError: If `path` lies in no folder.
        ImportError: If `tf2onnx` is missing.

    Example:

    ```python
    keras_slots.export.export_onnx(model, "model.onnx", "discover_from")
    session = onnxruntime.InferenceSession("model.onnx")
    inputs = {"image": images, "initial_slots": slots}
    (masks,) = session.run(["masks"], inputs)
    ```
    """
    export_endpoint(model, path, endpoint, ending=".onnx", format="onnx")
