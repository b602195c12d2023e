"""Integer arguments of the datasets, checked."""

import operator


def check_integer(name: str, value, minimum: int) -> int:
    """Gives `value` as an `int` if it is one and at least `minimum`.

    Args:
        name: String. The argument's name, for the message.
        value: The value; NumPy's integers count as integers.
        minimum: Integer. `0` or `1`.

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
