"""Random words, and the numbers that scenes are drawn with.

Raw words, because NumPy keeps their stream stable from version to version and
promises no such thing for its distributions. What is made of them here is part
of the definition of the scenes: another way would give other scenes for the
same seed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_HALF = np.uint64(32)


def stream_key(seed: int, *place: int) -> np.ndarray:
    """The key of a stream of words: one for each seed and place."""
    sequence = np.random.SeedSequence(seed, spawn_key=place)
    return sequence.generate_state(2, "uint64")


def raw_words(
    key: int | np.ndarray, count: int, counter: Sequence[int] = (0, 0, 0, 0)
) -> np.ndarray:
    """The first words of the stream of a key, from a counter on: (count,)."""
    return np.random.Philox(counter=counter, key=key).random_raw(count)


def halves(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two random numbers of 32 bits from each word: its low and high half."""
    return words & np.uint64(0xFFFFFFFF), words >> _HALF


def integers_below(bound: ArrayLike, numbers: np.ndarray) -> np.ndarray:
    """Integers from 0 on, below `bound`, of random numbers of 32 bits."""
    integers = numbers * np.asarray(bound, "uint64") >> _HALF
    return integers.astype("int64")


def unit(numbers: np.ndarray) -> np.ndarray:
    """Floats in [0, 1), of random numbers of 32 bits."""
    return numbers * 2.0**-32
