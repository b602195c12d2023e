"""ONNX: a file for onnxruntime and similar runtimes."""

import os

import keras

from keras_slots.export.endpoint_model import export_endpoint


def export_onnx(
    model: keras.Model, path: str | os.PathLike, endpoint: str | None = None
) -> None:
    """Writes one endpoint of a model as an ONNX file.

    This needs the extra `export`. Inputs and outputs keep their names, and
    any batch size works.

    Args:
        model: A built model of `keras_slots.models`, in float32.
        path: File to write, with the ending `.onnx`. An incomplete file never
            appears; an existing file is an error.
        endpoint: String, as in `list_endpoints`. ONNX cannot draw noise like
            Keras: slots that start from a Gaussian must be passed in. `None`
            is the first endpoint without noise. Defaults to `None`.

    Raises:
        ValueError: If the model has another type or is not built, `path` has
            another ending, or the endpoint does not exist.
        FileExistsError: If `path` already exists.
        FileNotFoundError: If the folder of `path` does not exist.
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
