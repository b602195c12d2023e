"""What is made from a config gives what the original gives."""

import keras
import numpy as np
from hypothesis import strategies as st

import keras_slots
from keras_slots import HungarianHuberLoss
from keras_slots.layers import SpreadSlots
from keras_slots.losses import HungarianCrossEntropyLoss
from tests.properties.cases import cases
from tests.properties.draws import (
    SEEDS,
    as_arrays,
    assert_close,
    numbers,
)
from tests.properties.layer_cases import ANY_CASE as ANY_LAYER
from tests.properties.slot_attention_cases import ANY_CASE

EITHER = st.sampled_from(("config", "serialized"))
LOSSES = st.builds(
    HungarianHuberLoss,
    delta=st.sampled_from((1.0, 0.1, 3)),
    reduction=st.sampled_from(("sum", "none", "mean")),
) | st.builds(
    HungarianCrossEntropyLoss,
    coordinate_weight=st.sampled_from((10.0, 0.0, 2)),
    coordinate_scale=st.sampled_from((1.0, 5.0)),
    reduction=st.sampled_from(("sum", "none", "mean")),
)


def again(original, way):
    """The same once more, as files of Keras make it."""
    if way == "config":
        return type(original).from_config(original.get_config())
    serialized = keras.saving.serialize_keras_object(original)
    return keras.saving.deserialize_keras_object(serialized)


def same_weights(layer, other, shape):
    if not other.built:  # Keras builds what it deserializes.
        other.build(shape)
    other.set_weights(layer.get_weights())


def assert_same_config(one, other):
    assert one.get_config() == other.get_config()


@cases(6, case=ANY_CASE, way=EITHER)
def test_slot_attention(case, way):
    layer, tokens = case.make_layer(), case.make_tokens()
    copy = again(layer, way)
    same_weights(layer, copy, tokens.shape)
    assert copy.dtype_policy == layer.dtype_policy
    assert set(copy.get_config()) == set(layer.get_config())
    for name, value in case.arguments.items():
        if name == "centers" and value is not None:
            assert_same_config(value, copy.centers)
        elif not name.endswith("initializer"):
            assert getattr(copy, name) == value
    start, options = case.make_starts(), case.make_options()
    assert_close(
        copy(tokens, initial_slots=start, **options),
        layer(tokens, initial_slots=start, **options),
        1e-6,
    )


@cases(10, case=ANY_LAYER, way=EITHER)
def test_other_layers(case, way):
    layer, inputs = case.make_layer(), case.make_inputs()
    copy = again(layer, way)
    assert_same_config(layer, copy)
    same_weights(layer, copy, next(iter(case.inputs.values())))
    assert_close(copy(**inputs), layer(**inputs), 1e-6)


@cases(6, loss=LOSSES, way=EITHER, seed=SEEDS)
def test_losses(loss, way, seed):
    copy = again(loss, way)
    assert_same_config(loss, copy)
    sets = [abs(numbers(seed + i, 2, 3, 5)).clip(0, 1) for i in (0, 1)]
    assert_close(copy(*sets), loss(*sets), 0)


@cases(
    6,
    way=EITHER,
    stddev=st.sampled_from((0.0, 1.0, 2)),
    seed=SEEDS,
    ignore_background=st.booleans(),
    name=st.none() | st.just("mine"),
)
def test_initializer_and_metrics(way, stddev, seed, ignore_background, name):
    spread = SpreadSlots(stddev, seed)
    assert_close(again(spread, way)((1, 3, 4)), spread((1, 3, 4)), 0)
    rng = np.random.default_rng(seed)
    mask, masks = rng.integers(0, 3, (2, 4, 4)), rng.random((2, 3, 4, 4, 1))
    for cls in ("AdjustedRandIndex", "MaskIoU", "MeanBestOverlap"):
        metric = getattr(keras_slots.metrics, cls)(ignore_background, name)
        copy = again(metric, way)
        assert_same_config(metric, copy)
        for each in (metric, copy):
            each.update_state(mask, masks)
        assert as_arrays(copy.result()) == as_arrays(metric.result())
