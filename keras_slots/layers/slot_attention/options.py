"""What `SlotAttention` accepts and gives: options, arguments and shapes."""

import keras

from keras_slots.checks import (
    as_integer,
    check_option,
    check_rank,
    check_size,
    check_tensor,
)
from keras_slots.layers.slot_centers import SlotCenters
from keras_slots.types import Shape

OPTIONS = {
    "aggregation": (
        "weighted_mean",
        "weighted_sum",
        "weighted_sum_layer_norm",
        "scaled_sum",
    ),
    "softmax_axis": ("slots", "inputs"),
    "slot_initialization": ("shared_gaussian", "per_slot_gaussian", "learned"),
    "update": ("gru", "none"),
    "epsilon_position": ("attention", "denominator"),
    "gradient": ("full", "implicit", "bilevel"),
    "slot_communication": ("none", "self_attention"),
}


# Arguments that are layers, or that a layer can stand in for.
DOORS = ("update", "slot_communication", "centers")


def check_arguments(layer) -> None:
    """Raises a `ValueError` for the first argument out of range."""
    for name, options in OPTIONS.items():
        value = getattr(layer, name)
        if name not in DOORS or not isinstance(value, keras.Layer):
            check_option(name, value, options)
    if not isinstance(layer.centers, SlotCenters | None):
        raise ValueError(
            "`centers` must be a layer `SlotCenters` or `None`. Received: "
            f"centers={layer.centers!r}"
        )
    if layer.centers is not None and layer.slot_size < 2:
        raise ValueError(
            "Slots with centers need two features to say where they start. "
            f"Received: slot_size={layer.slot_size}"
        )
    if layer.background_slot and layer.num_slots < 2:
        raise ValueError(
            "`background_slot` needs at least one more slot, for objects. "
            f"Received: num_slots={layer.num_slots}"
        )
    if layer.slot_size % layer.num_heads:
        raise ValueError(
            "`slot_size` must be a multiple of `num_heads`. Received: "
            f"slot_size={layer.slot_size}, num_heads={layer.num_heads}"
        )
    if layer.num_heads > 1 and not layer.use_projections:
        raise ValueError(
            "`num_heads` needs projections to tell the heads apart. "
            f"Received: num_heads={layer.num_heads}, use_projections=False"
        )


def build_for_slots(name: str, layer, *shapes) -> None:
    """Builds a layer of the user's, and checks that it gives slots (B, K, D).

    Args:
        name: String, the argument that the layer was given as.
        layer: A layer that takes as many tensors of slots as there are shapes.
        *shapes: The shape `(B, K, D)` of each.

    Raises:
        ValueError: If what the layer gives has another shape.
    """
    given = layer(*(keras.KerasTensor(shape) for shape in shapes))
    shape = getattr(given, "shape", None)
    if shape is None or tuple(shape[1:]) != tuple(shapes[0][1:]):
        raise ValueError(
            f"`{name}` must be a layer that gives slots of shape "
            f"{tuple(shapes[0])}. Received: {name}={layer!r}, which gives "
            f"{shape if shape is None else tuple(shape)}"
        )


def check_input_shape(layer, shape) -> None:
    """Raises a `ValueError` unless the layer can be built for the shape."""
    check_rank("inputs", shape, "(B, N, D_in)")
    if not layer.use_projections and shape[-1] != layer.slot_size:
        raise ValueError(
            "`inputs` must have `slot_size` features where "
            "`use_projections=False`. Received: slot_size="
            f"{layer.slot_size}, inputs.shape={tuple(shape)}"
        )


def _check_can_draw(layer, num_slots):
    shared = layer.slot_initialization == "shared_gaussian"
    if not shared and num_slots > layer.num_slots:
        raise ValueError(
            "Slots with parameters of their own cannot be added after "
            "training: use `slot_initialization='shared_gaussian'` or pass "
            f"`initial_slots`. Received: num_slots={num_slots}, where the "
            f"layer has parameters for {layer.num_slots}"
        )


def as_call_sizes(layer, initial_slots, num_slots, num_iterations):
    """Returns the numbers of slots and iterations, of the call or the layer."""
    if initial_slots is not None:
        check_tensor("initial_slots", initial_slots, "(B, K, D)")
    if num_slots is None:
        num_slots = layer.num_slots
        if initial_slots is not None:
            num_slots = initial_slots.shape[1]
        if num_slots is None:
            raise ValueError(
                "`initial_slots` must have a known number of slots. Received: "
                f"initial_slots.shape={tuple(initial_slots.shape)}"
            )
    if num_iterations is None:
        num_iterations = layer.num_iterations
    return (
        as_integer("num_slots", num_slots),
        as_integer("num_iterations", num_iterations),
    )


def check_call(
    layer, inputs, initial_slots, mask, slot_mask, num_slots, positions
) -> None:
    """Raises a `ValueError` for the first argument that does not fit."""
    check_tensor("inputs", inputs, "(B, N, D_in)")
    batch, num_tokens, _ = inputs.shape
    if initial_slots is None:
        _check_can_draw(layer, num_slots)
    else:
        check_size("initial_slots", initial_slots.shape, 0, batch)
        check_size("initial_slots", initial_slots.shape, 1, num_slots)
        check_size("initial_slots", initial_slots.shape, 2, layer.slot_size)
    if mask is not None:
        check_tensor("mask", mask, "(B, N)")
        check_size("mask", mask.shape, 0, batch)
        check_size("mask", mask.shape, 1, num_tokens)
    if slot_mask is not None:
        check_tensor("slot_mask", slot_mask, "(B, K)")
        check_size("slot_mask", slot_mask.shape, 0, batch)
        check_size("slot_mask", slot_mask.shape, 1, num_slots)
    if (positions is None) != (layer.centers is None):
        raise ValueError(
            "`positions` and `centers` go together: slots have centers only "
            "where tokens have positions. Received: "
            f"positions={'None' if positions is None else 'a tensor'}, "
            f"centers={layer.centers}"
        )
    if positions is not None:
        check_tensor("positions", positions, "(N, 2)")
        check_size("positions", positions.shape, 0, num_tokens)
        check_size("positions", positions.shape, 1, 2)


def output_spec(
    layer,
    inputs,
    initial_slots=None,
    mask=None,
    slot_mask=None,
    num_slots=None,
    num_iterations=None,
    return_attention_scores=False,
    return_all_iterations=False,
    positions=None,
):
    """Returns the results of a call as symbolic tensors."""
    num_slots, num_iterations = as_call_sizes(
        layer, initial_slots, num_slots, num_iterations
    )
    check_call(
        layer, inputs, initial_slots, mask, slot_mask, num_slots, positions
    )
    batch, num_tokens, _ = inputs.shape
    steps = (num_iterations,) if return_all_iterations else ()

    def spec(*sizes: int | None) -> keras.KerasTensor:
        shape: Shape = (batch, *steps, num_slots, *sizes)
        return keras.KerasTensor(shape, dtype=layer.compute_dtype)

    slots = spec(layer.slot_size)
    if return_attention_scores:
        return slots, spec(num_tokens)
    return slots
