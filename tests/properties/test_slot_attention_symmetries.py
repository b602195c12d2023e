"""What must not change the slots: order, company, and what is left out."""

import numpy as np
from hypothesis import strategies as st

from keras_slots.layers import SlotCenters
from tests.properties.cases import cases
from tests.properties.draws import (
    SEEDS,
    assert_close,
    choices,
    numbers,
    order,
    run_finite,
)
from tests.properties.slot_attention_cases import Case, layers


def calm(all_iterations, **arguments):
    """Cases whose rounding stays small.

    Every iteration makes it larger, and a low temperature does at once.
    """
    return st.builds(
        Case,
        arguments=layers(
            num_slots=st.integers(1, 5),
            num_iterations=st.integers(1, 3),
            temperature=st.none(),
            epsilon=st.sampled_from((1e-8, 0.0, 1e-3)),
            kernel_initializer=st.just("glorot_uniform"),
            **arguments,
        ),
        seed=SEEDS,
        tokens=st.integers(1, 8),
        scores=st.just(True),
        all_iterations=all_iterations,
    )


CALM = calm(
    st.booleans(),
    centers=st.none(),
    background_slot=st.just(False),
)
# Slots with centers need the positions to be permuted along.
CENTERED = calm(
    st.just(False),
    # Without scales: where a slot attends to one token, rounding is larger.
    centers=st.builds(SlotCenters, st.integers(1, 2)),
)


def call(layer, case, tokens, start, **options):
    return layer(tokens, initial_slots=start, **case.make_options() | options)


@cases(5, case=CALM | CENTERED)
def test_the_order_of_tokens_moves_nothing_but_their_attention(case):
    layer, tokens, start = (
        case.make_layer(),
        case.make_tokens(),
        case.make_starts(),
    )
    moved = order(case.seed, case.tokens)
    options = case.make_options()
    if "positions" in options:
        options["positions"] = options["positions"][moved]
    slots, attention = call(layer, case, tokens, start)
    again, attention_again = call(
        layer, case, tokens[:, moved], start, **options
    )
    assert_close(again, slots)
    assert_close(attention_again, np.array(attention)[..., moved])


@cases(5, case=CALM)
def test_the_order_of_initial_slots_is_that_of_slots(case):
    layer, tokens, start = (
        case.make_layer(),
        case.make_tokens(),
        case.make_starts(),
    )
    moved = order(case.seed, case.slots)
    slots, attention = call(layer, case, tokens, start)
    again, attention_again = call(layer, case, tokens, start[:, moved])
    assert_close(again, np.array(slots)[..., moved, :])
    assert_close(attention_again, np.array(attention)[..., moved, :])


@cases(5, case=CALM | CENTERED, junk=st.sampled_from((np.nan, np.inf, 1e30)))
def test_masked_tokens_may_hold_anything(case, junk):
    """Neither outputs nor gradients see it."""
    layer, tokens, start = (
        case.make_layer(),
        case.make_tokens(),
        case.make_starts(),
    )
    mask = choices(case.seed, case.batch, case.tokens)
    spoilt = np.where(mask[..., None], tokens, junk).astype("float32")

    def run(tokens, start):
        return call(layer, case, tokens, start, mask=mask)

    weights = layer.trainable_weights
    expected = run_finite(run, [tokens, start], weights)
    assert_close(run_finite(run, [spoilt, start], weights), expected, 1e-6)


@cases(5, case=CALM | CENTERED, more=st.integers(1, 5))
def test_tokens_added_under_a_mask_change_nothing(case, more):
    """As where examples of several sizes are padded to the largest."""
    layer, tokens, start = (
        case.make_layer(),
        case.make_tokens(),
        case.make_starts(),
    )
    options = case.make_options()
    slots, attention = call(layer, case, tokens, start)
    rest = numbers(case.seed, case.batch, more, case.features)
    mask = np.arange(case.tokens + more) < case.tokens
    if "positions" in options:
        places = numbers(case.seed, more, 2).clip(-1, 1)
        options["positions"] = np.concatenate([options["positions"], places])
    options["mask"] = np.repeat(mask[None], case.batch, axis=0)
    padded = np.concatenate([tokens, rest], axis=1)
    again, attention_again = call(layer, case, padded, start, **options)
    assert_close(again, slots)
    assert_close(np.array(attention_again)[..., : case.tokens], attention)
    assert not np.any(np.array(attention_again)[..., case.tokens :])


@cases(5, case=CALM, more=st.integers(1, 3), junk=SEEDS)
def test_slots_added_under_a_mask_change_nothing(case, more, junk):
    layer, tokens, start = (
        case.make_layer(),
        case.make_tokens(),
        case.make_starts(),
    )
    slots, attention = call(layer, case, tokens, start)
    rest = numbers(junk, case.batch, more, case.arguments["slot_size"])
    mask = np.arange(case.slots + more) < case.slots
    again, attention_again = call(
        layer,
        case,
        tokens,
        np.concatenate([start, rest], axis=1),
        slot_mask=np.repeat(mask[None], case.batch, axis=0),
    )
    assert_close(np.array(again)[..., : case.slots, :], slots)
    assert_close(np.array(attention_again)[..., : case.slots, :], attention)
    assert not np.any(np.array(again)[..., case.slots :, :])


@cases(5, case=CALM | CENTERED, masked=st.booleans())
def test_a_batch_is_its_examples_one_by_one(case, masked):
    """And so further examples change nothing for those before them."""
    layer, tokens, start = (
        case.make_layer(),
        case.make_tokens(),
        case.make_starts(),
    )
    masks = {}
    if masked:
        masks["mask"] = choices(case.seed, case.batch, case.tokens)
        masks["slot_mask"] = choices(case.seed + 1, case.batch, case.slots)
    slots, attention = call(layer, case, tokens, start, **masks)
    for i in range(case.batch):
        one = slice(i, i + 1)
        own = {name: mask[one] for name, mask in masks.items()}
        alone = call(layer, case, tokens[one], start[one], **own)
        assert_close(alone[0], np.array(slots)[one])
        assert_close(alone[1], np.array(attention)[one])
