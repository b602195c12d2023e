"""Checks of arguments: a bad value gets a clear error, and at once."""

import numbers
import operator
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from keras import ops

from keras_slots.types import Tensor


def check_integer(name: str, value, minimum: int = 1) -> int:
    """Gives `value` as an `int` if it is one and at least `minimum`.

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


def check_integer_or_none(name: str, value) -> int | None:
    """As `check_integer` from 1 on, and `None` is right, too."""
    return None if value is None else check_integer(name, value)


def check_number(name: str, value, above: bool = False) -> float:
    """Gives `value` as a `float` if it is a finite number from 0 on.

    Else a `ValueError`. With `above=True` it must be above 0; NumPy's numbers
    count as numbers.
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not (value > 0 if above else value >= 0) or value > 1e30:
        kind = "positive" if above else "non-negative"
        raise ValueError(
            f"`{name}` must be a {kind} number. Received: {name}={value!r}"
        )
    return float(value)


def check_number_or_none(name: str, value) -> float | None:
    """As `check_number` above 0, and `None` is right, too."""
    return None if value is None else check_number(name, value, above=True)


def check_seed(value) -> int | None:
    """Gives `value` if it is an integer or `None`, else a `ValueError`."""
    integer = isinstance(value, numbers.Integral)
    if value is not None and (isinstance(value, bool) or not integer):
        raise ValueError(
            f"`seed` must be an integer or `None`. Received: seed={value!r}"
        )
    return None if value is None else operator.index(value)


def as_tuple(name: str, values, what: str) -> tuple:
    """Any list or tuple as a tuple, else a `ValueError` that says of what."""
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"`{name}` must be a list or tuple of {what}. "
            f"Received: {name}={values!r}"
        )
    return tuple(values)


def check_option(name: str, value, options: Iterable[str]) -> None:
    """Raises a `ValueError` unless `value` is one of `options`."""
    # Not every value can be compared or looked up: an array, a list.
    if not isinstance(value, str) or value not in options:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, options))}. "
            f"Received: {name}={value!r}"
        )


def check_tensor(name: str, value, axes: str) -> None:
    """Raises a `ValueError` unless `value` is a tensor with these axes.

    What has no shape is named by its type: a list or a dataset is long.
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
    `"(..., K, D)"` where any number of axes may come before.
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
    """Raises a `ValueError` unless a tensor is one of floats."""
    dtype = ops.dtype(value)
    if "float" not in dtype:
        raise ValueError(
            f"`{name}` must hold floats. Images with integers from 0 to 255 "
            f"become such by `x / 127.5 - 1`. Received: {name}.dtype={dtype}"
        )


def check_sample_weight(value) -> None:
    """Raises a `ValueError` unless there is one for each example, or `None`."""
    if value is None:
        return
    shape = tuple(ops.convert_to_tensor(value).shape)
    if len(shape) > 1 and shape[1:] != (1,):
        raise ValueError(
            "`sample_weight` must be one number for each example, (B,) or "
            f"(B, 1). Received: sample_weight.shape={shape}"
        )


def check_folder(path) -> Path:
    """Gives `path` if its folder exists, else a `FileNotFoundError`."""
    path = Path(os.fspath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            "`path` must lie in a folder that exists. "
            f"Received: path={str(path)!r}"
        )
    return path


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


def check_set_shapes(true_shape, pred_shape) -> None:
    """Raises a `ValueError` unless both are `(B, n, d)`, with the same B."""
    for name, set_size, shape in (
        ("y_true", "num_targets", true_shape),
        ("y_pred", "num_predictions", pred_shape),
    ):
        check_rank(name, shape, f"(batch_size, {set_size}, num_features)")
    check_same("batch size", 0, true_shape, pred_shape)


def check_same(what: str, axis: int, true_shape, pred_shape) -> None:
    """Raises a `ValueError` if both have a known size there, and another."""
    sizes = true_shape[axis], pred_shape[axis]
    if None not in sizes and sizes[0] != sizes[1]:
        raise ValueError(
            f"`y_true` and `y_pred` must have the same {what}. "
            f"Received: y_true.shape={true_shape}, y_pred.shape={pred_shape}"
        )


def as_tensor(name: str, value, dtype: str | None = None) -> Tensor:
    """`value` as a tensor of numbers, else a `ValueError`."""
    try:
        tensor = ops.convert_to_tensor(value)
        if "string" in str(tensor.dtype):
            raise TypeError("It holds text.")
        return tensor if dtype is None else ops.cast(tensor, dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"`{name}` must be a tensor, or numbers that make one. "
            f"Received: {name} of type {type(value).__name__}"
        ) from error


def as_array(name: str, value) -> np.ndarray:
    """`value` as an array in float32, else a `ValueError`."""
    # NumPy knows little of bfloat16.
    return ops.convert_to_numpy(as_tensor(name, value, "float32"))
