"""Checks of arguments: a bad value gets a clear error immediately."""

import numbers
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from keras import ops

from keras_slots.types import Tensor


def as_integer(name: str, value, minimum: int = 1) -> int:
    """Returns an integer of at least `minimum` as an `int`.

    Otherwise raises a `ValueError`. NumPy's integers count as integers.
    """
    try:
        integer = operator.index(value)
    except TypeError:
        integer = minimum - 1
    if isinstance(value, bool) or integer < minimum:
        kinds = {0: "a non-negative integer", 1: "a positive integer"}
        kind = kinds.get(minimum, f"an integer of at least {minimum}")
        raise ValueError(f"`{name}` must be {kind}. Received: {name}={value!r}")
    return integer


def as_integer_or_none(name: str, value) -> int | None:
    """Works like `as_integer`, but also accepts `None`."""
    return None if value is None else as_integer(name, value)


def as_number(name: str, value, above: bool = False) -> float:
    """Returns `value` as a `float` if it is a finite number of at least 0.

    Otherwise raises a `ValueError`. With `above=True` it must be above 0.
    NumPy's numbers count as numbers.
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not (value > 0 if above else value >= 0) or value > 1e30:
        kind = "positive" if above else "non-negative"
        raise ValueError(
            f"`{name}` must be a {kind} number. Received: {name}={value!r}"
        )
    return float(value)


def as_number_or_none(name: str, value) -> float | None:
    """Works like `as_number(above=True)`, but also accepts `None`."""
    return None if value is None else as_number(name, value, above=True)


def as_tuple(name: str, values, what: str) -> tuple:
    """Converts a list or tuple to a tuple; else raises a `ValueError`."""
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"`{name}` must be a list or tuple of {what}. "
            f"Received: {name}={values!r}"
        )
    return tuple(values)


def check_option(name: str, value, options: Iterable[str]) -> None:
    """Raises a `ValueError` unless `value` is one of `options`."""
    # Some values, such as arrays and lists, cannot be compared or looked up.
    if not isinstance(value, str) or value not in options:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, options))}. "
            f"Received: {name}={value!r}"
        )


def check_tensor(name: str, value, axes: str) -> None:
    """Raises a `ValueError` unless `value` is a tensor with these axes.

    The message names the type of a value without a shape, such as a list.
    """
    if getattr(value, "shape", None) is None:
        raise ValueError(
            f"`{name}` must be a tensor of shape {axes}. "
            f"Received: {name} of type {type(value).__name__}"
        )
    check_rank(name, value.shape, axes)


def check_rank(name: str, shape, axes: str) -> None:
    """Raises a `ValueError` unless `shape` has one entry per letter of axes."""
    if shape is None or len(shape) != len(axes.split(",")):
        shape = shape if shape is None else tuple(shape)
        raise ValueError(
            f"`{name}` must have shape {axes}. Received: {name}.shape={shape}"
        )


def check_shapes(
    tensors: Mapping[str, tuple[Tensor | None, str]], **sizes: int | None
) -> dict[str, int]:
    """Raises a `ValueError` unless the shapes of tensors fit together.

    Args:
        tensors: Dict from names to a tensor, or `None` for a tensor that is
            left out, and its axes as in the documentation, for example
            `"(B, N, 2)"`. A letter is the same size in all tensors.
        **sizes: Sizes of letters that are already known.

    Returns:
        The known sizes of all letters.
    """
    known = {letter: size for letter, size in sizes.items() if size is not None}
    for name, (tensor, axes) in tensors.items():
        if tensor is None:
            continue
        check_tensor(name, tensor, axes)
        shape, letters = tuple(tensor.shape), axes[1:-1].split(", ")
        expected = tuple(
            int(letter) if letter.isdigit() else known.get(letter, size)
            for letter, size in zip(letters, shape, strict=True)
        )
        pairs = zip(shape, expected, strict=True)
        if any(size not in (None, other) for size, other in pairs):
            raise ValueError(
                f"`{name}` must have shape {axes}, here {expected}. "
                f"Received: {name}.shape={shape}"
            )
        found = zip(letters, shape, strict=True)
        known |= {letter: size for letter, size in found if size is not None}
    return known


def check_together(**arguments) -> None:
    """Raises a `ValueError` if some arguments are `None`, and others not."""
    if len({value is None for value in arguments.values()}) > 1:
        names = " and ".join(f"`{name}`" for name in arguments)
        received = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
        raise ValueError(f"{names} go together. Received: {received}")


def check_sample_weight(value) -> None:
    """Raises a `ValueError` unless it is `None` or has a weight per example."""
    if value is None:
        return
    shape = tuple(ops.convert_to_tensor(value).shape)
    if len(shape) > 1 and shape[1:] != (1,):
        raise ValueError(
            "`sample_weight` must be one number for each example, (B,) or "
            f"(B, 1). Received: sample_weight.shape={shape}"
        )


def as_folder(path) -> Path:
    """Returns `path`; raises a `FileNotFoundError` if its folder is missing."""
    path = Path(os.fspath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            "`path` must lie in a folder that exists. "
            f"Received: path={str(path)!r}"
        )
    return path


Sizes: TypeAlias = int | Sequence[int]


def as_sizes(name: str, value: Sequence[int]) -> tuple[int, ...]:
    """Converts positive integers to a tuple; else raises a `ValueError`."""
    sizes = as_tuple(name, value, "positive integers")
    return tuple(
        as_integer(f"{name}[{index}]", size) for index, size in enumerate(sizes)
    )


def as_sizes_or_one(name: str, value) -> int | tuple[int, ...]:
    """Works like `as_sizes`, but returns a single integer unchanged."""
    if isinstance(value, (list, tuple)):
        return as_sizes(name, value)
    return as_integer(name, value)


def one_each(name: str, value: Sizes, count: int) -> tuple[int, ...]:
    """Returns `count` integers: repeats an integer, or checks the number."""
    sizes = (value,) * count if isinstance(value, int) else tuple(value)
    if len(sizes) != count:
        raise ValueError(
            f"`{name}` must be an integer or have {count} entries. "
            f"Received: {name}={value!r}"
        )
    return sizes
