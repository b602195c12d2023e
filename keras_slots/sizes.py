"""Sizes given as an integer for all, or as one integer each."""

from collections.abc import Sequence
from typing import TypeAlias

from keras_slots.checks import as_tuple, check_integer

Sizes: TypeAlias = int | Sequence[int]


def as_sizes(name: str, value: Sequence[int]) -> tuple[int, ...]:
    """Any sequence of positive integers as a tuple, else a `ValueError`."""
    sizes = as_tuple(name, value, "positive integers")
    return tuple(
        check_integer(f"{name}[{index}]", size)
        for index, size in enumerate(sizes)
    )


def as_sizes_or_one(name: str, value) -> int | tuple[int, ...]:
    """As `as_sizes`, but a single integer stays as it is."""
    if isinstance(value, (list, tuple)):
        return as_sizes(name, value)
    return check_integer(name, value)


def one_each(name: str, value: Sizes, count: int) -> tuple[int, ...]:
    """`count` integers: a single one repeated, or exactly as many given."""
    sizes = (value,) * count if isinstance(value, int) else tuple(value)
    if len(sizes) != count:
        raise ValueError(
            f"`{name}` must be an integer or have {count} entries. "
            f"Received: {name}={value!r}"
        )
    return sizes
