"""EndpointModel: one endpoint of a model, as formats with one function want."""

import keras

from keras_slots.export.destination import check_file, check_free
from keras_slots.export.endpoints import Endpoint, endpoints
from keras_slots.files import all_at_once


class EndpointModel(keras.Model):
    """A model whose call is one endpoint of another.

    Args:
        model: A built model of `keras_slots.models`.
        endpoint: `Endpoint`.
    """

    def __init__(self, model, endpoint: Endpoint):
        super().__init__(name=model.name)
        self.model = model
        self.endpoint = endpoint
        self.built = True

    def call(self, *tensors):
        return self.endpoint.function(*tensors)

    def signature(self, batch_size: int | None = None) -> list[keras.InputSpec]:
        """The inputs, for so many examples at once; `None` for any number."""
        return [
            keras.InputSpec(
                shape=(batch_size, *spec.shape[1:]),
                dtype=spec.dtype,
                name=spec.name,
            )
            for spec in self.endpoint.specs
        ]


def list_endpoints(model: keras.Model) -> dict[str, tuple[str, ...]]:
    """The endpoints that exports of a model have or can have.

    Args:
        model: A built model of `keras_slots.models`.

    Returns:
        A dict from names, the default first, to the names of the inputs.

    Raises:
        ValueError: If the model is of another kind or not built.

    Example:
    >>> from keras_slots.export import list_endpoints
    >>> from keras_slots.models import SetPrediction
    >>> model = SetPrediction.from_preset("clevr_scenes_properties")
    >>> list_endpoints(model)["predict_from"]
    ('image', 'initial_slots')
    """
    return {
        name: tuple(str(spec.name) for spec in endpoint.specs)
        for name, endpoint in endpoints(model).items()
    }


def export_endpoint(
    model, path, endpoint, *, ending, format, batch_size=None
) -> None:
    """Writes an endpoint as a file of one of Keras's formats, or not at all.

    Args:
        model: A built model of `keras_slots.models`.
        path: File to write.
        endpoint: String or `None`, as the public functions take it.
        ending: String, how the file's name must end.
        format: String, as Keras calls the format.
        batch_size: Integer, or `None` for any.

    Raises:
        ValueError: If one of them does not fit.
        FileExistsError: If something is at `path` already.
    """
    path = check_file(path, ending)
    chosen = _choose(model, endpoint)
    check_free(path)
    with all_at_once(path) as unfinished:
        chosen.export(
            str(unfinished),
            format=format,
            input_signature=chosen.signature(batch_size),
            verbose=False,
        )


def _choose(model, name):
    """The endpoint of that name, or else the first that draws no noise."""
    found = endpoints(model)
    steady = [key for key, endpoint in found.items() if not endpoint.draws]
    if name is None:
        name = steady[0]
    if not isinstance(name, str) or name not in steady:
        raise ValueError(
            "`endpoint` must be one that draws no noise: one of "
            f"{', '.join(map(repr, steady))}. Received: endpoint={name!r}"
        )
    return EndpointModel(model, found[name])
