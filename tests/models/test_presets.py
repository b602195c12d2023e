"""The presets are what the supplement's tables say."""

import keras
import numpy as np
import pytest

from keras_slots.models import ObjectDiscovery, get_preset


def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(kernel_size, inputs, outputs):
    return kernel_size**2 * inputs * outputs + outputs


def weights_of_tables(encoder, decoder):
    """Numbers of weights, from the supplement alone.

    `encoder`: channels of table 3 or 4. `decoder`: the kernel sizes and
    channels of table 5 or 6.
    """
    count = conv(5, 3, encoder) + 3 * conv(5, encoder, encoder)
    count += dense(4, encoder)  # Positions.
    count += 2 * encoder  # Layer normalisation.
    count += 2 * dense(encoder, encoder)
    count += 2 * 64  # The Gaussian of the slots.
    count += 2 * encoder + 2 * 2 * 64  # Three layer normalisations.
    count += 64 * 64 + 2 * encoder * 64  # Queries; keys and values.
    count += 3 * (2 * 64 * 64 + 2 * 64)  # A GRU with two biases per gate.
    count += dense(64, 128) + dense(128, 64)
    count += dense(4, 64)  # Positions.
    channels = 64
    for kernel_size, filters in decoder:
        count += conv(kernel_size, channels, filters)
        channels = filters
    return count


TABLE_5 = [(5, 64)] * 5 + [(3, 4)]
TABLE_6 = [(5, 32)] * 3 + [(3, 4)]


@pytest.mark.parametrize(
    ("name", "size", "slots", "tokens", "encoder", "decoder"),
    [
        ("tetrominoes", 35, 4, 35**2, 32, TABLE_6),
        ("multi_dsprites", 64, 6, 64**2, 32, TABLE_6),
        ("clevr6", 128, 7, 128**2, 64, TABLE_5),
    ],
    ids=["tetrominoes", "multi_dsprites", "clevr6"],
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


@pytest.mark.parametrize("name", ["tetrominoes", "multi_dsprites", "clevr6"])
def test_presets_train_as_in_table_10(name):
    preset = get_preset(name)
    assert (preset.batch_size, preset.train_steps) == (64, 500_000)
    optimizer = preset.make_optimizer()
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.999)
    assert optimizer.epsilon == 1e-8
    schedule = optimizer._learning_rate
    assert schedule.get_config() == {
        "learning_rate": 4e-4,
        "warmup_steps": 10_000,
        "decay_steps": 100_000,
        "decay_rate": 0.5,
    }


def test_a_preset_can_be_used_many_times():
    models = [ObjectDiscovery.from_preset("tetrominoes_light") for _ in "12"]
    kernels = [model.encoder.convs[0].kernel for model in models]
    assert not np.allclose(*kernels)
    half = ObjectDiscovery.from_preset(
        "tetrominoes_light", dtype="mixed_bfloat16"
    )
    assert half.encoder.convs[0].compute_dtype == "bfloat16"


def test_an_unknown_preset():
    message = r"`name` must be one of 'tetrominoes', .* name='clevr7'"
    with pytest.raises(ValueError, match=message):
        ObjectDiscovery.from_preset("clevr7")
