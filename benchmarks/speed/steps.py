"""What is timed: a step of a layer, and a training step of a model."""

import keras
import numpy as np

import keras_slots
from keras_slots.layers import literal_slot_attention
from keras_slots.models import ObjectDiscovery, get_preset

NUM_ITERATIONS = 3


def attention_forms(batch, num_tokens, size, num_slots, policy="float32"):
    """Builds a layer and draws its tokens.

    Returns:
        The layer, tokens, and the literal form as a function of tokens.
    """
    keras.utils.set_random_seed(0)
    tokens = keras.random.normal((batch, num_tokens, size))
    layer = keras_slots.SlotAttention(
        num_slots, size, num_iterations=NUM_ITERATIONS, dtype=policy
    )
    layer.build(tokens.shape)
    start = keras.random.normal((batch, num_slots, size))
    return (
        layer,
        tokens,
        lambda inputs: literal_slot_attention(
            layer, inputs, start, NUM_ITERATIONS
        ),
    )


def squares(outputs):
    """Sums the squares of the first of the outputs, in float32."""
    first = keras.tree.flatten(outputs)[0]
    return keras.ops.sum(keras.ops.square(keras.ops.cast(first, "float32")))


def forward_backward(layer, inputs, jit=False, form=None):
    """Makes a step of a layer: its output, and all gradients, in a graph.

    Args:
        layer: Keras layer, built; of several outputs, the first counts.
        inputs: Tensor.
        jit: Boolean, whether XLA compiles it.
        form: Function to call in place of the layer, with its weights.
    """
    import tensorflow as tf  # JAX and PyTorch have none.

    @tf.function(jit_compile=jit)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = squares((form or layer)(inputs))
        return tape.gradient(loss, [inputs, *layer.trainable_variables])

    return step


def discovery_step(preset_name, batch_size, policy, jit=False, remat=False):
    """Makes a training step on noise, which gives its loss; not yet traced.

    Args:
        preset_name: String, a preset of `ObjectDiscovery`.
        batch_size: Integer.
        policy: String, a dtype policy.
        jit: Boolean, whether XLA compiles it.
        remat: Boolean, whether the decoder computes again what it would keep.
    """
    preset = get_preset(preset_name)
    shape = (batch_size, *preset.image_shape)
    image = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery.from_preset(
        preset_name, load_weights=False, dtype=policy
    )
    model.decoder.rematerialize = remat
    model.compile(preset.make_optimizer(), jit_compile=jit, metrics=[])
    return lambda: float(model.train_on_batch(image))
