"""Sizes, rates, options and paths that are none: an error, and at once."""

import json

import keras
import numpy as np
import pytest

import keras_slots
from keras_slots import SlotAttention, losses, metrics, models
from keras_slots.layers import (
    ConvEncoder,
    PropertyHead,
    SlotMLP,
    SoftPositionEmbed,
    SpatialBroadcastDecoder,
    SpreadSlots,
)
from keras_slots.layers.slot_attention.slot_attention import OPTIONS
from keras_slots.property_layout import PropertyLayout
from tests.properties.draws import numbers
from tests.properties.wrong_values import (
    NO_INTEGERS,
    NO_NUMBERS,
    NO_OPTIONS,
    NO_PATHS,
    NO_POSITIVE_INTEGERS,
    check_each,
    each_argument,
)

COUNT = (NO_POSITIVE_INTEGERS, ())
MAYBE_COUNT = (NO_POSITIVE_INTEGERS, ("None",))
FROM_ZERO = (NO_INTEGERS, ())
MAYBE_FROM_ZERO = (NO_INTEGERS, ("None",))
SIZES = (NO_POSITIVE_INTEGERS, ())
FROM_ZERO_ON = (NO_NUMBERS, ())
ABOVE_ZERO = (NO_NUMBERS | {"zero": 0}, ())
MAYBE_ABOVE_ZERO = (ABOVE_ZERO[0], ("None",))
OPTION = (NO_OPTIONS, ())
TOKENS, SETS = numbers(0, 2, 4, 4), abs(numbers(0, 2, 3, 5))


def maker(function):
    return lambda: function


OF_LAYERS = {
    "SlotAttention": (
        maker(SlotAttention),
        {"num_slots": 3, "slot_size": 4},
        {
            **dict.fromkeys(
                ("num_slots", "slot_size", "num_iterations"), COUNT
            ),
            **dict.fromkeys(("mlp_hidden_size", "num_heads"), COUNT),
            "epsilon": FROM_ZERO_ON,
            "temperature": MAYBE_ABOVE_ZERO,
            "kernel_initializer": (NO_INTEGERS, ("None", "dict", "array")),
            **dict.fromkeys(OPTIONS, OPTION),
        },
    ),
    "SlotAttention.call": (
        lambda: SlotAttention(3, 4),
        {"inputs": TOKENS},
        {"num_slots": MAYBE_COUNT, "num_iterations": MAYBE_COUNT},
    ),
    "SoftPositionEmbed": (
        maker(SoftPositionEmbed),
        {},
        {"num_frequencies": FROM_ZERO},
    ),
    "ConvEncoder": (
        maker(ConvEncoder),
        {},
        {
            **dict.fromkeys(
                ("filters", "kernel_sizes", "strides", "mlp_sizes"), SIZES
            ),
            "num_frequencies": FROM_ZERO,
        },
    ),
    "SpatialBroadcastDecoder": (
        maker(SpatialBroadcastDecoder),
        {"grid_size": 4},
        {
            **dict.fromkeys(
                ("grid_size", "filters", "kernel_sizes", "strides"), SIZES
            ),
            **dict.fromkeys(("output_channels", "output_kernel_size"), COUNT),
            "patch_size": COUNT,
            "output_size": MAYBE_COUNT,
            "num_frequencies": FROM_ZERO,
            "center_frequencies": MAYBE_COUNT,
            "mask_falloff": FROM_ZERO_ON,
            "mask_penalty": FROM_ZERO_ON,
        },
    ),
    "SpatialBroadcastDecoder with centers": (
        maker(SpatialBroadcastDecoder),
        {"grid_size": 4, "center_frequencies": 2},
        {"num_frequencies": FROM_ZERO, "mask_falloff": FROM_ZERO_ON},
    ),
    "PropertyHead": (
        maker(PropertyHead),
        {},
        {
            "num_features": COUNT,
            "hidden_size": COUNT,
            "coordinate_scale": ABOVE_ZERO,
            "center_frequencies": MAYBE_COUNT,
        },
    ),
    "SlotMLP": (
        maker(SlotMLP),
        {"num_slots": 3, "slot_size": 4},
        {
            **dict.fromkeys(("num_slots", "slot_size", "map_size"), COUNT),
            "mlp_sizes": SIZES,
            "slot_mlp_sizes": SIZES,
        },
    ),
    "SpreadSlots": (
        maker(SpreadSlots),
        {},
        {"stddev": FROM_ZERO_ON},
    ),
    "DeepSetPrediction": (
        maker(models.DeepSetPrediction),
        {
            "encoder": ConvEncoder((4,), mlp_sizes=(4,)),
            "set_size": 3,
            "num_features": 4,
        },
        {
            **dict.fromkeys(
                ("set_size", "num_features", "num_iterations"), COUNT
            ),
            **dict.fromkeys(("latent_size", "hidden_size"), COUNT),
            "inner_learning_rate": ABOVE_ZERO,
            "inner_momentum": (NO_NUMBERS | {"one": 1.0}, ("None",)),
            "representation_weight": (NO_NUMBERS, ("None",)),
        },
    ),
    "get_preset": (maker(models.get_preset), {}, {"name": OPTION}),
}
OTHERS = {
    "HungarianHuberLoss": (
        maker(losses.HungarianHuberLoss),
        {},
        {"delta": ABOVE_ZERO},
    ),
    "hungarian_huber": (
        maker(losses.hungarian_huber),
        {"y_true": SETS, "y_pred": SETS},
        {"delta": ABOVE_ZERO},
    ),
    "HungarianCrossEntropyLoss": (
        maker(losses.HungarianCrossEntropyLoss),
        {},
        {"coordinate_weight": FROM_ZERO_ON, "coordinate_scale": ABOVE_ZERO},
    ),
    "hungarian_cross_entropy": (
        maker(losses.hungarian_cross_entropy),
        {"y_true": SETS, "y_pred": SETS},
        {"coordinate_weight": FROM_ZERO_ON, "coordinate_scale": ABOVE_ZERO},
    ),
    "SetAveragePrecision": (
        maker(metrics.SetAveragePrecision),
        {},
        {
            "distance_thresholds": ABOVE_ZERO,
            "num_coordinates": COUNT,
            "category_sizes": (NO_POSITIVE_INTEGERS, ("dict",)),
            "distance_scale": ABOVE_ZERO,
            "num_objects": MAYBE_COUNT,
            "capacity": COUNT,
        },
    ),
    "WarmupExponentialDecay": (
        maker(keras_slots.schedules.WarmupExponentialDecay),
        {
            "learning_rate": 1.0,
            "warmup_steps": 1,
            "decay_steps": 1,
            "decay_rate": 0.5,
        },
        {
            "learning_rate": ABOVE_ZERO,
            "warmup_steps": FROM_ZERO_ON,
            "decay_steps": ABOVE_ZERO,
            "decay_rate": ABOVE_ZERO,
        },
    ),
    "SlotDiagnosis": (
        maker(keras_slots.callbacks.SlotDiagnosis),
        {"images": numbers(0, 2, 4, 4, 3)},
        {"num_batches": COUNT},
    ),
    "PropertyLayout": (
        maker(PropertyLayout),
        {},
        {"coordinate_scale": ABOVE_ZERO, "properties": (NO_NUMBERS, ("dict",))},
    ),
}


def data_sets():
    """Of TensorFlow alone."""
    pytest.importorskip("tensorflow")
    from keras_slots import datasets

    drawn = {
        "split": OPTION,
        "batch_size": MAYBE_COUNT,
        "num_scenes": MAYBE_COUNT,
        "seed": FROM_ZERO,
    }
    read = {"batch_size": MAYBE_COUNT, "skip": FROM_ZERO, "take": MAYBE_COUNT}
    few = {"split": "test", "num_scenes": 2}
    folder = {"folder": "no folder"}
    path = {"path": "no file"}
    return {
        "tetrominoes": (maker(datasets.tetrominoes), few, drawn),
        "multi_dsprites": (
            maker(datasets.multi_dsprites),
            few,
            drawn | {"variant": OPTION},
        ),
        "clevr_scenes": (
            maker(datasets.clevr_scenes),
            few,
            {
                **drawn,
                "image_size": COUNT,
                "min_objects": COUNT,
                "max_objects": COUNT,
                "num_targets": MAYBE_COUNT,
                "cache": (NO_PATHS, ("None",)),
            },
        ),
        "clevr": (
            maker(datasets.clevr),
            {"split": "train", "data_dir": "no folder"},
            {
                "split": OPTION,
                "batch_size": MAYBE_COUNT,
                "image_size": COUNT,
                "max_objects": MAYBE_COUNT,
                "num_targets": COUNT,
                "seed": FROM_ZERO,
            },
        ),
        "multi_object_records": (
            maker(datasets.multi_object_records),
            path,
            {
                **read,
                "seed": FROM_ZERO,
                "path": (NO_PATHS, ()),
                "dataset": (NO_OPTIONS, ("None",)),
                "max_objects": MAYBE_COUNT,
            },
        ),
        "convert_records": (
            maker(datasets.convert_records),
            path | folder,
            {
                "skip": FROM_ZERO,
                "take": MAYBE_COUNT,
                "path": (NO_PATHS, ()),
                "dataset": (NO_OPTIONS, ("None",)),
                "max_objects": MAYBE_COUNT,
            },
        ),
        "record_shards": (
            maker(datasets.record_shards),
            folder,
            {**read, "seed": FROM_ZERO, "folder": (NO_PATHS, ())},
        ),
    }


@each_argument(OF_LAYERS)
def test_layers_and_models(make, good, name, wrong, but):
    check_each(make(), good, name, wrong, but)


@each_argument(OTHERS)
def test_losses_metrics_and_schedules(make, good, name, wrong, but):
    check_each(make(), good, name, wrong, but)


@each_argument(data_sets())
def test_data_sets(make, good, name, wrong, but):
    check_each(make(), good, name, wrong, but)


@pytest.mark.parametrize("part", ["encoder", "slot_attention", "head"])
@pytest.mark.parametrize("wrong", [None, "SlotAttention", keras.layers.Dense])
def test_parts_of_a_model_that_are_no_layers(part, wrong):
    parts = {
        "encoder": ConvEncoder((4,), mlp_sizes=(4,)),
        "slot_attention": SlotAttention(3, 4),
        "head": PropertyHead(5),
    }
    with pytest.raises(ValueError, match=f"`{part}`.*Received: {part}="):
        models.SetPrediction(**parts | {part: wrong})


def test_integers_of_numpy_are_integers():
    """Sizes are often computed by NumPy; a configuration holds Python's."""
    two = np.int64(2)
    layers = [
        SlotAttention(two, 4 * two, two, num_heads=two),
        ConvEncoder((two,), two, [two], (two,), num_frequencies=two),
        SpatialBroadcastDecoder(two, [two], patch_size=two, output_size=4),
        PropertyHead(3 * two, two, center_frequencies=two),
        SlotMLP(two, two, mlp_sizes=[two]),
        SoftPositionEmbed(two),
    ]
    for layer in layers:
        copy = type(layer).from_config(
            json.loads(json.dumps(configured(layer)))
        )
        assert configured(copy) == configured(layer)
    tokens = numbers(0, 2, 4, 4)
    assert SlotAttention(3, 4)(tokens, num_slots=two).shape == (2, 2, 4)


def configured(layer):
    """Without what Keras writes in its own way."""
    config = layer.get_config()
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in config.items()
        if name != "dtype"
    }
