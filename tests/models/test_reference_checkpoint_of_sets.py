"""A checkpoint of the authors' form, of set prediction."""

import pytest

from keras_slots import SlotAttention
from keras_slots.layers import ConvEncoder, PropertyHead
from keras_slots.models import (
    SetPrediction,
    load_reference_checkpoint,
    reference_checkpoint,
)
from tests.golden_weights import (
    FOLDER,
    assert_close,
    initial_slots,
    load_golden,
)
from tests.models.test_reference_checkpoint import assert_unchanged

# Of the authors' form, with the weights of `set_prediction_128.npz`.
SET_PREDICTION = FOLDER / "official_checkpoint_set_prediction"


def test_set_prediction_gives_the_golden_outputs():
    golden = load_golden("set_prediction_128")
    model = SetPrediction.from_preset("clevr_properties")
    load_reference_checkpoint(model, SET_PREDICTION)
    predictions = model(golden["image"], initial_slots=initial_slots(golden))
    assert_close(predictions, golden["outputs/predictions"])


@pytest.mark.parametrize(
    ("head", "parts"),
    [
        (
            {"hidden_size": 32},
            (
                "hidden/kernel` has shape (64, 32)",
                "mlp_classifier/layer_with_weights-0/kernel/",
                "in the checkpoint has shape (64, 64)",
            ),
        ),
        (
            {"num_features": 14},
            (
                "output_dense/kernel` has shape (64, 14)",
                "mlp_classifier/layer_with_weights-1/kernel/",
                "in the checkpoint has shape (64, 19)",
            ),
        ),
        ({"center_frequencies": 2}, ("place/kernel", "(10, 64)")),
    ],
    ids=["hidden", "features", "centers"],
)
def test_another_head_changes_nothing(head, parts):
    slots = SlotAttention(10, 64)
    model = SetPrediction(ConvEncoder(), slots, PropertyHead(**head))
    model.build((None, 8, 8, 3))
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        load_reference_checkpoint(model, SET_PREDICTION)
    for part in parts:
        assert part in str(error.value)
    assert_unchanged(model, before)


def test_a_damaged_checkpoint_changes_nothing(monkeypatch):
    model = SetPrediction.from_preset("clevr_properties")
    before = model.get_weights()
    reader, names = reference_checkpoint._open(SET_PREDICTION), []

    class FailsAtLast:
        get_variable_to_shape_map = reader.get_variable_to_shape_map

        def get_tensor(self, name):
            names.append(name)
            if len(names) == len(before):
                raise OSError("a bad block")
            return reader.get_tensor(name)

    monkeypatch.setattr(reference_checkpoint, "_open", lambda _: FailsAtLast())
    with pytest.raises(ValueError, match="damaged: a bad block"):
        load_reference_checkpoint(model, SET_PREDICTION)
    assert_unchanged(model, before)
