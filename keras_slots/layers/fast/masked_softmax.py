"""A softmax over the entries that take part."""

from keras import ops

from keras_slots.layers.fast.written_gradient import with_written_gradient
from keras_slots.types import Tensor

# Replaces minus infinity before a softmax. It is finite, so that a fully masked
# row does not give NaN, and far below any real logit.
MASKED_LOGIT = -1e30


def masked_softmax(logits: Tensor, mask: Tensor | None, axis: int) -> Tensor:
    """Computes a softmax over unmasked entries; zeros if all are masked.

    The mask holds ones and zeros, in the logits' dtype, and broadcasts to them.
    """
    if mask is not None:
        logits = ops.where(mask > 0, logits, MASKED_LOGIT)
    return zero_where_masked(_softmax(logits, axis), mask)


def _softmax(logits, axis):
    """Computes a softmax by hand, as backends may move its axis to the end.

    The gradient is also written by hand: automatic differentiation would keep
    and read more than the result.
    """

    @with_written_gradient
    def value_of(logits):
        exponentials = ops.exp(logits - ops.max(logits, axis, keepdims=True))
        shares = exponentials / ops.sum(exponentials, axis, keepdims=True)

        def gradient(upstream):
            weighted = shares * upstream
            return weighted - shares * ops.sum(weighted, axis, keepdims=True)

        return shares, gradient

    return value_of(logits)


def fill_where_masked(
    tensor: Tensor, mask: Tensor | None, value: float = 0.0
) -> Tensor:
    """Fills masked rows (B, N) of a tensor (B, N, D) with a value.

    Masked rows may hold NaN, and NaN * 0 is NaN, so this is not a product.
    """
    if mask is None:
        return tensor
    taking_part = ops.cast(mask, "bool")[:, :, None]
    return ops.where(taking_part, tensor, ops.full_like(tensor, value))


def zero_where_masked(tensor: Tensor, mask: Tensor | None) -> Tensor:
    """Multiplies the tensor by a mask of ones and zeros, unless `None`."""
    return tensor if mask is None else tensor * mask
