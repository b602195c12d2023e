"""LiteRT (TensorFlow Lite): a file for phones and small devices."""

import os

import keras

from keras_slots.checks import check_integer
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
        path: File to write, with the ending `.tflite`. It appears whole or
            not at all; one that exists already is an error.
        endpoint: String, as in `list_endpoints`. LiteRT draws no noise as
            Keras does: slots that start from a Gaussian must be passed in.
            `None` is the first endpoint that draws nothing. Defaults to
            `None`.
        batch_size: Integer, images at once. Defaults to `1`.

    Raises:
        ValueError: If the model is of another kind or not built, `path` has
            another ending, there is no such endpoint, or `batch_size` is not
            a positive integer.
        FileExistsError: If something is at `path` already.
        FileNotFoundError: If `path` lies in no folder.

    Example:

    ```python
    keras_slots.export.export_litert(model, "model.tflite", "discover_from")
    runner = Interpreter("model.tflite").get_signature_runner()
    masks = runner(image=image, initial_slots=slots)["masks"]
    ```
    """
    export_endpoint(
        model,
        path,
        endpoint,
        ending=".tflite",
        format="litert",
        batch_size=check_integer("batch_size", batch_size),
    )
