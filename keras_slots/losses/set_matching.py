"""The matching that the losses between sets share: at the least total cost."""

from collections.abc import Callable

from keras import ops

from keras_slots.checks import check_shapes
from keras_slots.ops import linear_sum_assignment
from keras_slots.types import Tensor


def matched_loss(
    y_true: Tensor,
    y_pred: Tensor,
    pair_loss: Callable[[Tensor, Tensor], Tensor],
    pairwise_loss: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Computes the loss of the best pairing, summed over its pairs: (B,).

    If the sets differ in size, unmatched elements add nothing. Gradients only
    flow through the chosen pairs. The loss is float64 if `y_pred` is, otherwise
    float32.

    Args:
        y_true: Tensor `(B, n, d)`.
        y_pred: Tensor `(B, m, d)`.
        pair_loss: Function from two tensors `(B, n, d)` to `(B, n)`.
        pairwise_loss: The same for all pairs: from `(B, n, d)` and
            `(B, m, d)` to `(B, n, m)`.
    """
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    check_shapes(
        {"y_true": (y_true, "(B, n, d)"), "y_pred": (y_pred, "(B, m, d)")}
    )
    # Sums of losses overflow in half precision, and integers cannot hold them.
    if ops.dtype(y_pred) != "float64":
        y_pred = ops.cast(y_pred, "float32")
    y_true = ops.cast(y_true, ops.dtype(y_pred))

    cost = pairwise_loss(ops.stop_gradient(y_true), ops.stop_gradient(y_pred))
    # Values that are not finite must show in the loss, as in any Keras loss.
    # With a cost below all true costs, which are not negative, they are matched
    # if possible, and so reach the loss.
    cost = ops.where(ops.isfinite(cost), cost, -1.0)  # (B, n, m)
    column = linear_sum_assignment(cost)  # (B, n)
    batch_size, num_predictions = ops.shape(y_pred)[:2]
    rows = ops.reshape(y_pred, (-1, y_pred.shape[2]))  # (B * m, d)
    first_row = ops.arange(batch_size, dtype="int32") * num_predictions
    chosen = ops.expand_dims(first_row, 1) + ops.maximum(column, 0)
    matched = ops.take(rows, chosen, axis=0)  # (B, n, d)
    loss = pair_loss(y_true, matched)  # (B, n)
    return ops.sum(ops.where(column < 0, 0.0, loss), axis=1)
