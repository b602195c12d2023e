"""What callers pass as tensors."""

import numpy as np
from keras import ops

from keras_slots.types import Tensor


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
