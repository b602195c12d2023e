"""LiteRT (TensorFlow Lite): a file for phones and small devices."""

import os

import keras

from keras_slots.checks import as_integer
from keras_slots.export.endpoint_model import export_endpoint


def export_litert(
    model: keras.Model,
    path: str | os.PathLike,
    endpoint: str | None = None,
    batch_size: int = 1,
) -> None:
    """Writes one endpoint of a model as a LiteRT file.

    The file has one signature, `serving_default`, with named inputs and
    outputs. Its batch size is fixed, since LiteRT's fast kernels cannot be
    resized.

    Args:
        model: A built model of `keras_slots.models`.
        path: File to write, with the ending `.tflite`. An incomplete file
            never appears; an existing file is an error.
        endpoint: String, as in `list_endpoints`. LiteRT cannot draw noise
            like Keras: slots that start from a Gaussian must be passed in.
            `None` is the first endpoint without noise. Defaults to
            `None`.
        batch_size: Integer, images at once. Defaults to `1`.

    Raises:
        ValueError: If the model has another type or is not built, `path` has
            another ending, the endpoint does not exist, or `batch_size` is not
            a positive integer.
        FileExistsError: If `path` already exists.
        FileNotFoundError: If the folder of `path` does not exist.

    Example:

    ```python
    keras_slots.export.export_litert(model, "model.tflite", "discover_from")
    runner = Interpreter("model.tflite").get_signature_runner()
    masks = runner(image=image, initial_slots=slots)["masks"]
    ```
    """
    batch_size = as_integer("batch_size", batch_size)
    export_endpoint(
        model,
        path,
        endpoint,
        ending=".tflite",
        format="litert",
        batch_size=batch_size,
    )
