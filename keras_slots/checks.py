"""Checks of arguments: a bad value gets a clear error, and at once."""

import operator
from collections.abc import Iterable


def check_boolean(name: str, value) -> bool:
    """Gives `value` if it is one, else a `ValueError`: "False" is true."""
    if not isinstance(value, bool):
        raise ValueError(
            f"`{name}` must be `True` or `False`. Received: {name}={value!r}"
        )
    return value


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


def check_number(name: str, value, above: bool = False) -> None:
    """Raises a `ValueError` unless `value` is a finite number from 0 on.

    With `above=True` it must be above 0.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (value > 0 if above else value >= 0) or value > 1e30:
        kind = "positive" if above else "non-negative"
        raise ValueError(
            f"`{name}` must be a {kind} number. Received: {name}={value!r}"
        )


def check_seed(value) -> None:
    """Raises a `ValueError` unless `value` is an integer or `None`."""
    if isinstance(value, bool) or not isinstance(value, (int, type(None))):
        raise ValueError(
            f"`seed` must be an integer or `None`. Received: seed={value!r}"
        )


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

    `axes` is written as in the documentation, for example `"(B, N, D)"`.
    """
    if shape is None or len(shape) != axes.count(",") + 1:
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
