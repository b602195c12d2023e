"""Average precision of predicted sets of objects."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_slots.checks import as_integer, check_shapes
from keras_slots.metrics.detection_rule import DetectionRule
from keras_slots.metrics.ranked_precision import ranked_precision
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class SetAveragePrecision(keras.metrics.Metric):
    """Average precision (AP) of predicted sets of objects.

    All predictions of all images are ranked by their confidence, the last
    feature. Starting with the most confident, each prediction bids for the
    nearest object in its image that agrees with it in every property (the
    largest entry of each one-hot code). It is a true positive if this object
    lies within the distance threshold and has not been found yet, and a false
    positive otherwise, even if another object agrees as well. Objects are the
    targets whose last feature is 1. AP is the area under precision over recall,
    with each precision raised to the best precision at the same or a higher
    recall, as in the PASCAL VOC challenge since 2010.

    The defaults are the 19 features of the paper's experiments on CLEVR:
    three coordinates, mapped from [-3, 3] to [0, 1], then size, material,
    shape and color. See `keras_slots.property_layout.PropertyLayout`.

    These are the conventions of the paper's code. For equal confidences its
    order is random; here the earlier image comes first, and within an image the
    earlier slot. Deep set prediction networks map coordinates to [-1, 1] and
    accept a distance equal to the threshold: use
    `distance_scale=3.0, inclusive=True`.

    The result is exact for any batch size, so all confidences must be kept.
    Graphs need their number beforehand: if there are more predictions than
    `capacity`, the results are NaN. They are also NaN if there is a NaN in the
    data, or no object to find. `fit` and `evaluate` read the result after every
    batch, which takes time in proportion to `capacity`, about 0.04 s with the
    default: in long epochs of training, evaluate on validation data instead.
    The lists of several replicas of `tf.distribute` cannot be added up; there,
    reading the result raises an error.

    Args:
        distance_thresholds: Floats, above 0, in scene units. `inf` asks for
            the right properties only. Defaults to
            `(float("inf"), 1, 0.5, 0.25, 0.125)`.
        num_coordinates: Integer. The number of coordinates, which are the
            first features. Defaults to `3`.
        category_sizes: Integers, the number of features of each one-hot code,
            in order. Defaults to `(2, 2, 3, 8)`.
        distance_scale: Float. The factor from differences of coordinates to
            scene units. Defaults to `6.0`.
        inclusive: Boolean. Whether a distance equal to the threshold passes.
            Defaults to `False`.
        num_objects: Integer or `None`. If given, only images with this number
            of objects count (Figures 15 and 16). Defaults to `None`.
        capacity: Integer. The largest number of predictions, over all images
            (also images that do not count). Defaults to `150_000`, ten for
            each image of CLEVR's validation set.
        name: String. Name of the metric; `result()` is a dict with the keys
            `"ap_inf"`, `"ap_1"`, `"ap_0.5"` and so on, in the order of the
            thresholds, for the name `"ap"`. Defaults to `"ap"`.
        dtype: The dtype of the results; the metric computes in `float32`.
            Defaults to `None`, which means `keras.config.floatx()`.

    Call arguments:
        y_true: Tensor of shape `(batch_size, num_targets, num_features)`.
        y_pred: Tensor of shape `(batch_size, num_predictions, num_features)`.
        sample_weight: Must be `None`: all images have the same weight.

    Raises:
        ValueError: If an argument is out of range, the shapes are not as
            above, one batch holds more predictions than `capacity`, or there
            is a `sample_weight`.

    Example:
    >>> # A coordinate, red or blue, and whether the object is real.
    >>> y_true = [[[0.1, 1, 0, 1], [0.9, 0, 1, 1]]]
    >>> y_pred = [[[0.2, 1, 0, 0.9], [0.9, 1, 0, 0.8], [0.9, 0, 1, 0.7]]]
    >>> metric = keras_slots.metrics.SetAveragePrecision(
    ...     (1.0, 0.5), num_coordinates=1, category_sizes=(2,)
    ... )
    >>> metric.update_state(y_true, y_pred)
    >>> {key: round(float(ap), 3) for key, ap in metric.result().items()}
    {'ap_1': 0.833, 'ap_0.5': 0.167}

    References:
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      section 5.9.
    - [Zhang et al., 2019](https://arxiv.org/abs/1906.06565)
    - [Everingham et al., 2015](https://doi.org/10.1007/s11263-014-0733-5)
    """

    def __init__(
        self,
        distance_thresholds: Sequence[float] = (math.inf, 1, 0.5, 0.25, 0.125),
        num_coordinates: int = 3,
        category_sizes: Sequence[int] = (2, 2, 3, 8),
        distance_scale: float = 6.0,
        inclusive: bool = False,
        num_objects: int | None = None,
        capacity: int = 150_000,
        name: str = "ap",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._rule = DetectionRule(
            distance_thresholds,
            num_coordinates,
            category_sizes,
            distance_scale,
            inclusive,
            num_objects,
        )
        self.distance_thresholds = tuple(distance_thresholds)
        self.num_coordinates = num_coordinates
        self.category_sizes = tuple(category_sizes)
        self.distance_scale = distance_scale
        self.inclusive = inclusive
        self.num_objects = num_objects
        self.capacity = as_integer("capacity", capacity)

        # `reset_state` sets zeros, which mean that nothing is counted yet.
        def variable(name, shape, dtype):
            # Replicas' lists of predictions cannot be added up.
            return self.add_variable(
                shape, "zeros", dtype, aggregation="none", name=name
            )

        shape = (len(self.distance_thresholds), self.capacity)
        self.confidence = variable("confidence", shape[1:], "float32")
        self.counted = variable("counted", shape[1:], "uint8")
        self.found = variable("found", shape, "uint8")
        self.num_predictions = variable("num_predictions", (), "int32")
        self.num_true = variable("num_true", (), "int32")
        self.invalid = variable("invalid", (), "uint8")

    def update_state(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
    ) -> None:
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` must be None: in `compile`, make the metric "
                "one of `metrics`, not of `weighted_metrics`. Received: "
                f"sample_weight={type(sample_weight).__name__}"
            )
        confidence, counted, found, num_true, invalid = _judge(
            y_true, y_pred, self._rule
        )
        size = ops.shape(confidence)[0]
        if isinstance(size, int) and size > self.capacity:
            raise ValueError(
                "`capacity` must be at least the number of predictions, but "
                f"one batch already has {size}. Received: "
                f"capacity={self.capacity}"
            )
        # Predictions beyond the capacity overwrite the end; `result` is then
        # NaN. Keras on PyTorch calls once before the state is set.
        start = ops.minimum(self.num_predictions, self.capacity - size)
        start = ops.maximum(start, 0)
        for buffer, values in (
            (self.confidence, confidence),
            (self.counted, counted),
            (self.found, found),
        ):
            place = (0, start) if len(buffer.shape) == 2 else (start,)
            values = ops.cast(values, buffer.dtype)
            held = ops.convert_to_tensor(buffer)  # JAX takes no variable.
            buffer.assign(ops.slice_update(held, place, values))
        # At most `capacity + 1`, so that the count cannot overflow.
        self.num_predictions.assign(
            ops.minimum(self.num_predictions + size, self.capacity + 1)
        )
        self.num_true.assign(self.num_true + num_true)
        invalid = ops.cast(invalid, "uint8")
        self.invalid.assign(ops.maximum(self.invalid, invalid))

    def result(self) -> dict[str, Tensor]:
        ap = ranked_precision(
            self.confidence, self.counted, self.found, self.num_true
        )
        invalid = ops.logical_or(
            self.invalid > 0, self.num_predictions > self.capacity
        )
        ap = ops.cast(ops.where(invalid, math.nan, ap), self.dtype)
        return {
            f"{self.name}_{label}": ap[index]
            for index, label in enumerate(self._rule.labels)
        }

    def get_config(self) -> dict[str, Any]:
        config = {
            "distance_thresholds": self.distance_thresholds,
            "num_coordinates": self.num_coordinates,
            "category_sizes": self.category_sizes,
            "distance_scale": self.distance_scale,
            "inclusive": self.inclusive,
            "num_objects": self.num_objects,
            "capacity": self.capacity,
        }
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_slots")
def set_average_precision(
    y_true: Tensor,
    y_pred: Tensor,
    distance_thresholds: Sequence[float] = (math.inf, 1, 0.5, 0.25, 0.125),
    num_coordinates: int = 3,
    category_sizes: Sequence[int] = (2, 2, 3, 8),
    distance_scale: float = 6.0,
    inclusive: bool = False,
    num_objects: int | None = None,
) -> Tensor:
    """Computes the average precision of predicted sets, over all images.

    See `keras_slots.metrics.SetAveragePrecision` for the definition.

    Args:
        y_true: Tensor of shape `(batch_size, num_targets, num_features)`.
        y_pred: Tensor of shape `(batch_size, num_predictions, num_features)`.
        distance_thresholds: Floats, like all arguments below as in the class.
            Defaults to `(float("inf"), 1, 0.5, 0.25, 0.125)`.
        num_coordinates: Integer. Defaults to `3`.
        category_sizes: Integers. Defaults to `(2, 2, 3, 8)`.
        distance_scale: Float. Defaults to `6.0`.
        inclusive: Boolean. Defaults to `False`.
        num_objects: Integer or `None`. Defaults to `None`.

    Returns:
        `float32` tensor of shape `(num_thresholds,)`, NaN if there is a NaN in
        the data, or no object to find.

    Raises:
        ValueError: If an argument is out of range or the shapes are not as
            above.

    Example:
    >>> y_true = [[[0.1, 1], [0.9, 1]]]  # a coordinate, and whether it is real
    >>> y_pred = [[[0.9, 0.7], [0.5, 0.8]]]
    >>> ap = keras_slots.metrics.set_average_precision(
    ...     y_true, y_pred, (1.0,), num_coordinates=1, category_sizes=()
    ... )
    >>> keras.ops.convert_to_numpy(ap).tolist()
    [0.25]
    """
    rule = DetectionRule(
        distance_thresholds,
        num_coordinates,
        category_sizes,
        distance_scale,
        inclusive,
        num_objects,
    )
    *ranked, invalid = _judge(y_true, y_pred, rule)
    return ops.where(invalid, math.nan, ranked_precision(*ranked))


def _judge(y_true, y_pred, rule):
    """Evaluates each of N predictions at each threshold.

    Returns confidence (N,), whether a prediction counts (N,) and finds an
    object (T, N), the number of objects (), and whether there is a NaN ().
    """
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    sizes = check_shapes(
        {"y_true": (y_true, "(B, n, d)"), "y_pred": (y_pred, "(B, m, d)")}
    )
    if sizes.get("d", rule.num_features) != rule.num_features:
        raise ValueError(
            f"Sets must have {rule.num_features} features, by "
            "`num_coordinates` and `category_sizes`. Received: "
            f"y_true.shape={tuple(y_true.shape)}"
        )

    # B batch, m predictions, T thresholds, N = B * m.
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    confidence = y_pred[..., -1]  # (B, m)
    found = rule.true_positives(y_true, y_pred)  # (T, B, m)
    objects = ops.sum(ops.cast(y_true[..., -1] > 0.5, "int32"), axis=1)  # (B,)
    image_counts = ops.ones_like(objects, dtype="bool")
    if rule.num_objects is not None:
        image_counts = objects == rule.num_objects
    counted = ops.logical_and(
        ops.expand_dims(image_counts, 1), ops.ones_like(confidence, "bool")
    )  # (B, m)
    return (
        ops.reshape(confidence, (-1,)),
        ops.reshape(counted, (-1,)),
        ops.reshape(
            ops.logical_and(found, counted), (len(rule.distance_thresholds), -1)
        ),
        ops.sum(ops.where(image_counts, objects, 0)),
        ops.logical_or(ops.any(ops.isnan(y_true)), ops.any(ops.isnan(y_pred))),
    )
