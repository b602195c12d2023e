"""Every public layer, for the conformance tests."""

import keras

import keras_slots
from keras_slots.layers import SlotCenters
from tests.conformance.descriptor import Descriptor, draw

LAYER_ARGUMENTS = {"name": "mine", "dtype": "mixed_bfloat16"}

LAYERS = [
    Descriptor(
        keras_slots.SlotAttention,
        required={"num_slots": 3, "slot_size": 4, "mlp_hidden_size": 5},
        variants=(
            {
                **LAYER_ARGUMENTS,
                "num_slots": 2,
                "slot_size": 6,
                "num_iterations": 2,
                "mlp_hidden_size": 7,
                "epsilon": 1e-4,
                "aggregation": "weighted_sum_layer_norm",
                "softmax_axis": "inputs",
                "slot_initialization": "per_slot_gaussian",
                "update": "none",
                "use_layer_norm": False,
                "use_mlp": False,
                "temperature": 0.5,
                "epsilon_position": "denominator",
                "gradient": "bilevel",
                "num_heads": 2,
                "centers": SlotCenters(3, use_scales=True),
                "background_slot": True,
                "slot_communication": "self_attention",
                "kernel_initializer": keras.initializers.HeNormal(seed=1),
                "slots_initializer": keras.initializers.RandomNormal(seed=2),
                "seed": 3,
            },
            {"use_projections": False, "trainable": False},
        ),
        inputs={"inputs": draw(2, 9, 4), "initial_slots": draw(2, 3, 4)},
        shapes={"inputs": (None, None, 4), "initial_slots": (None, 3, 4)},
        weights=(18, 2),
    ),
    Descriptor(
        keras_slots.SlotAttention,
        required={
            "num_slots": 3,
            "slot_size": 4,
            "slot_communication": "self_attention",
        },
        variants=({**LAYER_ARGUMENTS, "slot_communication": "none"},),
        inputs={"inputs": draw(2, 9, 4), "initial_slots": draw(2, 3, 4)},
        shapes={"inputs": (None, None, 4), "initial_slots": (None, 3, 4)},
        weights=(28, 2),
        label="SlotAttention with communication",
    ),
    Descriptor(
        keras_slots.SoftPositionEmbed,
        variants=({**LAYER_ARGUMENTS, "num_frequencies": 2},),
        inputs={"inputs": draw(2, 5, 4, 3)},
        shapes={"inputs": (None, None, None, 3)},
        weights=(2, 0),
    ),
    Descriptor(
        SlotCenters,
        required={"num_frequencies": 2},
        variants=(
            {**LAYER_ARGUMENTS, "num_frequencies": 3, "use_scales": True},
        ),
        inputs={
            "updates": draw(2, 3, 4),
            "attention": abs(draw(2, 3, 9)),
            "positions": draw(9, 2, seed=1),
        },
        shapes={
            "updates": (None, 3, 4),
            "attention": (None, 3, 9),
            "positions": (9, 2),
        },
        weights=(5, 0),
        output_dtype="float32",
    ),
    Descriptor(
        keras_slots.layers.ConvEncoder,
        required={"filters": (4, 3), "mlp_sizes": (5, 4)},
        variants=(
            {
                **LAYER_ARGUMENTS,
                "filters": (4, 5, 6),
                "kernel_sizes": (3, 2, 1),
                "strides": (1, 2, 1),
                "mlp_sizes": (7,),
                "num_frequencies": 1,
            },
            {"use_position_embedding": False, "append_color": True},
        ),
        inputs={"inputs": draw(2, 6, 5, 3)},
        shapes={"inputs": (None, None, None, 3)},
        weights=(12, 0),
    ),
    Descriptor(
        keras_slots.SpatialBroadcastDecoder,
        required={"grid_size": (3, 4), "filters": (4, 3)},
        variants=(
            {
                **LAYER_ARGUMENTS,
                "grid_size": 5,
                "filters": (6, 5),
                "kernel_sizes": (3, 4),
                "strides": (1, 2),
                "output_channels": 1,
                "output_kernel_size": 5,
                "patch_size": 2,
                "output_size": (19, 18),
                "num_frequencies": 1,
                "center_frequencies": 3,
                "mask_falloff": 2.0,
                "background_slot": True,
                "mask_penalty": 0.1,
                "rematerialize": True,
            },
        ),
        inputs={"slots": draw(2, 3, 4)},
        shapes={"slots": (None, None, 4)},
        weights=(8, 0),
    ),
    Descriptor(
        keras_slots.layers.SlotMLP,
        required={
            "num_slots": 3,
            "slot_size": 4,
            "mlp_sizes": (6,),
            "slot_mlp_sizes": (5, 2),
            "map_size": 2,
        },
        variants=(
            {
                **LAYER_ARGUMENTS,
                "num_slots": 2,
                "slot_size": 5,
                "mlp_sizes": (6, 7),
                "slot_mlp_sizes": (),
                "map_size": 3,
            },
        ),
        inputs={"inputs": draw(2, 9, 4)},
        shapes={"inputs": (None, 9, 4)},
        weights=(8, 0),
    ),
    Descriptor(
        keras_slots.layers.PropertyHead,
        variants=(
            {
                **LAYER_ARGUMENTS,
                "num_features": 7,
                "hidden_size": 6,
                "coordinate_scale": 2.0,
                "center_frequencies": 3,
            },
        ),
        inputs={"slots": draw(2, 3, 4)},
        shapes={"slots": (None, None, 4)},
        weights=(4, 0),
        output_dtype="float32",
    ),
    Descriptor(
        keras_slots.layers.PropertyHead,
        required={"center_frequencies": 2},
        variants=(LAYER_ARGUMENTS,),
        inputs={"slots": draw(2, 3, 4), "centers": draw(2, 3, 2, seed=1)},
        shapes={"slots": (None, None, 4), "centers": (None, None, 2)},
        weights=(5, 0),
        output_dtype="float32",
        label="PropertyHead with centers",
    ),
]
