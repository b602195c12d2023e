"""Less memory for more time: examples one by one, computed twice.

A function of a batch keeps values for its gradient, and their size grows with
the batch. Here examples are computed one after the other, and only their inputs
are kept. In the gradient, each example is computed once more. So memory only
holds the values of a single example.
"""

import keras
from keras import ops

from keras_slots.types import Tensor


def one_by_one(function, examples: list[Tensor], variables) -> Tensor:
    """Computes `function(*examples)` with less memory and more time.

    Examples and result are `(B, ...)`. The values of all `variables` that the
    function reads are passed into the loop, as TensorFlow's loop has no
    gradients for variables that are read inside.
    """
    num_examples = len(examples)

    def of_one(*tensors):
        values = tensors[num_examples:]
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            batch_of_one = [x[None] for x in tensors[:num_examples]]
            return function(*batch_of_one)[0]

    of_one = keras.remat(of_one)
    # Values are copied, as a converted variable may still be the variable.
    values = [ops.copy(variable) for variable in variables]
    return ops.map(lambda example: of_one(*example, *values), examples)
