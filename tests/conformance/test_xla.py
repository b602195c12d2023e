"""Everything compiles with XLA, and gives what it gives eagerly."""

import keras
import numpy as np

from tests.backends import WITH_XLA, in_mode, outputs_and_gradients
from tests.conformance.descriptors import (
    DESCRIPTORS,
    arrays,
    build_by_call,
    each,
    is_variant,
)


def is_slow_to_compile(descriptor):
    return issubclass(descriptor.cls, keras.Model) or is_variant(descriptor)


@WITH_XLA
@each(DESCRIPTORS, slow=is_slow_to_compile)
def test_compiled_with_xla_equals_eager(descriptor):
    """Outputs, and gradients for weights and for the first input."""
    instance = build_by_call(descriptor)
    weights = getattr(instance, "trainable_variables", [])
    first, *others = descriptor.inputs.values()
    has_gradient = first.dtype.kind == "f"

    def run(*inputs):
        def loss(*first):
            values = [*first, *inputs[len(first) :]]
            named = dict(zip(descriptor.inputs, values, strict=True))
            leaves = keras.tree.flatten(descriptor.call(instance, **named))
            return sum(keras.ops.sum(keras.ops.sin(x)) for x in leaves), leaves

        sources = list(inputs[:1]) if has_gradient else []
        return outputs_and_gradients(loss, sources, weights)

    expected = arrays(run(first, *others))
    compiled = arrays(in_mode(run, "xla")(first, *others))
    for output, target in zip(compiled, expected, strict=True):
        np.testing.assert_allclose(
            output, target, rtol=1e-3, atol=1e-5 * (1 + np.abs(target).max())
        )
