"""The presets are what the supplement's tables say."""

import keras
import numpy as np
import pytest

from keras_slots.layers import ConvEncoder
from keras_slots.models import (
    DeepSetPrediction,
    ObjectDiscovery,
    SetPrediction,
    get_preset,
)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(kernel_size, inputs, outputs):
    return kernel_size**2 * inputs * outputs + outputs


def weights_of_tables(encoder, decoder):
    """Numbers of weights, from the supplement alone.

    `encoder`: channels of table 3 or 4. `decoder`: the kernel sizes and
    channels of table 5 or 6.
    """
    count = weights_up_to_the_slots(encoder)
    count += dense(4, 64)  # Positions.
    channels = 64
    for kernel_size, filters in decoder:
        count += conv(kernel_size, channels, filters)
        channels = filters
    return count


def weights_up_to_the_slots(encoder):
    """Encoder and Slot Attention, with the channels of table 3 or 4."""
    count = conv(5, 3, encoder) + 3 * conv(5, encoder, encoder)
    count += dense(4, encoder)  # Positions.
    count += 2 * encoder  # Layer normalization.
    count += 2 * dense(encoder, encoder)
    count += 2 * 64  # The Gaussian of the slots.
    count += 2 * encoder + 2 * 2 * 64  # Three layer normalizations.
    count += 64 * 64 + 2 * encoder * 64  # Queries; keys and values.
    count += 3 * (2 * 64 * 64 + 2 * 64)  # A GRU with two biases per gate.
    return count + dense(64, 128) + dense(128, 64)


TABLE_5 = [(5, 64)] * 5 + [(3, 4)]
TABLE_6 = [(5, 32)] * 3 + [(3, 4)]


@pytest.mark.parametrize(
    ("name", "size", "slots", "tokens", "encoder", "decoder"),
    [
        ("tetrominoes_paper", 35, 4, 35**2, 32, TABLE_6),
        ("multi_dsprites_paper", 64, 6, 64**2, 32, TABLE_6),
        ("clevr6", 128, 7, 128**2, 64, TABLE_5),
    ],
    ids=["tetrominoes_paper", "multi_dsprites_paper", "clevr6"],
)
def test_presets_are_the_tables(name, size, slots, tokens, encoder, decoder):
    model = ObjectDiscovery.from_preset(name)
    assert model.count_params() == weights_of_tables(encoder, decoder)
    outputs = model(keras.Input((size, size, 3)))
    assert {name: output.shape for name, output in outputs.items()} == {
        "reconstruction": (None, size, size, 3),
        "slot_reconstructions": (None, slots, size, size, 3),
        "masks": (None, slots, size, size, 1),
        "slots": (None, slots, 64),
        "attention": (None, slots, tokens),
    }


def test_clevr_properties_is_tables_3_and_7():
    model = SetPrediction.from_preset("clevr_properties")
    count = weights_up_to_the_slots(64)
    count += dense(64, 64) + dense(64, 19)  # Table 7.
    assert model.count_params() == count
    # The starred strides of table 3 halve the image twice.
    assert [conv.strides for conv in model.encoder.convs] == [
        (1, 1),
        (2, 2),
        (2, 2),
        (1, 1),
    ]
    image = keras.Input((128, 128, 3))
    predictions, attention = model(image, return_attention_scores=True)
    assert predictions.shape == (None, 10, 19)
    assert attention.shape == (None, 10, 32**2)


@pytest.mark.parametrize(
    ("name", "num_slots"), [("multi_dsprites", 6), ("clevr_scenes", 8)]
)
def test_light_object_discovery(name, num_slots):
    model = ObjectDiscovery.from_preset(name)
    outputs = model(keras.ops.zeros((1, 64, 64, 3)))
    assert outputs["reconstruction"].shape == (1, 64, 64, 3)
    assert outputs["masks"].shape == (1, num_slots, 64, 64, 1)
    assert outputs["attention"].shape == (1, num_slots, 16 * 16)
    for part in (model.slot_attention, model.decoder):
        assert part.background_slot
    assert model.pixel_noise == 0.2


def test_the_light_set_prediction():
    model = SetPrediction.from_preset("clevr_scenes_properties")
    image = keras.Input((64, 64, 3))
    predictions, attention = model(image, return_attention_scores=True)
    assert predictions.shape == (None, 6, 19)
    assert attention.shape == (None, 6, 16**2)
    assert model.count_params() < 300_000


@pytest.mark.parametrize(
    ("name", "batch_size", "train_steps", "warmup_steps", "decay_steps"),
    [
        ("tetrominoes_paper", 64, 500_000, 10_000, 100_000),
        ("multi_dsprites_paper", 64, 500_000, 10_000, 100_000),
        ("clevr6", 64, 500_000, 10_000, 100_000),
        ("clevr_properties", 512, 150_000, 1_000, 50_000),
    ],
)
def test_presets_train_as_in_table_10(
    name, batch_size, train_steps, warmup_steps, decay_steps
):
    preset = get_preset(name)
    assert (preset.batch_size, preset.train_steps) == (batch_size, train_steps)
    optimizer = preset.make_optimizer()
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.999)
    assert optimizer.epsilon == 1e-8
    schedule = optimizer._learning_rate
    assert schedule.get_config() == {
        "learning_rate": 4e-4,
        "warmup_steps": warmup_steps,
        "decay_steps": decay_steps,
        "decay_rate": 0.5,
    }


def test_a_preset_can_be_used_many_times():
    models = [
        ObjectDiscovery.from_preset("tetrominoes", load_weights=False)
        for _ in "12"
    ]
    kernels = [model.encoder.convs[0].kernel for model in models]
    assert not np.allclose(*kernels)
    half = ObjectDiscovery.from_preset("tetrominoes", dtype="mixed_bfloat16")
    assert half.encoder.convs[0].compute_dtype == "bfloat16"
    half = SetPrediction.from_preset(
        "clevr_scenes_properties", dtype="mixed_bfloat16"
    )
    for part in (half.encoder.convs[0], half.slot_attention, half.head.hidden):
        assert part.compute_dtype == "bfloat16"


def test_an_unknown_preset():
    message = r"`name` must be one of .*'tetrominoes', .* name='clevr7'"
    with pytest.raises(ValueError, match=message):
        ObjectDiscovery.from_preset("clevr7")


def test_a_preset_of_the_other_model():
    with pytest.raises(ValueError, match=r"Choose one of `SetPrediction`"):
        SetPrediction.from_preset("clevr6")
    with pytest.raises(ValueError, match=r"Choose one of `ObjectDiscovery`"):
        ObjectDiscovery.from_preset("clevr_properties")


def test_a_name_of_its_own():
    model = ObjectDiscovery.from_preset("tetrominoes", name="mine")
    assert model.name == "mine"


def test_a_part_of_your_own_takes_the_place_of_the_presets():
    encoder = ConvEncoder((4,), mlp_sizes=(4,))
    model = ObjectDiscovery.from_preset("tetrominoes", encoder=encoder)
    assert model.encoder is encoder
    assert DeepSetPrediction.from_preset(
        "clevr_scenes_properties", encoder=encoder
    )
