"""The shapes of a true and a predicted set that belong together."""

from keras_slots.checks import check_rank


def check_set_shapes(true_shape, pred_shape) -> None:
    """Raises a `ValueError` unless both are `(B, n, d)`, with the same B."""
    for name, set_size, shape in (
        ("y_true", "num_targets", true_shape),
        ("y_pred", "num_predictions", pred_shape),
    ):
        check_rank(name, shape, f"(batch_size, {set_size}, num_features)")
    check_same("batch size", 0, true_shape, pred_shape)


def check_same(what: str, axis: int, true_shape, pred_shape) -> None:
    """Raises a `ValueError` if both have a known size there, and another."""
    sizes = true_shape[axis], pred_shape[axis]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            f"`y_true` and `y_pred` must have the same {what}. "
            f"Received: y_true.shape={true_shape}, y_pred.shape={pred_shape}"
        )
