"""Numbers from raw words, against Python's integers and NumPy's streams."""

import numpy as np

from keras_slots.datasets.generated.random_words import (
    halves,
    integers_below,
    raw_words,
    stream_key,
    unit,
)

LARGEST = 2**32 - 1
WORDS = np.array([0, 1, 2**32, 2**63 + 5, 2**64 - 1], "uint64")

# Of seed 0 and place 1, from the counter (0, 5, 3, 0) on.
GOLDEN = [16215681600703253859, 4588099433460984747]


def test_streams_are_numpys_of_the_seed_and_place():
    sequence = np.random.SeedSequence(7, spawn_key=(2, 30))
    expected = np.random.Philox(sequence).random_raw(9)
    np.testing.assert_array_equal(raw_words(stream_key(7, 2, 30), 9), expected)
    for other in (stream_key(8, 2, 30), stream_key(7, 30, 2), stream_key(7)):
        assert not np.isin(raw_words(other, 9), expected).any()


def test_words_stay_as_they_are_from_release_to_release():
    words = raw_words(stream_key(0, 1), 2, (0, 5, 3, 0))
    assert words.tolist() == GOLDEN


def test_halves_are_those_of_pythons_integers():
    low, high = halves(WORDS)
    assert low.tolist() == [int(word) % 2**32 for word in WORDS]
    assert high.tolist() == [int(word) >> 32 for word in WORDS]


def test_integers_are_below_their_bounds():
    numbers = np.array([[0, 2**31, LARGEST], [1, 3**20, LARGEST]], "uint64")
    bounds = [1, 19, 2**32]
    integers = integers_below(bounds, numbers)
    assert integers.dtype == "int64"
    assert integers.tolist() == [
        [int(n) * bound >> 32 for n, bound in zip(row, bounds, strict=True)]
        for row in numbers
    ]
    ends = np.array([0, LARGEST], "uint64")
    assert integers_below(6, ends).tolist() == [0, 5]


def test_unit_numbers_are_below_one():
    numbers = np.array([0, 2**31, LARGEST], "uint64")
    assert unit(numbers).tolist() == [0.0, 0.5, 1.0 - 2.0**-32]
