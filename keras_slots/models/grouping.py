"""How the models turn tokens into slots, with whichever layer they hold."""

from keras_slots.layers.slot_attention.slot_attention import SlotAttention
from keras_slots.layers.slot_centers import (
    grid_positions,
    slot_centers,
    slot_scales,
)
from keras_slots.types import Tensor


def needs_centers(part) -> bool:
    """Returns whether a decoder or head takes the centers of slots.

    A layer of the user's own says so with an attribute `center_frequencies`
    that is not `None`.
    """
    return getattr(part, "center_frequencies", None) is not None


def has_centers(layer) -> bool:
    """Returns whether a layer makes slots with centers."""
    return attends(layer) and layer.centers is not None


def has_scales(layer) -> bool:
    """Returns whether a layer makes slots with scales."""
    return has_centers(layer) and layer.centers.use_scales


def attends(layer) -> bool:
    """Returns whether a layer has attention; others take tokens alone."""
    return isinstance(layer, SlotAttention)


def find_slots(model, reader, image, image_shape, **options) -> dict:
    """Makes the slots of images, and what the part that reads them needs.

    The model has an `encoder` and a layer `slot_attention`, with the options of
    its call, and `reader` is the decoder or head that takes the slots. The size
    in `image_shape` must be known if slots have centers.

    Returns:
        A dict: `slots` `(B, K, D)`; of layers that attend, `attention`
        `(B, K, N)`; for a reader that needs centers, `centers` `(B, K, 2)`,
        and `scales` `(B, K, 2)` if the slots have scales.
    """
    tokens = model.encoder(image)  # (B, N, D)
    positions = None
    if needs_centers(reader) or has_centers(model.slot_attention):
        positions = token_positions(model.encoder, image_shape)  # (N, 2)
    slots, attention = group(model.slot_attention, tokens, positions, **options)
    found = {"slots": slots}
    if attention is not None:
        found["attention"] = attention
    if needs_centers(reader):
        found["centers"] = slot_centers(attention, positions)
        if has_scales(model.slot_attention):
            found["scales"] = slot_scales(attention, positions)
    return found


def token_positions(encoder, image_shape) -> Tensor:
    """Returns the positions (N, 2) of the tokens that an encoder makes."""
    return grid_positions(*encoder.grid_size(*known_size(image_shape)))


def known_size(image_shape) -> tuple[int, int]:
    """Returns height and width; raises a `ValueError` if they are unknown."""
    _, height, width, _ = image_shape
    if None in (height, width):
        raise ValueError(
            "The size of the image must be known: resize images to one size, "
            f"or `set_shape`. Received: image.shape={tuple(image_shape)}"
        )
    return height, width


def group(layer, tokens, positions=None, **options):
    """Groups tokens (B, N, D) into slots; returns them with the attention.

    A layer that takes tokens alone, such as `SlotMLP`, has neither attention,
    which is `None`, nor the options and the centers of `SlotAttention`.
    """
    if attends(layer):
        if has_centers(layer):
            options["positions"] = positions
        return layer(tokens, **{**options, "return_attention_scores": True})
    if positions is not None:
        raise ValueError(
            "A part of the model has `center_frequencies`, but slots without "
            "attention have no center. Use `SlotAttention`, or leave the "
            f"centers out. Received: slot_attention={layer!r}"
        )
    for name, value in options.items():
        if value is not None and value is not False:
            raise ValueError(
                f"`{name}` is not for {layer.__class__.__name__}, which makes "
                f"slots from tokens alone. Received: {name}={value}"
            )
    return layer(tokens), None
