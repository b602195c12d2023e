"""The authors' released TensorFlow checkpoints, loaded into our models.

The authors' training scripts save a `tf.train.Checkpoint` whose object graph
holds the whole network under `network/layer_with_weights-0`. A variable's
name there is the path of attributes that leads to it, so loading is a table
of paths.
"""

import os
from collections.abc import Iterator

import keras

from keras_slots.layers.slot_attention.slot_attention import SlotAttention
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
    shapes = reader.get_variable_to_shape_map()
    pairs = [
        (variable, f"{NETWORK}/{name}/{VALUE}")
        for variable, name in _pairs(model)
    ]
    for variable, name in pairs:
        if name not in shapes:
            raise ValueError(
                f"The checkpoint has no variable for `{variable.path}` "
                f"{tuple(variable.shape)}; it would be called {name!r}. Is "
                "it a checkpoint of another task or configuration? "
                f"Received: path={str(path)!r}"
            )
        if tuple(shapes[name]) != tuple(variable.shape):
            raise ValueError(
                f"`{variable.path}` has shape {tuple(variable.shape)}, but "
                f"{name!r} in the checkpoint has shape "
                f"{tuple(shapes[name])}. Received: path={str(path)!r}"
            )
    _check_every_weight_is_named(model, [variable for variable, _ in pairs])
    _check_nothing_is_left(shapes, [name for _, name in pairs], path)
    values = [_read(reader, name, path) for _, name in pairs]
    for (variable, _), value in zip(pairs, values, strict=True):
        variable.assign(value)


def _read(reader, name, path):
    try:
        return reader.get_tensor(name)
    except Exception as error:  # Of many kinds, by what is damaged.
        raise ValueError(
            f"The checkpoint is damaged: {name!r} cannot be read: {error}. "
            f"Received: path={str(path)!r}"
        ) from error


def _check_every_weight_is_named(model, variables):
    """Refuses a network that lacks weights of the model."""
    named = {variable.path for variable in variables}
    left = [w for w in model.trainable_variables if w.path not in named]
    if left:
        raise ValueError(
            f"The authors' networks have nothing like `{left[0].path}` "
            f"{tuple(left[0].shape)} and {len(left) - 1} other weights of the "
            f"model. Received: model={model!r}"
        )


def _check_nothing_is_left(shapes, names, path):
    """Refuses a network with layers that the model lacks."""
    network = {
        name
        for name in shapes
        if name.startswith(NETWORK) and ".OPTIMIZER_SLOT" not in name
    }
    left = sorted(network - set(names))
    if left:
        raise ValueError(
            f"The model has no place for {left[0]!r} "
            f"{tuple(shapes[left[0]])} and {len(left) - 1} other variables of "
            "the checkpoint. Is it a checkpoint of another configuration? "
            f"Received: path={str(path)!r}"
        )


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
        yield from _head(model.head)
        return
    yield from _affine("decoder_pos/dense", model.decoder.position.dense)
    yield from _numbered("decoder_cnn", model.decoder.deconvs)


def _head(head):
    if head.center_frequencies is not None:
        raise ValueError(
            "The authors' checkpoints are of a head without centers. "
            f"Received: center_frequencies={head.center_frequencies}"
        )
    yield from _numbered("mlp_classifier", (head.hidden, head.output_dense))


def _slot_attention(name, layer):
    if not isinstance(layer, SlotAttention):
        raise ValueError(
            "The authors' checkpoints are of `SlotAttention`. "
            f"Received: slot_attention={layer!r}"
        )
    for option, expected in AUTHORS_OPTIONS.items():
        value = getattr(layer, option)
        if value != expected:
            raise ValueError(
                "The authors' checkpoints are of slots with "
                f"{option}={expected!r}. Received: {option}={value!r}"
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
