"""OpenVINO: two files for Intel's runtime."""

import os

import keras

from keras_slots.export.endpoint_model import export_endpoint


def export_openvino(
    model: keras.Model, path: str | os.PathLike, endpoint: str | None = None
) -> None:
    """Writes one endpoint of a model as OpenVINO's `.xml` and `.bin`.

    It takes the extra `export`. Inputs and outputs have their names, and any
    batch size. Processors that know bfloat16 are made to use it by OpenVINO
    unless told not to: the example asks for float32.

    Args:
        model: A built model of `keras_slots.models`.
        path: File to write, with the ending `.xml`; the weights go to a
            `.bin` of the same name. They appear whole or not at all; an
            `.xml` that exists already is an error.
        endpoint: String, as in `list_endpoints`. OpenVINO draws no noise as
            Keras does: slots that start from a Gaussian must be passed in.
            `None` is the first endpoint that draws nothing. Defaults to
            `None`.

    Raises:
        ValueError: If the model is of another kind or not built, `path` has
            another ending, or there is no such endpoint.
        FileExistsError: If something is at `path` already.
        FileNotFoundError: If `path` lies in no folder.
        ImportError: If `openvino` is missing.

    Example:

    ```python
    keras_slots.export.export_openvino(model, "model.xml", "discover_from")
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model("model.xml", "CPU", exact)
    masks = compiled({"image": images, "initial_slots": slots})["masks"]
    ```
    """
    export_endpoint(model, path, endpoint, ending=".xml", format="openvino")
