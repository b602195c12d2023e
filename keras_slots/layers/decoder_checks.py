"""What `SpatialBroadcastDecoder` accepts: arguments and shapes."""

from keras_slots.checks import check_floats, check_size, check_tensor
from keras_slots.sizes import one_each


def check_arguments(layer) -> None:
    """Raises a `ValueError` for the first argument out of range."""
    one_each("grid_size", layer.grid_size, 2)
    one_each("kernel_sizes", layer.kernel_sizes, len(layer.filters))
    one_each("strides", layer.strides, len(layer.filters))
    for name in ("mask_falloff", "background_slot"):
        if getattr(layer, name) and layer.centre_frequencies is None:
            raise ValueError(
                f"`{name}` needs `centre_frequencies`: without centres no "
                "slot has a place in the image. Received: "
                f"{name}={getattr(layer, name)}, centre_frequencies=None"
            )
    if layer.output_size is None:
        return
    output_size = one_each("output_size", layer.output_size, 2)
    decoded_size = layer.decoded_size()
    cell = layer.pixels_per_cell()
    for decoded, output in zip(decoded_size, output_size, strict=True):
        if not decoded - cell < output <= decoded:
            raise ValueError(
                "`output_size` must be what the decoder makes, "
                f"{decoded_size[0]} x {decoded_size[1]} pixels, or "
                "smaller by less than one cell of its grid, "
                f"{cell} pixels. Received: output_size={layer.output_size}, "
                f"grid_size={layer.grid_size}"
            )


def check_call(layer, slots, slot_mask, centres, scales) -> None:
    """Raises a `ValueError` for the first argument that does not fit."""
    check_tensor("slots", slots, "(B, K, D)")
    check_floats("slots", slots)
    if slot_mask is not None:
        check_tensor("slot_mask", slot_mask, "(B, K)")
        check_size("slot_mask", slot_mask.shape, 0, slots.shape[0])
        check_size("slot_mask", slot_mask.shape, 1, slots.shape[1])
    if (centres is None) != (layer.centre_frequencies is None):
        raise ValueError(
            "`centres` and `centre_frequencies` go together. Received: "
            f"centres={'None' if centres is None else 'a tensor'}, "
            f"centre_frequencies={layer.centre_frequencies}"
        )
    if scales is not None and centres is None:
        raise ValueError(
            "`scales` need `centres` to be drawn around. Received: "
            "centres=None, scales=a tensor"
        )
    for name, place in (("centres", centres), ("scales", scales)):
        if place is not None:
            check_tensor(name, place, "(B, K, 2)")
            check_size(name, place.shape, 0, slots.shape[0])
            check_size(name, place.shape, 1, slots.shape[1])
            check_size(name, place.shape, 2, 2)
