"""Random words, and the random numbers made of them, to draw scenes with.

Words are raw because NumPy keeps their stream the same in all versions, but
does not promise this for its distributions. The functions here are part of the
definition of the scenes: other functions would give other scenes for the same
seed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_HALF = np.uint64(32)


def stream_key(seed: int, *place: int) -> np.ndarray:
    """Returns a stream's key: another for each seed and each place."""
    sequence = np.random.SeedSequence(seed, spawn_key=place)
    return sequence.generate_state(2, "uint64")


def raw_words(
    key: int | np.ndarray, count: int, counter: Sequence[int] = (0, 0, 0, 0)
) -> np.ndarray:
    """Returns the first words (count,) of a key's stream, from a counter on."""
    return np.random.Philox(counter=counter, key=key).random_raw(count)


def halves(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits words into two random numbers of 32 bits: low and high half."""
    return words & np.uint64(0xFFFFFFFF), words >> _HALF


def integers_below(bound: ArrayLike, numbers: np.ndarray) -> np.ndarray:
    """Maps random numbers of 32 bits to integers from 0 to `bound - 1`."""
    integers = numbers * np.asarray(bound, "uint64") >> _HALF
    return integers.astype("int64")


def unit(numbers: np.ndarray) -> np.ndarray:
    """Maps random numbers of 32 bits to floats in [0, 1)."""
    return numbers * 2.0**-32
