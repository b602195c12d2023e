"""Cross-entropy between sets of objects, after optimal matching."""

from typing import Any

import keras
from keras import ops

from keras_slots.checks import as_number
from keras_slots.losses.set_matching import matched_loss
from keras_slots.property_layout import NUM_COORDINATES
from keras_slots.types import Tensor

# The coordinates, and the feature that is 1 for an object.
FEWEST_FEATURES = NUM_COORDINATES + 1
# float32 can barely represent a number this close to 1.
SMALLEST_PROBABILITY = 1e-7


@keras.saving.register_keras_serializable(package="keras_slots")
class HungarianCrossEntropyLoss(keras.losses.Loss):
    """Cross-entropy between two sets of objects, matched at the least total.

    A better conditioned alternative to `HungarianHuberLoss` (beyond the
    paper). Every feature of a target or a prediction, also coordinates in
    [0, 1], is treated as a probability:

    ```
    loss[b] = min over pairings of sum over pairs (i, j) of
              kl(real[i], real[j])
              + real[i] * (coordinate_weight * sum of kl over coordinates
                           + sum of kl over the other features)
    kl(y, p) = y log(y / p) + (1 - y) log((1 - y) / (1 - p))
    ```

    As the predictions come from a sigmoid, the gradient at its input is
    `p - y`. Unlike the gradient of a squared error, it does not vanish if a
    prediction is confident and wrong. Padding rows only require the last
    feature to be 0. Unmatched predictions add nothing to the loss, so pad the
    targets to as many rows as there are predictions. The loss of a perfect
    prediction is 0.

    Args:
        coordinate_weight: Float, the weight of the coordinates, the first
            three features. Defaults to `10.0`.
        coordinate_scale: Float, the range of the coordinates in targets and
            predictions. Defaults to `1.0`.
        reduction: String. How the losses of the examples are reduced, as in
            every Keras loss. Defaults to `"sum_over_batch_size"`.
        name: String. Defaults to `"hungarian_cross_entropy"`.
        dtype: The dtype of the computation. Defaults to `None`, which means
            `keras.config.floatx()`.

    Call arguments:
        y_true: Tensor of shape `(batch_size, num_targets, num_features)` in
            [0, 1] (coordinates in [0, `coordinate_scale`]).
        y_pred: Tensor of shape `(batch_size, num_predictions, num_features)`,
            in the same ranges.
        sample_weight: Optional tensor of shape `(batch_size,)`.

    Raises:
        ValueError: If an argument is out of range, an input does not have
            rank 3, the batch sizes or numbers of features differ, or there are
            fewer than 4 features.

    Example:
    >>> y_true = [[[0.5, 0.5, 0.5, 1.0, 1.0], [0.0] * 5]]  # one object
    >>> y_pred = [[[0.9] * 4 + [0.0], [0.5, 0.5, 0.5, 1.0, 1.0]]]
    >>> loss = keras_slots.losses.HungarianCrossEntropyLoss()
    >>> round(float(loss(y_true, y_pred)), 4)
    0.0
    """

    def __init__(
        self,
        coordinate_weight: float = 10.0,
        coordinate_scale: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hungarian_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.coordinate_weight, self.coordinate_scale = _coordinates(
            coordinate_weight, coordinate_scale
        )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return hungarian_cross_entropy(
            y_true,
            y_pred,
            coordinate_weight=self.coordinate_weight,
            coordinate_scale=self.coordinate_scale,
        )

    def get_config(self) -> dict[str, Any]:
        config = {
            "coordinate_weight": self.coordinate_weight,
            "coordinate_scale": self.coordinate_scale,
            "dtype": self.dtype,
        }
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_slots")
def hungarian_cross_entropy(
    y_true: Tensor,
    y_pred: Tensor,
    coordinate_weight: float = 10.0,
    coordinate_scale: float = 1.0,
) -> Tensor:
    """Computes the cross-entropy between two sets, matched at the least total.

    See `keras_slots.losses.HungarianCrossEntropyLoss` for the definition.

    Args:
        y_true: Tensor of shape `(batch_size, num_targets, num_features)`.
        y_pred: Tensor of shape `(batch_size, num_predictions, num_features)`.
        coordinate_weight: Float, the weight of the first three features.
            Defaults to `10.0`.
        coordinate_scale: Float, the range of the first three features.
            Defaults to `1.0`.

    Returns:
        Tensor of shape `(batch_size,)`: the loss of each example, at least
        float32.

    Raises:
        ValueError: If an argument is out of range, an input does not have
            rank 3, the batch sizes or numbers of features differ, or there are
            fewer than 4 features.

    Example:
    >>> y_true = [[[0.5, 0.5, 0.5, 1.0, 1.0]]]
    >>> y_pred = [[[0.5, 0.5, 0.5, 0.5, 1.0]]]
    >>> loss = keras_slots.losses.hungarian_cross_entropy(y_true, y_pred)
    >>> round(float(loss[0]), 4)  # log 2: one bit is not known
    0.6931
    """
    weight, scale = _coordinates(coordinate_weight, coordinate_scale)

    def pair_loss(true, pred):
        logs = _logs(_normalized(pred, scale))  # (B, n, 2 d)
        asked, entropy = _asked(_normalized(true, scale), weight)
        return ops.sum(asked * -logs, axis=-1) - entropy

    def pairwise_loss(true, pred):
        # One product instead of a tensor (B, n, m, d) of logarithms.
        asked, entropy = _asked(_normalized(true, scale), weight)
        logs = _logs(_normalized(pred, scale))  # (B, m, 2 d)
        cost = -ops.matmul(asked, ops.swapaxes(logs, 1, 2))  # (B, n, m)
        # Rounding must not make a cost look like one that is not finite.
        return ops.maximum(cost - ops.expand_dims(entropy, 2), 0.0)

    return matched_loss(y_true, y_pred, pair_loss, pairwise_loss)


def _coordinates(weight, scale):
    return (
        as_number("coordinate_weight", weight),
        as_number("coordinate_scale", scale, above=True),
    )


def _normalized(features, scale):
    """Scales the coordinates among the features to [0, 1]."""
    coordinates = features[..., :NUM_COORDINATES] / scale
    return ops.concatenate(
        [coordinates, features[..., NUM_COORDINATES:]], axis=-1
    )


def _asked(target, coordinate_weight):
    """Returns weighted targets y and 1 - y (B, n, 2 d), and entropy (B, n)."""
    both = ops.concatenate([target, 1.0 - target], axis=-1)
    asked = _weights(target, coordinate_weight) * both
    # The entropy is the smallest cross-entropy of any prediction.
    safe = ops.where(both > 0, both, 1.0)
    return asked, -ops.sum(asked * ops.log(safe), axis=-1)


def _weights(target, coordinate_weight):
    """Returns weights (B, n, 2 d); padding rows weigh the last feature only."""
    others = target.shape[-1] - FEWEST_FEATURES
    if others < 0:
        raise ValueError(
            "An object needs three coordinates and a last feature that is 1 "
            "for objects and 0 for padding. Received: "
            f"y_true.shape={tuple(target.shape)}"
        )
    real = target[..., -1:]
    coordinates = ops.repeat(coordinate_weight * real, NUM_COORDINATES, -1)
    weights = ops.concatenate(
        [coordinates, ops.repeat(real, others, -1), ops.ones_like(real)], -1
    )
    return ops.concatenate([weights, weights], axis=-1)


def _logs(pred):
    """Returns logarithms of p and 1 - p for each feature: (B, m, 2 d)."""
    pred = ops.clip(pred, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    return ops.concatenate([ops.log(pred), ops.log1p(-pred)], axis=-1)
