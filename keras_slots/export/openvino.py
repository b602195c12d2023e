"""OpenVINO: two files for Intel's runtime."""

import os

import keras

from keras_slots.export.endpoint_model import export_endpoint


def export_openvino(
    model: keras.Model, path: str | os.PathLike, endpoint: str | None = None
) -> None:
    """Writes one endpoint of a model as OpenVINO's `.xml` and `.bin`.

    This needs the extra `export`. Inputs and outputs keep their names, and
    any batch size works. On processors with bfloat16, OpenVINO uses it by
    default: the example asks for float32.

    Args:
        model: A built model of `keras_slots.models`.
        path: File to write, with the ending `.xml`; the weights go to a
            `.bin` of the same name. Incomplete files never appear; an
            existing `.xml` is an error.
        endpoint: String, as in `list_endpoints`. OpenVINO cannot draw noise
            like Keras: slots that start from a Gaussian must be passed in.
            `None` is the first endpoint without noise. Defaults to
            `None`.

    Raises:
        ValueError: If the model has another type or is not built, `path` has
            another ending, or the endpoint does not exist.
        FileExistsError: If `path` already exists.
        FileNotFoundError: If the folder of `path` does not exist.
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
