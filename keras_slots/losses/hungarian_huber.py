"""Huber loss between sets, after optimal matching."""

from typing import Any

import keras
from keras import ops

from keras_slots.checks import as_number
from keras_slots.losses.set_matching import matched_loss
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class HungarianHuberLoss(keras.losses.Loss):
    """Huber loss between two sets, matched at the least total loss.

    The elements of a set have no order. Targets and predictions are therefore
    paired one to one by the Hungarian algorithm, so that the sum of their
    losses is smallest. This sum is the loss of the example:

    ```
    loss[b] = min over pairings of sum over pairs (i, j) of
              mean over features of huber(y_true[b, i] - y_pred[b, j])
    huber(x) = 0.5 * x**2                     if |x| <= delta
               delta * |x| - 0.5 * delta**2   otherwise
    ```

    Huber is averaged over the features and summed over the pairs, as in the
    training code of the paper. With `delta=1` it is the loss of section 5.4 of
    the supplement. Padding rows of the targets are matched like all other
    rows. If the sets differ in size, some elements of the larger set stay
    unmatched and add nothing to the loss.

    Gradients flow through the chosen pairs only; the choice itself is treated
    as constant. See `keras_slots.ops.linear_sum_assignment` for the matching,
    which runs in the graph and under `jit_compile=True`.

    Args:
        delta: Float. Positive; the error at which the loss turns from
            quadratic to linear. Defaults to `1.0`.
        reduction: String. How the losses of the examples are reduced, as in
            every Keras loss: `"sum_over_batch_size"`, `"sum"`, `"mean"`,
            `"mean_with_sample_weight"` or `"none"`. Defaults to
            `"sum_over_batch_size"`.
        name: String. Name of the loss. Defaults to `"hungarian_huber"`.
        dtype: The dtype of the computation. Defaults to `None`, which means
            `keras.config.floatx()`.

    Call arguments:
        y_true: Tensor of shape `(batch_size, num_targets, num_features)`.
        y_pred: Tensor of shape `(batch_size, num_predictions, num_features)`.
        sample_weight: Optional tensor of shape `(batch_size,)`.

    Raises:
        ValueError: If `delta` is not positive, an input does not have rank 3,
            or the batch sizes or numbers of features differ.

    Example:
    >>> y_true = [[[0.0, 0.0], [1.0, 1.0]]]
    >>> y_pred = [[[1.0, 1.0], [0.0, 2.0]]]  # the other order, one error of 2
    >>> loss = keras_slots.losses.HungarianHuberLoss()
    >>> float(loss(y_true, y_pred))
    0.75

    As the loss of a model whose output is a set:

    ```python
    model.compile("adam", loss=keras_slots.losses.HungarianHuberLoss())
    ```

    References:
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      section 5.4.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hungarian_huber",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.delta = as_number("delta", delta, above=True)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return hungarian_huber(y_true, y_pred, delta=self.delta)

    def get_config(self) -> dict[str, Any]:
        config = {"delta": self.delta, "dtype": self.dtype}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_slots")
def hungarian_huber(
    y_true: Tensor, y_pred: Tensor, delta: float = 1.0
) -> Tensor:
    """Computes the Huber loss between two sets, matched at the least total.

    See `keras_slots.losses.HungarianHuberLoss` for the definition.

    Args:
        y_true: Tensor of shape `(batch_size, num_targets, num_features)`.
        y_pred: Tensor of shape `(batch_size, num_predictions, num_features)`.
        delta: Float. Positive; the error at which the loss turns from
            quadratic to linear. Defaults to `1.0`.

    Returns:
        Tensor of shape `(batch_size,)`: the loss of each example, at least
        float32.

    Raises:
        ValueError: If `delta` is not positive, an input does not have rank 3,
            or the batch sizes or numbers of features differ.

    Example:
    >>> y_true = [[[0.0], [1.0]], [[0.0], [1.0]]]
    >>> y_pred = [[[1.0], [0.0]], [[1.0], [3.0]]]
    >>> loss = keras_slots.losses.hungarian_huber(y_true, y_pred)
    >>> keras.ops.convert_to_numpy(loss).tolist()
    [0.0, 2.0]
    """
    as_number("delta", delta, above=True)

    def pair_loss(true, pred):
        return _huber(pred - true, delta)

    def pairwise_loss(true, pred):  # (B, n, 1, d) and (B, 1, m, d)
        return pair_loss(ops.expand_dims(true, 2), ops.expand_dims(pred, 1))

    return matched_loss(y_true, y_pred, pair_loss, pairwise_loss)


def _huber(error, delta):
    """Computes Huber, averaged over the features (supplement, section 5.4)."""
    size = ops.abs(error)
    linear = delta * size - 0.5 * delta**2
    return ops.mean(
        ops.where(size <= delta, 0.5 * ops.square(error), linear), axis=-1
    )
