"""A step of a layer: its output, and the gradients to inputs and weights."""

import tensorflow as tf


def forward_backward(layer, inputs, jit=False):
    """The step as a function without arguments, compiled and traced.

    Args:
        layer: Keras layer, built; of several outputs, the first counts.
        inputs: Tensor.
        jit: Boolean, whether XLA compiles it.
    """

    @tf.function(jit_compile=jit)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = tf.nest.flatten(layer(inputs))[0]
            loss = tf.reduce_sum(tf.square(tf.cast(output, "float32")))
        return tape.gradient(loss, [inputs, *layer.trainable_variables])

    step()  # Traced here, in the form that is on.
    return step
