"""Checks of arguments: a bad value gets a clear error immediately."""

import numbers
import operator
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from keras import ops

from keras_slots.types import Tensor


def as_integer(name: str, value, minimum: int = 1) -> int:
    """Returns `value` as an `int` if it is an integer of at least `minimum`.

    Args:
        name: String. The argument's name, for the message.
        value: The value; NumPy's integers count as integers.
        minimum: Integer. `0` or `1`, the default.

    Returns:
        `value` as an `int`.

    Raises:
        ValueError: If `value` is not an integer or is too small.
    """
    try:
        integer = operator.index(value)
    except TypeError:
        integer = minimum - 1
    if isinstance(value, bool) or integer < minimum:
        kind = "positive" if minimum else "non-negative"
        raise ValueError(
            f"`{name}` must be a {kind} integer. Received: {name}={value!r}"
        )
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


def as_seed(value) -> int | None:
    """Returns `value`; raises a `ValueError` unless an integer or `None`."""
    integer = isinstance(value, numbers.Integral)
    if value is not None and (isinstance(value, bool) or not integer):
        raise ValueError(
            f"`seed` must be an integer or `None`. Received: seed={value!r}"
        )
    return None if value is None else operator.index(value)


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
    """Raises a `ValueError` unless `shape` has one entry per letter of axes.

    `axes` is written as in the documentation, for example `"(B, N, D)"`, or
    `"(..., K, D)"` if any number of axes may come first.
    """
    letters = axes.count(",") + 1
    if axes.startswith("(..."):
        fits = shape is not None and len(shape) >= letters - 1
    else:
        fits = shape is not None and len(shape) == letters
    if not fits:
        shape = shape if shape is None else tuple(shape)
        raise ValueError(
            f"`{name}` must have shape {axes}. Received: {name}.shape={shape}"
        )


def check_size(name: str, shape, axis: int, expected: int | None) -> None:
    """Raises a `ValueError` if a known size is not the expected one."""
    size = shape[axis]
    if size is not None and expected is not None and size != expected:
        raise ValueError(
            f"`{name}` must have size {expected} on axis {axis}. "
            f"Received: {name}.shape={tuple(shape)}"
        )


def check_floats(name: str, value) -> None:
    """Raises a `ValueError` unless a tensor holds floats."""
    dtype = ops.dtype(value)
    if "float" not in dtype:
        raise ValueError(
            f"`{name}` must hold floats. Convert images with integers from 0 "
            f"to 255 by `x / 127.5 - 1`. Received: {name}.dtype={dtype}"
        )


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


def check_set_shapes(true_shape, pred_shape) -> None:
    """Raises a `ValueError` unless both are `(B, n, d)`, with the same B."""
    for name, set_size, shape in (
        ("y_true", "num_targets", true_shape),
        ("y_pred", "num_predictions", pred_shape),
    ):
        check_rank(name, shape, f"(batch_size, {set_size}, num_features)")
    check_same("batch size", 0, true_shape, pred_shape)


def check_same(what: str, axis: int, true_shape, pred_shape) -> None:
    """Raises a `ValueError` if both sizes are known and differ."""
    sizes = true_shape[axis], pred_shape[axis]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            f"`y_true` and `y_pred` must have the same {what}. "
            f"Received: y_true.shape={true_shape}, y_pred.shape={pred_shape}"
        )


def as_tensor(name: str, value, dtype: str | None = None) -> Tensor:
    """Converts `value` to a tensor of numbers; else raises a `ValueError`."""
    try:
        tensor = ops.convert_to_tensor(value)
        if "string" in str(tensor.dtype):
            raise TypeError("It holds text.")
        return tensor if dtype is None else ops.cast(tensor, dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"`{name}` must be a tensor, or numbers in the form of a tensor. "
            f"Received: {name} of type {type(value).__name__}"
        ) from error


def as_array(name: str, value) -> np.ndarray:
    """Converts `value` to a float32 array; else raises a `ValueError`."""
    # NumPy hardly supports bfloat16.
    return ops.convert_to_numpy(as_tensor(name, value, "float32"))
