"""A decoder that keeps less for its gradient gives the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.layers import SpatialBroadcastDecoder

CASES = {
    "strided": {"grid_size": 4, "strides": (2, 1)},
    "around centres": {
        "grid_size": 4,
        "kernel_sizes": 1,
        "output_kernel_size": 1,
        "patch_size": 2,
        "centre_frequencies": 2,
        "mask_penalty": 0.1,
    },
}


def make_decoders(case, dtype):
    """One that keeps everything, and one that does not, of equal weights."""
    decoders = []
    for rematerialize in (False, True):
        decoder = SpatialBroadcastDecoder(
            filters=(6, 5), rematerialize=rematerialize, dtype=dtype, **case
        )
        decoder.build((None, None, 8))
        decoders.append(decoder)
    decoders[1].set_weights(decoders[0].get_weights())
    return decoders


def inputs_of(case, dtype):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(3, 2, 8))]
    if "centre_frequencies" in case:
        inputs.append(rng.uniform(-1, 1, size=(3, 2, 2)))
    return [tf.constant(x, dtype) for x in inputs]


def value_and_gradients(decoder, inputs):
    names = ("slots", "centres")
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        image, *_ = decoder(**dict(zip(names, inputs, strict=False)))
        loss = tf.reduce_sum(tf.sin(tf.cast(image, "float32")))
        loss = loss + sum(decoder.losses)
    watched = [*inputs, *decoder.trainable_variables]
    return [image, *tape.gradient(loss, watched)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_same_values_and_gradients(case, mode):
    results = []
    for decoder in make_decoders(case, "float64"):
        function = value_and_gradients
        if mode != "eager":
            function = tf.function(function, jit_compile=mode == "xla")
        results.append(function(decoder, inputs_of(case, "float64")))
    for kept, recomputed in zip(*results, strict=True):
        # The mixture is computed in float32.
        np.testing.assert_allclose(kept, recomputed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_same_in_mixed_precision(case, policy):
    function = tf.function(value_and_gradients, autograph=False)
    kept, recomputed = (
        function(decoder, inputs_of(case, "float32"))
        for decoder in make_decoders(case, policy)
    )
    for one, other in zip(kept, recomputed, strict=True):
        one, other = np.array(one, "float32"), np.array(other, "float32")
        tolerance = 0.02 * max(1.0, np.abs(one).max())
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_batches_of_unknown_size_train():
    decoder = SpatialBroadcastDecoder(4, filters=(6,), rematerialize=True)
    slots = keras.Input((2, 8))
    model = keras.Model(slots, decoder(slots)[0])
    model.compile("adam", "mse", jit_compile=False)
    data = np.ones((5, 2, 8)), np.ones((5, 4, 4, 3))
    losses = model.fit(*data, batch_size=3, epochs=3, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]


def test_config_tells():
    config = SpatialBroadcastDecoder(4, rematerialize=True).get_config()
    assert SpatialBroadcastDecoder.from_config(config).rematerialize
