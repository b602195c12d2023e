"""Functions of one tensor whose gradient is written by hand."""

from collections.abc import Callable

from keras import ops

from keras_slots.types import Tensor


def with_written_gradient(function: Callable) -> Callable:
    """Decorates a function of a tensor that returns its value and gradient.

    The gradient is a function, from that of the value to that of the tensor.
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
