"""What is timed: a step of a layer, and a training step of a model."""

import contextlib

import keras
import numpy as np

from benchmarks.literal_forms import literal_forms
from keras_slots.layers import SlotAttention, literal_slot_attention
from keras_slots.models import ObjectDiscovery, get_preset

NUM_ITERATIONS = 3


def attention_forms(batch, num_tokens, size, num_slots, policy="float32"):
    """Gives a layer, tokens, and the literal form as a function of tokens."""
    keras.utils.set_random_seed(0)
    tokens = keras.random.normal((batch, num_tokens, size))
    layer = SlotAttention(num_slots, size, NUM_ITERATIONS, dtype=policy)
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
    first = keras.ops.cast(keras.tree.flatten(outputs)[0], "float32")
    return keras.ops.sum(keras.ops.square(first))


def forward_backward(layer, inputs, jit=False, form=None):
    """Makes a step of a layer: its output, and all gradients, in a graph.

    `form` is called in place of the layer, with its weights.
    """
    import tensorflow as tf  # JAX and PyTorch have none.

    @tf.function(jit_compile=jit)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = squares((form or layer)(inputs))
        return tape.gradient(loss, [inputs, *layer.trainable_variables])

    return step


def discovery_step(preset_name, batch_size, form, jit=False, remat=False):
    """Makes a training step on noise, which gives its loss; not yet traced.

    `form` is a dtype policy, or `"literal"`: the literal forms in float32. With
    `remat`, the decoder computes again what it would keep.
    """
    literal = form == "literal"
    policy = "float32" if literal else form
    preset = get_preset(preset_name)
    shape = (batch_size, *preset.image_shape)
    image = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    keras.utils.set_random_seed(0)
    options = {"load_weights": False, "dtype": policy}
    model = ObjectDiscovery.from_preset(preset_name, **options)
    model.decoder.rematerialize = remat
    model.compile(preset.make_optimizer(), jit_compile=jit, metrics=[])

    def step():
        with literal_forms() if literal else contextlib.nullcontext():
            return float(model.train_on_batch(image))

    return step
