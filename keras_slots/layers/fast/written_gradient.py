"""Functions of one tensor whose gradient is written by hand."""

from collections.abc import Callable

from keras import ops

from keras_slots.types import Tensor


def with_written_gradient(function: Callable) -> Callable:
    """Decorates a function that returns its value and its gradient.

    Args:
        function: Takes a tensor; returns its value, a tensor, and a function
            from the gradient of the value to the gradient of the tensor.

    Returns:
        A function from tensor to value.
    """

    @ops.custom_gradient
    def value_of(inputs: Tensor):
        value, gradient = function(inputs)

        def gradient_of(*args, upstream=None):
            if upstream is None:  # Only torch passes it by name.
                (upstream,) = args
            return gradient(upstream)

        return value, gradient_of

    return value_of
