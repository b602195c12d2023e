"""same_noise: what draws in between leaves training's noise alone."""

import keras
import numpy as np
import pytest

from keras_slots.callbacks.same_noise import same_noise


def make_model():
    layers = [keras.layers.GaussianNoise(0.5, seed=seed) for seed in (3, 4)]
    return keras.Sequential([keras.Input((2,)), *layers])


def states(model):
    return [
        keras.ops.convert_to_numpy(variable).tolist()
        for variable in model.variables
        if variable.name == "seed_generator_state"
    ]


def test_noise_is_put_back_after_an_error():
    model = make_model()
    model(np.ones((1, 2)), training=True)
    before = states(model)
    with pytest.raises(RuntimeError), same_noise(model):
        assert states(model) == [[3, 0], [4, 0]] != before
        raise RuntimeError
    assert states(model) == before
