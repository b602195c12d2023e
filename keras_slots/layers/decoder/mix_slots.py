"""mix_slots: the slots' images, weighted by their masks."""

from keras import ops

from keras_slots.layers.fast.masked_softmax import masked_softmax
from keras_slots.types import Tensor


def mix_slots(
    slot_outputs: Tensor, logits: Tensor, slot_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mixes the slots' images by masks, a softmax of logits over the slots.

    Any decoder can end with this mixture (section 5.3 of the supplement of
    Locatello et al., 2020). It is computed in float32.

    Args:
        slot_outputs: Float tensor `(B, K, H, W, C)`, an image, or a map of
            features, for each slot.
        logits: Float tensor `(B, K, H, W, 1)`.
        slot_mask: Boolean tensor `(B, K)`, `True` for slots that take part.
            All other masks are zero. Defaults to `None`: all slots take part.

    Returns:
        Pair of the float32 tensors mixture `(B, H, W, C)` and masks
        `(B, K, H, W, 1)`, which sum to one over the slots.

    Example:

    >>> import keras
    >>> from keras_slots.layers import mix_slots
    >>> images = keras.random.normal((2, 4, 8, 8, 3), seed=0)
    >>> logits = keras.random.normal((2, 4, 8, 8, 1), seed=1)
    >>> mixture, masks = mix_slots(images, logits)
    >>> mixture.shape, masks.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2, 4, 8, 8, 1]))

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """
    slot_outputs = ops.cast(slot_outputs, "float32")
    logits = ops.cast(logits, "float32")
    if slot_mask is not None:
        slot_mask = ops.cast(slot_mask, "float32")[:, :, None, None, None]
    masks = masked_softmax(logits, slot_mask, axis=1)
    return ops.sum(masks * slot_outputs, axis=1), masks
