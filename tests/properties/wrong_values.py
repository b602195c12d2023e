"""What is no tensor, no number, no path; and how to ask for a clear error."""

import keras
import numpy as np
import pytest

from tests.properties.draws import numbers


class Dataset:
    """Stands for what has batches and no shape, as a `tf.data.Dataset`."""

    element_spec = None

    def __iter__(self):
        yield numbers(0, 2, 4, 4, 3)


NO_TENSORS = {
    "None": None,
    "string": "text",
    "number": 3.0,
    "object": object(),
    "dataset": Dataset(),
    "dict": {"a": 1.0},
    "ragged list": [[1.0], [1.0, 2.0]],
    "tensor of rank 7": np.zeros((1,) * 7, "float32"),
}
NO_NUMBERS = {
    "None": None,
    "string": "text",
    "object": object(),
    "negative": -1,
    "nan": float("nan"),
    "infinite": float("inf"),
    "list": ["1"],
    "dict": {},
    "array": np.zeros(2, "float32"),
}
NO_INTEGERS = NO_NUMBERS | {"half": 0.5, "boolean": True}
NO_POSITIVE_INTEGERS = NO_INTEGERS | {"zero": 0}
NO_OPTIONS = NO_INTEGERS
NO_PATHS = {
    name: value
    for name, value in NO_POSITIVE_INTEGERS.items()
    if name != "string"
}
# What Keras and Python say where they are asked first.
CLEAR = (
    "Only input tensors may be passed as positional arguments",
    "Inputs to a layer should be tensors",
    "is incompatible with the layer: expected",
    # Of the conversion to a tensor or an array.
    "with an unsupported type",
    "inhomogeneous shape",
    "None values not supported",
    "object is not iterable",
    "Can't convert non-rectangular Python sequence to Tensor",
    "expected str, bytes or os.PathLike object, not",
    "Could not interpret initializer identifier",
)


def complaint(call, *positional, **arguments):
    """What is wrong with the error of a call, `None` if nothing is."""
    name = [*arguments][-1]
    try:
        call(*positional, **arguments)
    except (ValueError, TypeError, FileNotFoundError) as error:
        message = str(error)
        clear = name in message and "Received: " in message
        if clear or any(each in message for each in CLEAR):
            return None
        line = " ".join(message.split())[:150]
        return f"{type(error).__name__}: {line}"
    except Exception as error:
        return f"another error, {error!r:.150}"
    return "no error"


def check_each(function, good, name, wrong, but=()):
    """Every wrong value of an argument, all others good: a clear error."""
    complaints = {}
    for kind, value in wrong.items():
        if kind in but:
            continue
        others = {key: value for key, value in good.items() if key != name}
        # Keras looks at the first argument of a layer by position.
        first = next(iter(good), None) == name
        if first and isinstance(function, keras.layers.Layer):

            def by_position(function=function, others=others, **arguments):
                return function(*arguments.values(), **others)

            found = complaint(by_position, **{name: value})
        else:
            found = complaint(function, **others, **{name: value})
        if found:
            complaints[kind] = found
    assert not complaints, "\n".join(
        f"{name} is a {kind}: {found}" for kind, found in complaints.items()
    )


def each_argument(table):
    """A test for each argument of each function of a table.

    The table has, by the name of a function: a maker of the function, its good
    arguments, and by argument what is wrong, and kinds that are right.
    """
    return pytest.mark.parametrize(
        ("make", "good", "name", "wrong", "but"),
        [
            pytest.param(make, good, name, wrong, but, id=f"{function}-{name}")
            for function, (make, good, rules) in table.items()
            for name, (wrong, but) in rules.items()
        ],
    )
