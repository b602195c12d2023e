"""Any layer, any call: slots of the right shape, finite, or a clear error."""

import inspect

import pytest

from keras_slots import SlotAttention
from tests.properties.cases import cases
from tests.properties.draws import (
    POLICIES,
    assert_is,
    numbers,
    run_finite,
)
from tests.properties.slot_attention_cases import (
    ANY_ARGUMENTS,
    ANY_CASE,
    ARGUMENTS,
    fits,
)


def test_every_argument_is_drawn():
    """A new one needs a strategy here."""
    parameters = inspect.signature(SlotAttention).parameters
    assert set(ARGUMENTS) == set(parameters) - {"kwargs"}


@cases(30, case=ANY_CASE)
def test_slots_and_gradients_are_finite(case):
    layer, options = case.make_layer(), case.make_options()

    def call(tokens, start=None):
        return layer(tokens, initial_slots=start, **options)

    starts = [case.make_starts()] if case.starts else []
    outputs = run_finite(
        call, [case.make_tokens(), *starts], layer.trainable_weights
    )
    slots_shape, attention_shape = case.shapes()
    slots, *attention = outputs if case.scores else [outputs]
    assert_is(slots, slots_shape, POLICIES[case.policy])
    if case.scores:
        assert_is(attention[0], attention_shape, POLICIES[case.policy])


@cases(20, arguments=ANY_ARGUMENTS)
def test_arguments_fit_or_the_error_says_which_do_not(arguments):
    if fits(arguments):
        layer = SlotAttention(**arguments)
        assert layer.compute_output_shape((2, 7, arguments["slot_size"])) == (
            2,
            arguments["num_slots"],
            arguments["slot_size"],
        )
        return
    with pytest.raises(ValueError, match="Received: ") as error:
        SlotAttention(**arguments)(numbers(0, 2, 7, arguments["slot_size"]))
    named = str(error.value).partition("Received: ")[2]
    assert any(f"{name}=" in named for name in arguments)
