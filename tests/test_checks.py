"""Sizes: one for all, or one each."""

import numpy as np
import pytest

from keras_slots.checks import as_sizes, as_sizes_or_one, one_each


def test_lists_and_numpys_integers_become_tuples_of_int():
    for value in ([4, 8], (4, 8), [np.int64(4), np.int32(8)]):
        for sizes in (as_sizes("filters", value), as_sizes_or_one("s", value)):
            assert sizes == (4, 8)
            assert all(type(size) is int for size in sizes)


def test_a_single_size_is_repeated():
    assert as_sizes_or_one("strides", np.int64(3)) == 3
    assert one_each("strides", 3, 2) == (3, 3)
    assert one_each("strides", (1, 2), 2) == (1, 2)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (
            as_sizes,
            32,
            "`filters` must be a list or tuple of positive integers. "
            "Received: filters=32",
        ),
        (
            as_sizes,
            (32, 0),
            "`filters[1]` must be a positive integer. Received: filters[1]=0",
        ),
        (
            as_sizes_or_one,
            [True, 32],
            "`filters[0]` must be a positive integer. "
            "Received: filters[0]=True",
        ),
        (
            as_sizes_or_one,
            2.5,
            "`filters` must be a positive integer. Received: filters=2.5",
        ),
    ],
    ids=["no list", "an element", "a boolean", "no integer"],
)
def test_what_is_wrong_is_named(check, value, message):
    with pytest.raises(ValueError) as error:
        check("filters", value)
    assert str(error.value) == message


def test_another_number_of_sizes_is_named():
    with pytest.raises(ValueError) as error:
        one_each("strides", (1, 2, 1), 2)
    assert str(error.value) == (
        "`strides` must be an integer or have 2 entries. Received: "
        "strides=(1, 2, 1)"
    )
