"""What the logits of the masks are charged for: size, and distance."""

from keras import ops

from keras_slots.layers.centred_position_embed import squared_distances
from keras_slots.layers.slot_centres import is_object
from keras_slots.types import Tensor


def mean_square(logits: Tensor, slot_mask: Tensor | None) -> Tensor:
    """Of the logits (B, K, H, W, 1) of the slots that take part."""
    square = ops.mean(ops.square(logits), axis=(2, 3, 4))  # (B, K)
    if slot_mask is None:
        return ops.mean(square)
    weights = ops.cast(slot_mask, "float32")
    return ops.sum(square * weights) / ops.maximum(ops.sum(weights), 1.0)


def object_distances(centres: Tensor, image_size, has_background) -> Tensor:
    """Squared, from every pixel to each centre (B, K, 2): (B, K, H, W, 1).

    0 everywhere for the background's slot, which has no place.
    """
    distances = squared_distances(centres, image_size)
    if not has_background:
        return distances
    return distances * is_object(ops.shape(centres)[1])[:, :, None, None]
