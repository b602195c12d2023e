"""`WarmupExponentialDecay` by its formula, and inside an optimizer."""

import math

import keras
import numpy as np
import pytest

from keras_slots.schedules import WarmupExponentialDecay
from tests.backends import EACH_JIT

PAPER = {
    "object discovery": (4e-4, 10_000, 100_000, 0.5),
    "set prediction": (4e-4, 1_000, 50_000, 0.5),
    "no warm-up": (1e-3, 0, 10, 0.9),
    "no decay": (1e-3, 10, 10, 1.0),
}


@pytest.mark.parametrize("settings", PAPER.values(), ids=PAPER.keys())
def test_formula(settings):
    rate, warmup_steps, decay_steps, decay_rate = settings
    schedule = WarmupExponentialDecay(*settings)
    for step in (0, 1, 7, 999, 1_000, 10_000, 123_456, 500_000):
        expected = rate * decay_rate ** (step / decay_steps)
        if step < warmup_steps:
            expected *= step / warmup_steps
        np.testing.assert_allclose(
            schedule(step), expected, rtol=1e-5, atol=1e-37
        )


def test_warm_up_starts_at_zero_and_decays_from_the_start():
    schedule = WarmupExponentialDecay(1.0, 10, 10, 0.5)
    assert float(schedule(0)) == 0.0
    np.testing.assert_allclose(schedule(5), 0.5 * math.sqrt(0.5), rtol=1e-6)
    np.testing.assert_allclose(schedule(10), 0.5, rtol=1e-6)


def test_without_warm_up_the_first_step_counts():
    assert float(WarmupExponentialDecay(0.5, 0, 10, 0.5)(0)) == 0.5


@EACH_JIT
def test_in_fit(jit_compile):
    keras.utils.set_random_seed(0)
    schedule = WarmupExponentialDecay(0.5, 4, 8, 0.5)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(
        keras.optimizers.SGD(schedule), loss="mse", jit_compile=jit_compile
    )
    x = np.zeros((1, 1))
    bias = 0.0
    for step in range(6):  # d(b - 1)^2 / db = 2 (b - 1)
        model.fit(x, np.ones((1, 1)), verbose=0)
        rate = 0.5 * min(step / 4, 1) * 0.5 ** (step / 8)
        bias -= rate * 2 * (bias - 1)
        np.testing.assert_allclose(
            model.get_weights()[1], [bias], rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", None])
@pytest.mark.parametrize(
    "name", ["learning_rate", "warmup_steps", "decay_steps", "decay_rate"]
)
def test_arguments_are_checked(name, value):
    settings = {
        "learning_rate": 1.0,
        "warmup_steps": 1,
        "decay_steps": 1,
        "decay_rate": 0.5,
        name: value,
    }
    with pytest.raises(
        ValueError, match=f"`{name}` must be .* Received: {name}"
    ):
        WarmupExponentialDecay(**settings)


@pytest.mark.parametrize("name", ["learning_rate", "decay_steps", "decay_rate"])
def test_zero_is_refused(name):
    settings = dict(
        learning_rate=1.0, warmup_steps=1, decay_steps=1, decay_rate=0.5
    )
    with pytest.raises(ValueError, match=f"`{name}` must be a positive number"):
        WarmupExponentialDecay(**{**settings, name: 0})
