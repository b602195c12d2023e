"""EndpointModel: one endpoint of a model, for formats with one function."""

import keras

from keras_slots.export.destination import as_destination
from keras_slots.export.endpoints import Endpoint, endpoints
from keras_slots.files import all_at_once


class EndpointModel(keras.Model):
    """A model whose call is one endpoint of another model."""

    def __init__(self, model, endpoint: Endpoint):
        super().__init__(name=model.name)
        self.model = model
        self.endpoint = endpoint
        self.built = True

    def call(self, *tensors):
        return self.endpoint.function(*tensors)

    def signature(self, batch_size: int | None = None) -> list[keras.InputSpec]:
        """Returns the inputs' specs; with `batch_size=None` for any size."""
        return [
            keras.InputSpec(
                shape=(batch_size, *spec.shape[1:]),
                dtype=spec.dtype,
                name=spec.name,
            )
            for spec in self.endpoint.specs
        ]


def list_endpoints(model: keras.Model) -> dict[str, tuple[str, ...]]:
    """Lists the endpoints that exports of a model can have.

    Args:
        model: A built model of `keras_slots.models`.

    Returns:
        A dict from names, the default first, to the names of the inputs.

    Raises:
        ValueError: If the model has another type or is not built.

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
    """Writes an endpoint as a whole file, in a format that Keras names."""
    chosen = _choose(model, endpoint)
    path = as_destination(path, ending)
    with all_at_once(path) as unfinished:
        chosen.export(
            str(unfinished),
            format=format,
            input_signature=chosen.signature(batch_size),
            verbose=False,
        )


def _choose(model, name):
    """Returns the named endpoint; for `None` the first without noise."""
    found = endpoints(model)
    steady = [key for key, endpoint in found.items() if not endpoint.draws]
    name = steady[0] if name is None else name
    if not isinstance(name, str) or name not in steady:
        raise ValueError(
            "`endpoint` must be an endpoint without noise: one of "
            f"{', '.join(map(repr, steady))}. Received: endpoint={name!r}"
        )
    return EndpointModel(model, found[name])
