"""Every public class once; each file of this folder tests one guarantee.

A new public class is added here, a layer in layer_descriptors.py, and every
guarantee is tested of it.
"""

import keras
import numpy as np
import pytest

import keras_slots
from keras_slots.layers import SlotCenters
from tests.backends import OTHER_DTYPE
from tests.conformance.descriptor import Descriptor, Fresh, draw
from tests.conformance.layer_descriptors import LAYER_ARGUMENTS, LAYERS


def _metric(metric, **inputs):
    metric.reset_state()
    metric.update_state(**inputs)
    return metric.result()


def _object_discovery(label, weights, make_centers=None, **centers):
    return Descriptor(
        keras_slots.models.ObjectDiscovery,
        required={
            "encoder": Fresh(
                lambda: keras_slots.layers.ConvEncoder((4,), mlp_sizes=(4,))
            ),
            "slot_attention": Fresh(
                lambda: keras_slots.SlotAttention(
                    3,
                    4,
                    mlp_hidden_size=5,
                    centers=make_centers and make_centers(),
                )
            ),
            "decoder": Fresh(
                lambda: keras_slots.SpatialBroadcastDecoder(
                    (5, 6), (4,), **centers
                )
            ),
        },
        variants=(
            {
                **LAYER_ARGUMENTS,
                "target": keras.layers.Identity(),
                "slot_charge": 0.1,
                "penalty_start": 2,
            },
            {**LAYER_ARGUMENTS, "pixel_noise": 0.5},
        ),
        inputs={"image": draw(2, 5, 6, 3), "initial_slots": draw(2, 3, 4)},
        shapes={"image": (None, 5, 6, 3), "initial_slots": (None, 3, 4)},
        weights=weights,
        label=label,
    )


def _set_prediction(label, weights, make_slots, starts=True, **centers):
    shapes = {"image": (None, 4, 4, 3), "initial_slots": (None, 3, 4)}
    inputs = {"image": draw(2, 4, 4, 3), "initial_slots": draw(2, 3, 4)}
    if not starts:
        del shapes["initial_slots"], inputs["initial_slots"]
    return Descriptor(
        keras_slots.models.SetPrediction,
        required={
            "encoder": Fresh(
                lambda: keras_slots.layers.ConvEncoder((4,), mlp_sizes=(4,))
            ),
            "slot_attention": Fresh(make_slots),
            "head": Fresh(
                lambda: keras_slots.layers.PropertyHead(5, 6, **centers)
            ),
        },
        variants=(
            # `SlotMLP` has no iterations.
            LAYER_ARGUMENTS
            | ({"loss_at_every_iteration": True} if starts else {}),
        ),
        inputs=inputs,
        shapes=shapes,
        weights=weights,
        output_dtype="float32",
        label=label,
    )


def _deep_set_prediction(label, **arguments):
    return Descriptor(
        keras_slots.models.DeepSetPrediction,
        required={
            "encoder": Fresh(
                lambda: keras_slots.layers.ConvEncoder((4,), mlp_sizes=(4,))
            ),
            "set_size": 3,
            "num_features": 4,
            "latent_size": 5,
            "hidden_size": 6,
            # Smaller than by default: rounding grows with every step.
            "inner_learning_rate": 0.5,
            **arguments,
        },
        variants=(
            {
                **LAYER_ARGUMENTS,
                "set_size": 2,
                "num_features": 5,
                "num_iterations": 3,
                "implicit": not arguments.get("implicit", False),
                "latent_size": 7,
                "hidden_size": 8,
                "inner_learning_rate": 2.0,
                "inner_momentum": 0.5,
                "representation_weight": 0.2,
            },
        ),
        inputs={"image": draw(2, 5, 6, 3), "initial_set": draw(2, 3, 4)},
        shapes={"image": (None, 5, 6, 3), "initial_set": (None, 3, 4)},
        # The image's map of 5 x 6 is halved once.
        weights=(8 + 4 + 6, 0),
        output_dtype="float32",
        label=label,
    )


MODELS = [
    _object_discovery("ObjectDiscovery", (8 + 18 + 6, 2)),
    _object_discovery(
        "ObjectDiscovery with centers",
        (8 + 23 + 8, 2),
        lambda: SlotCenters(2),
        center_frequencies=2,
    ),
    _object_discovery(
        "ObjectDiscovery with scales",
        (8 + 23 + 8, 2),
        lambda: SlotCenters(2, use_scales=True),
        center_frequencies=2,
    ),
    _set_prediction(
        "SetPrediction",
        (8 + 18 + 4, 2),
        lambda: keras_slots.SlotAttention(3, 4, mlp_hidden_size=5),
    ),
    _set_prediction(
        "SetPrediction with centers",
        (8 + 23 + 5, 2),
        lambda: keras_slots.SlotAttention(
            3, 4, mlp_hidden_size=5, centers=SlotCenters(2)
        ),
        center_frequencies=2,
    ),
    _set_prediction(
        "SetPrediction with SlotMLP",
        (8 + 4 + 4, 0),
        lambda: keras_slots.layers.SlotMLP(3, 4, (6,), map_size=2),
        starts=False,
    ),
    _deep_set_prediction("DeepSetPrediction"),
    _deep_set_prediction("DeepSetPrediction, implicit", implicit=True),
]

OTHERS = [
    Descriptor(
        keras_slots.HungarianHuberLoss,
        variants=(
            {
                "delta": 0.5,
                "reduction": "sum",
                "name": "mine",
                "dtype": OTHER_DTYPE,
            },
        ),
        inputs={"y_pred": draw(2, 3, 4), "y_true": draw(2, 3, 4, seed=1)},
        shapes={"y_pred": (None, 3, 4), "y_true": (None, 3, 4)},
    ),
    Descriptor(
        keras_slots.losses.HungarianCrossEntropyLoss,
        variants=(
            {
                "coordinate_weight": 2.0,
                "coordinate_scale": 4.0,
                "reduction": "sum",
                "name": "mine",
                "dtype": OTHER_DTYPE,
            },
        ),
        inputs={
            "y_pred": np.abs(draw(2, 3, 5)),
            "y_true": np.abs(draw(2, 3, 5, seed=1)),
        },
        shapes={"y_pred": (None, 3, 5), "y_true": (None, 3, 5)},
    ),
    *(
        Descriptor(
            getattr(keras_slots.metrics, name),
            variants=(
                {
                    "ignore_background": False,
                    "name": "mine",
                    "dtype": OTHER_DTYPE,
                },
            ),
            inputs={
                "masks": draw(2, 3, 5, 4, 1),
                "mask": np.arange(40, dtype="int32").reshape(2, 5, 4) // 6,
            },
            shapes={"masks": (None, 3, 5, 4, 1), "mask": (None, 5, 4)},
            call=_metric,
        )
        for name in ("AdjustedRandIndex", "MeanBestOverlap", "MaskIoU")
    ),
    Descriptor(
        keras_slots.metrics.SetAveragePrecision,
        variants=(
            {
                "distance_thresholds": (1.0, 0.0625),
                "num_coordinates": 2,
                "category_sizes": (3,),
                "distance_scale": 3.0,
                "inclusive": True,
                "num_objects": 4,
                "capacity": 100,
                "name": "mine",
                "dtype": OTHER_DTYPE,
            },
        ),
        inputs={
            "y_pred": np.clip(draw(2, 5, 19), 0, 1),
            "y_true": np.ones((2, 4, 19), "float32"),
        },
        shapes={"y_pred": (None, 5, 19), "y_true": (None, 4, 19)},
        call=_metric,
    ),
    Descriptor(
        keras_slots.schedules.WarmupExponentialDecay,
        required={
            "learning_rate": 0.1,
            "warmup_steps": 10,
            "decay_steps": 100,
            "decay_rate": 0.5,
        },
        variants=(
            {
                "learning_rate": 0.2,
                "warmup_steps": 0,
                "decay_steps": 50,
                "decay_rate": 0.9,
            },
        ),
        inputs={"step": np.array(5)},
    ),
    Descriptor(
        keras_slots.layers.SpreadSlots,
        # XLA draws other numbers for the same seed: hardly any noise.
        required={"stddev": 1e-7, "seed": 1},
        variants=({"stddev": 0.5, "seed": 2},),
        inputs={"size": np.array(4)},
        call=lambda initializer, size: initializer((1, 3, 4)),
    ),
]

DESCRIPTORS = [*LAYERS, *MODELS, *OTHERS]


def is_variant(descriptor):
    """Whether it describes another form of a class than the plain one."""
    return str(descriptor) != descriptor.cls.__name__


def each(descriptors, slow=lambda descriptor: False):
    """Runs a test with every one of `descriptors`; those that are slow so."""
    parameters = [
        pytest.param(
            descriptor, marks=[pytest.mark.slow] if slow(descriptor) else []
        )
        for descriptor in descriptors
    ]
    return pytest.mark.parametrize("descriptor", parameters, ids=str)


def arrays(outputs):
    """The leaves of any structure of tensors, as NumPy arrays."""
    return [
        keras.ops.convert_to_numpy(keras.ops.cast(leaf, "float32"))
        for leaf in keras.tree.flatten(outputs)
    ]


def build_by_call(descriptor, **arguments):
    """An object that has been called, so that it has its weights."""
    instance = descriptor.create(**arguments)
    descriptor.call(instance, **descriptor.inputs)
    return instance
