"""What watches and steers training: rates and measures, always finite."""

import numpy as np
from hypothesis import strategies as st

from keras_slots.callbacks import diagnose, measure_slots
from keras_slots.schedules import WarmupExponentialDecay
from tests.properties.cases import cases
from tests.properties.draws import SEEDS, order


@cases(
    12,
    rate=st.sampled_from((4e-4, 1e-8, 10.0)),
    warmup=st.integers(0, 10**5),
    decay=st.integers(1, 10**6),
    factor=st.sampled_from((0.5, 1.0, 1e-3, 1.5)),
    step=st.integers(0, 10**6),
)
def test_learning_rates(rate, warmup, decay, factor, step):
    factor = factor if step < 20 * decay else min(factor, 1.0)
    schedule = WarmupExponentialDecay(rate, warmup, decay, factor)
    rise = min(step / warmup, 1) if warmup else 1
    expected = rate * rise * factor ** (step / decay)
    np.testing.assert_allclose(schedule(step), expected, rtol=1e-4, atol=1e-30)
    same = WarmupExponentialDecay.from_config(schedule.get_config())
    assert np.array(same(step)) == np.array(schedule(step))


@cases(
    16,
    seed=SEEDS,
    batch=st.integers(2, 4),
    slots=st.integers(2, 6),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    sharpness=st.sampled_from((0.0, 1.0, 30.0, 1e3)),
    channel=st.booleans(),
)
def test_measures_are_numbers_in_their_range(
    seed, batch, slots, height, width, sharpness, channel
):
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.random((batch, slots, height, width))
    masks = np.exp(logits - logits.max(axis=1, keepdims=True))
    masks = masks / masks.sum(axis=1, keepdims=True)
    attention = masks.reshape(batch, slots, -1)
    given = masks[..., None] if channel else masks
    measures = measure_slots(given, attention)
    for name, value in measures.items():
        assert isinstance(value, float)
        largest = slots if name in ("effective_slots", "border_slots") else 1
        least = -1 if name == "place_bound" else 0
        assert least - 1e-5 <= value <= largest + 1e-4, name
    for finding in diagnose(measures):
        assert finding.observation and finding.remedy
    moved = order(seed, slots)
    again = measure_slots(given[:, moved], attention[:, moved])
    # Of equally large masks, the first has the pixel.
    if not sharpness:
        return
    # Orders of slots can agree with the first image equally well, but not
    # with each other.
    if batch > 2:
        del measures["place_bound"]
    for name, value in measures.items():
        np.testing.assert_allclose(again[name], value, atol=1e-4)
