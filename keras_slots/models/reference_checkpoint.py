"""The authors' released TensorFlow checkpoints, loaded into our models.

The authors' training scripts save a `tf.train.Checkpoint` whose object graph
holds the whole network under `network/layer_with_weights-0`. A variable's
name there is the path of attributes that leads to it, so loading is a table
of paths.
"""

import os
from collections.abc import Iterator

import keras

from keras_slots.models.object_discovery import ObjectDiscovery
from keras_slots.models.set_prediction import SetPrediction

NETWORK = "network/layer_with_weights-0"
VALUE = ".ATTRIBUTES/VARIABLE_VALUE"
# Options of `SlotAttention` that decide which weights there are.
AUTHORS_OPTIONS = {
    "aggregation": "weighted_mean",
    "slot_initialization": "shared_gaussian",
    "update": "gru",
    "use_layer_norm": True,
    "use_mlp": True,
    "use_projections": True,
    "num_heads": 1,
    "centers": None,
    "background_slot": False,
    "slot_communication": "none",
}


def load_reference_checkpoint(
    model: ObjectDiscovery | SetPrediction, path: str | os.PathLike
) -> None:
    """Loads a checkpoint of the authors' code into a model, in place.

    Every name and shape is checked, and every value read, before the first
    variable changes.

    Args:
        model: A built `ObjectDiscovery` or `SetPrediction` of the same
            configuration, for example `ObjectDiscovery.from_preset("clevr6")`
            or `SetPrediction.from_preset("clevr_properties")`.
        path: Path of a checkpoint (without `.index`), or of a directory, of
            which the latest checkpoint is taken.

    Raises:
        ValueError: If the model is of another kind or not built, it has
            weights that the authors' networks have not, or a variable is
            missing or of another shape; the message names the variable and
            both shapes. Or if the checkpoint is damaged.
        FileNotFoundError: If there is no checkpoint at `path`.
    """
    kinds = (ObjectDiscovery, SetPrediction)
    if not isinstance(model, kinds) or not model.built:
        raise ValueError(
            "`model` must be a built `ObjectDiscovery` or `SetPrediction`. "
            f"Received: model={model!r}"
        )
    reader = _open(path)
    variables = {
        f"{NETWORK}/{name}/{VALUE}": variable
        for variable, name in _pairs(model)
    }
    fault = _fault(model, variables, reader.get_variable_to_shape_map())
    if fault:
        raise ValueError(
            f"{fault} Is it a checkpoint of another task or configuration? "
            f"Received: path={str(path)!r}"
        )
    try:
        values = [reader.get_tensor(name) for name in variables]
    except Exception as error:  # Of many kinds, by what is damaged.
        raise ValueError(
            f"The checkpoint is damaged: {error}. Received: path={str(path)!r}"
        ) from error
    for variable, value in zip(variables.values(), values, strict=True):
        variable.assign(value)


def _fault(model, variables, shapes):
    """Describes a variable that model and checkpoint do not share, if any."""
    for name, variable in variables.items():
        shape = tuple(variable.shape)
        if name not in shapes:
            return (
                f"The checkpoint has no variable for `{variable.path}` "
                f"{shape}; it would be called {name!r}."
            )
        if tuple(shapes[name]) != shape:
            return (
                f"`{variable.path}` has shape {shape}, but {name!r} in the "
                f"checkpoint has shape {tuple(shapes[name])}."
            )
    named = {variable.path for variable in variables.values()}
    for weight in model.trainable_variables:
        if weight.path not in named:
            return (
                f"The authors' networks have nothing like `{weight.path}` "
                f"{tuple(weight.shape)} of the model."
            )
    for name in sorted(shapes.keys() - variables.keys()):
        if name.startswith(NETWORK) and ".OPTIMIZER_SLOT" not in name:
            return f"The model has no place for {name!r} {tuple(shapes[name])}."
    return None


def _open(path):
    # Imported late: only who has a checkpoint needs TensorFlow.
    import tensorflow as tf

    path = os.fspath(path)
    prefix = tf.train.latest_checkpoint(path) if os.path.isdir(path) else path
    if prefix is None or not os.path.exists(f"{prefix}.index"):
        raise FileNotFoundError(
            "There is no TensorFlow checkpoint here: no `.index` file "
            f"belongs to it. Received: path={path!r}"
        )
    return tf.train.load_checkpoint(prefix)


def _pairs(model) -> Iterator[tuple[keras.Variable, str]]:
    """Pairs every variable of the model with its name in the checkpoint."""
    encoder = model.encoder
    yield from _numbered("encoder_cnn", encoder.convs)
    if encoder.use_position_embedding:
        yield from _affine("encoder_pos/dense", encoder.position.dense)
    yield from _norm("layer_norm", encoder.norm)
    yield from _numbered("mlp", encoder.mlp)
    yield from _slot_attention("slot_attention", model.slot_attention)
    if isinstance(model, SetPrediction):
        mlp = (model.head.hidden, model.head.output_dense)
        yield from _numbered("mlp_classifier", mlp)
        return
    yield from _affine("decoder_pos/dense", model.decoder.position.dense)
    yield from _numbered("decoder_cnn", model.decoder.deconvs)


def _slot_attention(name, layer):
    for option, expected in AUTHORS_OPTIONS.items():
        value = getattr(layer, option, "no such option")
        if value != expected:
            raise ValueError(
                "The authors' checkpoints are of `SlotAttention` with "
                f"{option}={expected!r}. Received: {option}={value!r} of "
                f"{layer!r}"
            )
    yield layer.initial.mu, f"{name}/slots_mu"
    yield layer.initial.log_sigma, f"{name}/slots_log_sigma"
    attention, updating = layer.attention, layer.updating
    yield attention.query_kernel, f"{name}/project_q/kernel"
    yield attention.key_kernel, f"{name}/project_k/kernel"
    yield attention.value_kernel, f"{name}/project_v/kernel"
    yield from _norm(f"{name}/norm_inputs", attention.norm_inputs)
    yield from _norm(f"{name}/norm_slots", attention.norm_slots)
    yield from _norm(f"{name}/norm_mlp", updating.norm_mlp)
    for weight in ("kernel", "recurrent_kernel", "bias"):
        yield getattr(updating.gru, weight), f"{name}/gru/{weight}"
    mlp = (updating.mlp_hidden, updating.mlp_output)
    yield from _numbered(f"{name}/mlp", mlp)


def _numbered(name, layers):
    for index, layer in enumerate(layers):
        yield from _affine(f"{name}/layer_with_weights-{index}", layer)


def _affine(name, layer):
    yield layer.kernel, f"{name}/kernel"
    yield layer.bias, f"{name}/bias"


def _norm(name, layer):
    yield layer.gamma, f"{name}/gamma"
    yield layer.beta, f"{name}/beta"
