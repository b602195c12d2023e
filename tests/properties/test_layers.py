"""The other layers: right shapes, finite, and no slot or example sees another.

`SlotAttention` has files of its own.
"""

import inspect
from dataclasses import replace

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

import keras_slots
from keras_slots.layers import SlotAttention, SlotCenters, SpreadSlots
from tests.properties.cases import cases
from tests.properties.draws import (
    POLICIES,
    SCALES,
    SEEDS,
    assert_close,
    assert_is,
    numbers,
    order,
    run_finite,
)
from tests.properties.layer_cases import ANY_CASE, BY_CLASS, DECODERS


def test_every_layer_is_drawn():
    """A new one needs a strategy here."""
    public = {
        value
        for value in vars(keras_slots.layers).values()
        if inspect.isclass(value)
    }
    assert public - {SlotAttention, SlotCenters, SpreadSlots} == set(BY_CLASS)


@pytest.mark.parametrize("cls", BY_CLASS)
def test_every_argument_is_drawn(cls):
    drawn = set()

    @hypothesis.settings(max_examples=1, database=None, derandomize=True)
    @hypothesis.given(case=BY_CLASS[cls])
    def look(case):
        drawn.update(case.arguments)

    look()
    assert drawn == set(inspect.signature(cls).parameters) - {"kwargs"}


@cases(
    30,
    case=ANY_CASE,
    policy=st.sampled_from(tuple(POLICIES)),
    scale=SCALES,
    constant=st.booleans(),
)
def test_outputs_and_gradients_are_finite(case, policy, scale, constant):
    if policy == "mixed_float16" and scale > 100:
        scale = 30.0  # Products of larger ones are beyond it.
    layer, inputs = case.make_layer(policy), case.make_inputs(scale, constant)

    def call(*values):
        named = dict(zip(inputs, values, strict=True))
        return layer(**named, **case.make_mask())

    outputs = run_finite(call, [*inputs.values()], layer.trainable_weights)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    dtype = "float32" if case.exact else POLICIES[policy]
    for output, shape in zip(outputs, case.outputs, strict=True):
        assert_is(output, shape, dtype)
    for loss in layer.losses:
        assert np.isfinite(loss)


@cases(8, case=ANY_CASE)
def test_a_batch_is_its_examples_one_by_one(case):
    layer, inputs = case.make_layer(), case.make_inputs()
    inputs |= case.make_mask()
    outputs = keras.tree.flatten(layer(**inputs))
    for i in range(len(outputs[0])):
        one = {name: array[i : i + 1] for name, array in inputs.items()}
        assert_close(layer(**one), [np.array(x)[i : i + 1] for x in outputs])


@cases(6, case=DECODERS)
def test_the_order_of_slots_is_that_of_their_pictures(case):
    if case.arguments["background_slot"]:
        return  # The first one is another.
    layer, inputs = case.make_layer(), case.make_inputs()
    inputs |= case.make_mask()
    moved = order(case.seed, inputs["slots"].shape[1])
    image, *by_slot = layer(**inputs)
    inputs = {name: array[:, moved] for name, array in inputs.items()}
    again, *moved_by_slot = layer(**inputs)
    assert_close(again, image)
    assert_close(moved_by_slot, [np.array(x)[:, moved] for x in by_slot])


@cases(6, case=DECODERS, junk=st.sampled_from((np.nan, np.inf)))
def test_the_decoder_never_sees_masked_slots(case, junk):
    case = replace(case, slot_mask=case.inputs["slots"][:2])
    layer, inputs, mask = (
        case.make_layer(),
        case.make_inputs(),
        case.make_mask(),
    )
    image, _, masks = layer(**inputs, **mask)
    taken = mask["slot_mask"][..., None]
    spoilt = {n: np.where(taken, x, junk) for n, x in inputs.items()}
    spoilt = {n: x.astype("float32") for n, x in spoilt.items()}
    again, _, masks_again = layer(**spoilt, **mask)
    assert_close(again, image, 1e-6)
    assert_close(masks_again, masks, 1e-6)
    sums = np.array(masks).sum(axis=1)
    expected = mask["slot_mask"].any(axis=1).astype("float32")
    np.testing.assert_allclose(
        sums, np.broadcast_to(expected.reshape(-1, 1, 1, 1), sums.shape), 1e-5
    )


@cases(
    6,
    seed=SEEDS,
    slots=st.integers(1, 30),
    size=st.integers(3, 6),
    lead=st.sampled_from(((), (1,), (2,))),
    stddev=st.sampled_from((1.0, 0.0, 1e-3, 10.0)),
)
def test_spread_slots_start_apart_and_inside(seed, slots, size, lead, stddev):
    drawn = SpreadSlots(stddev, seed)((*lead, slots, size))
    assert_is(drawn, (*lead, slots, size), "float32")
    starts = np.tanh(np.array(drawn)[..., :2]).reshape(-1, slots, 2)[0]
    assert np.all(np.hypot(*starts.T) < 0.81)
    apart = np.hypot(*(starts[:, None] - starts).T) + 9 * np.eye(slots)
    assert apart.min() > 1 / slots**0.5
    again = SpreadSlots(stddev, seed)((*lead, slots, size))
    assert_close(again, drawn, 0)
    assert np.all(np.isfinite(np.array(drawn)))


@cases(
    6,
    seed=SEEDS,
    initializer=st.sampled_from(("shared_gaussian", "per_slot_gaussian")),
    slots=st.integers(1, 5),
    layer_seed=st.integers(0, 9),
)
def test_a_seed_gives_the_same_slots(seed, initializer, slots, layer_seed):
    tokens = numbers(seed, 2, 3, 4)
    one, other = (
        SlotAttention(
            slots, 4, slot_initialization=initializer, seed=layer_seed
        )
        for _ in "12"
    )
    one.build(tokens.shape)
    other.build(tokens.shape)
    other.set_weights(one.get_weights())
    for _ in "12":
        assert_close(one(tokens), other(tokens), 0)
