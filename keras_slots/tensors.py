"""What callers pass as tensors."""

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
