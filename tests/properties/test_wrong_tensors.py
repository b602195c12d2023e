"""What is no tensor, or has another rank: an error that names the argument."""

import numpy as np
import pytest
from hypothesis import strategies as st

import keras_slots
from keras_slots import (
    SlotAttention,
    SoftPositionEmbed,
    callbacks,
    losses,
    metrics,
    models,
)
from keras_slots import SpatialBroadcastDecoder as Decoder
from keras_slots import visualization as pictures
from keras_slots.layers import ConvEncoder, PropertyHead, SlotCenters, SlotMLP
from tests.properties.cases import cases
from tests.properties.draws import numbers
from tests.properties.slot_attention_cases import ANY_CASE
from tests.properties.wrong_values import (
    NO_INTEGERS,
    NO_PATHS,
    NO_POSITIVE_INTEGERS,
    NO_TENSORS,
    check_each,
    each_argument,
)

TENSOR = (NO_TENSORS, ())
OPTIONAL = (NO_TENSORS, ("None",))
# TensorFlow has an error of its own for text as numbers.
DRAWN = (NO_TENSORS, ("string",))
MAYBE_DRAWN = (NO_TENSORS, ("None", "string"))
COUNT = (NO_POSITIVE_INTEGERS, ())
IMAGES = numbers(0, 2, 4, 4, 3)
TOKENS, SLOTS = numbers(0, 2, 4, 4), numbers(0, 2, 3, 4)
SETS = {
    "y_true": abs(numbers(0, 2, 3, 19)),
    "y_pred": abs(numbers(1, 2, 3, 19)),
}
ALL_TRUE = {"mask": np.ones((2, 4), bool), "slot_mask": np.ones((2, 3), bool)}
LABELS = {
    "mask": np.zeros((2, 4, 4), "int32"),
    "masks": abs(numbers(0, 2, 3, 4, 4, 1)),
}
PLACES = {"centers": numbers(0, 2, 3, 2), "scales": abs(numbers(0, 2, 3, 2))}
OUTPUTS = {
    "reconstruction": IMAGES,
    "slot_reconstructions": numbers(0, 2, 3, 4, 4, 3),
    "masks": LABELS["masks"],
}
ATTENTION = abs(numbers(0, 2, 3, 16))


def make_discovery():
    model = models.ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)), SlotAttention(3, 4), Decoder(4, (4,))
    )
    model.build((None, 4, 4, 3))
    return model


def make_prediction():
    model = models.SetPrediction(
        ConvEncoder((4,), mlp_sizes=(4,)), SlotAttention(3, 4), PropertyHead(5)
    )
    model.build((None, 4, 4, 3))
    return model


def make_deep_prediction():
    model = models.DeepSetPrediction(
        ConvEncoder((4,), mlp_sizes=(4,)), 3, 4, 2, latent_size=5, hidden_size=5
    )
    model.build((None, 4, 4, 3))
    return model


LAYERS = {
    "SlotAttention": (
        lambda: SlotAttention(3, 4),
        {"inputs": TOKENS, "initial_slots": SLOTS, **ALL_TRUE},
        {
            "inputs": TENSOR,
            "initial_slots": OPTIONAL,
            "mask": OPTIONAL,
            "slot_mask": OPTIONAL,
        },
    ),
    "SlotAttention with centers": (
        lambda: SlotAttention(3, 4, centers=SlotCenters(2)),
        {"inputs": TOKENS, "positions": numbers(0, 4, 2)},
        {"positions": TENSOR},
    ),
    "SoftPositionEmbed": (
        SoftPositionEmbed,
        {"inputs": IMAGES},
        {"inputs": TENSOR},
    ),
    "ConvEncoder": (
        lambda: ConvEncoder((4,), mlp_sizes=(4,)),
        {"inputs": IMAGES},
        {"inputs": TENSOR},
    ),
    "SpatialBroadcastDecoder": (
        lambda: Decoder(4, (4,)),
        {"slots": SLOTS, "slot_mask": ALL_TRUE["slot_mask"]},
        {"slots": TENSOR, "slot_mask": OPTIONAL},
    ),
    "SpatialBroadcastDecoder with centers": (
        lambda: Decoder(4, (4,), center_frequencies=2),
        {"slots": SLOTS, **PLACES},
        {"slots": TENSOR, "centers": TENSOR, "scales": OPTIONAL},
    ),
    "PropertyHead": (
        lambda: PropertyHead(5),
        {"slots": SLOTS},
        {"slots": (NO_TENSORS, ("tensor of rank 7",))},
    ),
    "PropertyHead with centers": (
        lambda: PropertyHead(5, center_frequencies=2),
        {"slots": SLOTS, "centers": PLACES["centers"]},
        {"centers": TENSOR},
    ),
    "SlotMLP": (
        lambda: SlotMLP(3, 4, (4,), map_size=2),
        {"inputs": TOKENS},
        {"inputs": TENSOR},
    ),
    "ObjectDiscovery": (
        make_discovery,
        {"image": IMAGES, "initial_slots": SLOTS},
        {"image": TENSOR, "initial_slots": OPTIONAL},
    ),
    "ObjectDiscovery.encode": (
        lambda: make_discovery().encode,
        {"image": IMAGES},
        {"image": TENSOR},
    ),
    "ObjectDiscovery.decode": (
        lambda: make_discovery().decode,
        {"slots": SLOTS},
        {"slots": TENSOR},
    ),
    "SetPrediction": (
        make_prediction,
        {"image": IMAGES, "initial_slots": SLOTS},
        {"image": TENSOR, "initial_slots": OPTIONAL},
    ),
    "DeepSetPrediction": (
        make_deep_prediction,
        {"image": IMAGES, "initial_set": SLOTS},
        {"image": TENSOR, "initial_set": OPTIONAL},
    ),
}


def functions_of(good, *functions):
    """All of whose arguments are tensors."""
    return {
        function.__name__: (
            lambda function=function: function,
            good,
            {name: TENSOR for name in good},
        )
        for function in functions
    }


FUNCTIONS = {
    **functions_of(
        SETS, losses.hungarian_huber, losses.hungarian_cross_entropy
    ),
    **functions_of(SETS, metrics.set_average_precision),
    **functions_of(
        LABELS,
        metrics.adjusted_rand_index,
        metrics.mask_iou,
        metrics.mean_best_overlap,
    ),
    **functions_of(
        {"cost": numbers(0, 2, 3, 4)}, keras_slots.ops.linear_sum_assignment
    ),
    "measure_slots": (
        lambda: callbacks.measure_slots,
        {"masks": LABELS["masks"], "attention": ATTENTION},
        {"masks": DRAWN, "attention": MAYBE_DRAWN},
    ),
    "SlotPictures": (
        lambda: callbacks.SlotPictures,
        {"images": IMAGES, "log_dir": "logs", "every": 1},
        {"images": TENSOR, "log_dir": (NO_PATHS, ()), "every": COUNT},
    ),
    "SlotDiagnosis": (
        lambda: callbacks.SlotDiagnosis,
        {"images": IMAGES},
        # Batches are what it asks for.
        {"images": (NO_TENSORS, ("dataset",))},
    ),
    "plot_slots": (
        lambda: pictures.plot_slots,
        {"images": IMAGES, "outputs": OUTPUTS, "mask": LABELS["mask"]},
        {
            "images": DRAWN,
            "mask": OPTIONAL,
            "path": (NO_PATHS, ("None",)),
            "num_scenes": COUNT,
        },
    ),
    "plot_scene": (
        lambda: pictures.plot_scene,
        {"images": IMAGES, "outputs": OUTPUTS, "mask": LABELS["mask"]},
        {
            "images": DRAWN,
            "mask": OPTIONAL,
            "index": (NO_INTEGERS, ()),
        },
    ),
    "plot_attention": (
        lambda: pictures.plot_attention,
        {"images": IMAGES, "attention": ATTENTION},
        {
            "images": DRAWN,
            "attention": DRAWN,
            "grid_size": (NO_PATHS, ("None",)),
        },
    ),
    "plot_set_prediction": (
        lambda: pictures.plot_set_prediction,
        {"images": IMAGES, "predictions": SETS["y_pred"]},
        {
            "images": DRAWN,
            "predictions": DRAWN,
            "targets": MAYBE_DRAWN,
            "attention": MAYBE_DRAWN,
        },
    ),
}


@each_argument(LAYERS)
def test_layers_and_models(make, good, name, wrong, but):
    check_each(make(), good, name, wrong, but)


@each_argument(FUNCTIONS)
def test_functions_and_callbacks(make, good, name, wrong, but):
    check_each(make(), good, name, wrong, but)


@pytest.mark.parametrize(
    "path", ["picture", "picture.nonsense"], ids=["no ending", "unknown"]
)
@pytest.mark.parametrize("plot", [pictures.plot_slots, pictures.plot_scene])
def test_the_ending_of_a_picture_says_how_to_save_it(plot, path, tmp_path):
    """And where it does not, no half picture is left."""
    with pytest.raises(ValueError, match=r"`path`.*Received: "):
        plot(IMAGES, OUTPUTS, tmp_path / path)
    assert not [*tmp_path.iterdir()]


NAMES = ("inputs", "initial_slots", "mask", "slot_mask", "positions")


@cases(
    15,
    case=ANY_CASE,
    name=st.sampled_from(NAMES),
    axis=st.integers(0, 2),
    change=st.sampled_from(("longer", "one axis less", "one axis more")),
)
def test_no_slots_of_tensors_of_other_shapes(case, name, axis, change):
    """Every tensor of a call fits the others, or the error names it."""
    layer = case.make_layer()
    case.masked = case.slots_masked = True
    tensors = {
        "inputs": case.make_tokens(),
        "initial_slots": case.make_starts(),
        **case.make_options(),
    }
    tensor = tensors.get(name)
    if tensor is None:  # Without centers: positions are one too many.
        tensors[name] = numbers(case.seed, case.tokens, 2)
    elif change == "longer":
        axis = min(axis, tensor.ndim - 1)
        tensors[name] = np.concatenate([tensor, tensor], axis)
    else:
        less = change == "one axis less"
        tensors[name] = tensor[0] if less else tensor[None]
    with pytest.raises(ValueError, match=r"Received: |received") as error:
        layer(tensors.pop("inputs"), **tensors)
    # Of two that do not fit, one is named: or the number of slots.
    names = (*NAMES, "Input 0 with name")
    assert any(each in str(error.value) for each in names)
