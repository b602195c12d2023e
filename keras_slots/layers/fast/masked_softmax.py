"""A softmax among those that take part."""

from keras import ops

from keras_slots.layers.fast.written_gradient import with_written_gradient
from keras_slots.types import Tensor

# Stands for minus infinity before a softmax: finite, so that a row in which
# everything is masked gives no NaN, and far below any float32 logit.
MASKED_LOGIT = -1e30


def masked_softmax(logits: Tensor, mask: Tensor | None, axis: int) -> Tensor:
    """Softmax among what `mask` lets take part; all zeros if nothing does.

    Args:
        logits: Float tensor.
        mask: Tensor of ones and zeros of the same dtype, which broadcasts to
            it, or `None`.
        axis: Integer.
    """
    if mask is not None:
        logits = ops.where(mask > 0, logits, MASKED_LOGIT)
    return zero_where_masked(_softmax(logits, axis), mask)


def _softmax(logits, axis):
    """Written out, as backends may move an axis to the end for a softmax.

    So is its gradient, for which automatic differentiation would keep and
    pass over more than the result.
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
    """A tensor (B, N, D) with a value where a mask (B, N) leaves out.

    What is left out may hold anything. So it is no product: NaN * 0 is NaN.
    """
    if mask is None:
        return tensor
    taking_part = ops.cast(mask, "bool")[:, :, None]
    return ops.where(taking_part, tensor, ops.full_like(tensor, value))


def zero_where_masked(tensor: Tensor, mask: Tensor | None) -> Tensor:
    """The tensor times a mask of ones and zeros, if there is one."""
    return tensor if mask is None else tensor * mask
