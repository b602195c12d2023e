"""Everything compiles with XLA, and gives what it gives eagerly."""

import numpy as np
import tensorflow as tf

from tests.conformance.descriptors import (
    DESCRIPTORS,
    arrays,
    build_by_call,
    each,
)


@each(DESCRIPTORS)
def test_compiled_with_xla_equals_eager(descriptor):
    """Outputs, and gradients for weights and for the first input."""
    instance = build_by_call(descriptor)
    inputs = [tf.constant(array) for array in descriptor.inputs.values()]
    weights = getattr(instance, "trainable_variables", [])
    sources = [weight.value for weight in weights]
    if inputs[0].dtype.is_floating:
        sources.append(inputs[0])

    def run(*inputs):
        first = [inputs[0]] if inputs[0].dtype.is_floating else []
        sources = [*first, *(weight.value for weight in weights)]
        with tf.GradientTape() as tape:
            tape.watch(first)
            named = dict(zip(descriptor.inputs, inputs, strict=True))
            outputs = descriptor.call(instance, **named)
            leaves = tf.nest.flatten(outputs)
            loss = sum(tf.reduce_sum(tf.sin(leaf)) for leaf in leaves)
        gradients = tape.gradient(
            loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return leaves, gradients

    expected = arrays(run(*inputs))
    compiled = arrays(tf.function(run, jit_compile=True)(*inputs))
    for output, target in zip(compiled, expected, strict=True):
        np.testing.assert_allclose(
            output, target, rtol=1e-3, atol=1e-5 * (1 + np.abs(target).max())
        )
