"""SavedModels: a model that a process without this package can serve."""

import os

import keras

from keras_slots import models


def export_saved_model(model, path) -> None:
    """Writes an `ObjectDiscovery` model as a TensorFlow SavedModel.

    The SavedModel holds the graph and the weights. Serving it takes
    TensorFlow alone, neither Keras nor this package. It has two endpoints,
    both with any batch size and both giving the model's dict of outputs:

    - `discover` (also `serving_default`): from `image`. Slots that start
      from a Gaussian are drawn anew in every call.
    - `discover_from`: from `image` and `initial_slots`: deterministic.

    Args:
        model: A built `ObjectDiscovery` model.
        path: Directory to write. It appears whole or not at all; one that
            exists already is an error.

    Raises:
        ValueError: If the model is not built.
        FileExistsError: If something is at `path` already.

    Example:

    ```python
    keras_slots.export.export_saved_model(model, "model")
    served = tf.saved_model.load("model").signatures["discover"]
    masks = served(image=images)["masks"]
    ```
    """
    path = os.path.normpath(path)  # Without a slash at the end.
    if not isinstance(model, models.ObjectDiscovery):
        raise ValueError(
            "`model` must be an `ObjectDiscovery`; export other models with "
            f"their own `export`. Received: model={model!r}"
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
    image_shape, _, _ = model.decoder.compute_output_shape((None, 1, 1))
    image = keras.InputSpec(shape=image_shape, dtype="float32", name="image")
    slots = model.slot_attention
    initial_slots = keras.InputSpec(
        shape=(None, slots.num_slots, slots.slot_size),
        dtype="float32",
        name="initial_slots",
    )
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("discover", model.__call__, [image])
    archive.add_endpoint(
        "discover_from", model.__call__, [image, initial_slots]
    )
    # An interrupted export must not look like a finished one.
    unfinished = f"{path}.unfinished"
    archive.write_out(unfinished, verbose=False)
    os.replace(unfinished, path)
