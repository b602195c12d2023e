"""The endpoints of an exported model: functions of named tensors."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from keras_slots.models import DeepSetPrediction, ObjectDiscovery, SetPrediction
from keras_slots.models.grouping import attends, has_scales, needs_centers


@dataclass(frozen=True)
class Endpoint:
    """One way to call a model.

    Attributes:
        function: Called with a tensor for each of `specs`; returns a dict of
            tensors.
        specs: List of `keras.InputSpec`, each with a name. The batch size is
            `None`.
        draws: Whether every call draws new noise.
    """

    function: Callable
    specs: list[keras.InputSpec]
    draws: bool = False


def endpoints(model) -> dict[str, Endpoint]:
    """Returns all endpoints of a model by name, starting with the default."""
    kinds = (ObjectDiscovery, SetPrediction, DeepSetPrediction)
    if not isinstance(model, kinds) or not model.built:
        raise ValueError(
            "`model` must be one of `keras_slots.models`, and built: call it "
            "on an image once. Export other models with their own `export`. "
            f"Received: model={model!r}"
        )
    if not isinstance(model, ObjectDiscovery):
        return _from_image(model, "predict", _predict(model))
    return {
        **_from_image(model, "discover", model.__call__),
        **_from_image(model, "encode", model.encode),
        "decode": Endpoint(model.decode, _decoded_specs(model)),
    }


def _from_image(model, name, function):
    """Makes an endpoint from images, and another with given initial slots."""
    image, start = _image_spec(model), _start_spec(model)
    told = {} if start is None else {f"{name}_from": [image, start]}
    draws = start is not None and _draws(model)
    return {
        name: Endpoint(function, [image], draws),
        **{key: Endpoint(function, specs) for key, specs in told.items()},
    }


def _draws(model):
    """Returns whether the start is noise; `DeepSetPrediction` learns it."""
    if isinstance(model, DeepSetPrediction):
        return False
    return model.slot_attention.slot_initialization != "learned"


def _predict(model):
    """Returns a call with a named output; the start is the second argument."""

    def predict(image, start=None):
        return {"predictions": model(image, start)}

    return predict


def _image_spec(model):
    return _spec("image", *model.image_shape)


def _start_spec(model):
    """Returns the spec of the model's start; `None` if it has no start."""
    if isinstance(model, DeepSetPrediction):
        return _spec("initial_set", model.set_size, model.num_features)
    if attends(model.slot_attention):
        return _slots_spec(model, "initial_slots")
    return None


def _decoded_specs(model):
    """Returns specs of slots, and of any centers and scales for the decoder."""
    specs = [_slots_spec(model, "slots")]
    num_slots = model.slot_attention.num_slots
    if needs_centers(model.decoder):
        specs.append(_spec("centers", num_slots, 2))
        if has_scales(model.slot_attention):
            specs.append(_spec("scales", num_slots, 2))
    return specs


def _slots_spec(model, name):
    slots = model.slot_attention
    return _spec(name, slots.num_slots, slots.slot_size)


def _spec(name, *sizes):
    shape = (None, *sizes)
    return keras.InputSpec(shape=shape, dtype="float32", name=name)
