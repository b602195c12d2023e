"""A decoder that keeps less for its gradient gives the same."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots.layers import SpatialBroadcastDecoder
from tests.backends import (
    BACKEND,
    DTYPE,
    EACH_MODE,
    MODES,
    in_mode,
    outputs_and_gradients,
)

CASES = {
    "strided": {"grid_size": 4, "strides": (2, 1)},
    "around centers": {
        "grid_size": 4,
        "kernel_sizes": 1,
        "output_kernel_size": 1,
        "patch_size": 2,
        "center_frequencies": 2,
        "mask_penalty": 0.1,
    },
}
# Of the largest value, in half precision. JAX adds up in it, too, when it does
# not optimize.
ROUNDING = 0.02 if BACKEND == "tensorflow" else 0.1


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
    if "center_frequencies" in case:
        inputs.append(rng.uniform(-1, 1, size=(3, 2, 2)))
    return [x.astype(dtype) for x in inputs]


def value_and_gradients(decoder, inputs, mode):
    names = ("slots", "centers")

    def loss(*inputs):
        image, *_ = decoder(**dict(zip(names, inputs, strict=False)))
        loss = ops.sum(ops.sin(ops.cast(image, "float32")))
        return loss + sum(decoder.losses), image

    def run(*inputs):
        image, gradients = outputs_and_gradients(
            loss, inputs, decoder.trainable_variables
        )
        return [image, *gradients]

    return in_mode(run, mode)(*inputs)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@EACH_MODE
def test_same_values_and_gradients(case, mode):
    inputs = inputs_of(case, DTYPE)
    results = [
        value_and_gradients(decoder, inputs, mode)
        for decoder in make_decoders(case, DTYPE)
    ]
    for kept, recomputed in zip(*results, strict=True):
        # The mixture is computed in float32.
        np.testing.assert_allclose(kept, recomputed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_same_in_mixed_precision(case, policy):
    mode = "graph" if "graph" in MODES else "eager"
    inputs = inputs_of(case, "float32")
    kept, recomputed = (
        value_and_gradients(decoder, inputs, mode)
        for decoder in make_decoders(case, policy)
    )
    for one, other in zip(kept, recomputed, strict=True):
        one, other = np.array(one, "float32"), np.array(other, "float32")
        tolerance = ROUNDING * max(1.0, np.abs(one).max())
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_batches_of_unknown_size_train():
    decoder = SpatialBroadcastDecoder(4, filters=(6,), rematerialize=True)
    slots = keras.Input((2, 8))
    model = keras.Model(slots, decoder(slots)[0])
    model.compile("adam", "mse", jit_compile=False)
    data = np.ones((5, 2, 8)), np.ones((5, 4, 4, 3))
    losses = model.fit(*data, batch_size=3, epochs=3, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]
