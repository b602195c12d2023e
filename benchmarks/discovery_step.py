"""A training step of object discovery, on images of noise."""

import keras
import numpy as np

from keras_slots.models import ObjectDiscovery, get_preset


def discovery_step(preset_name, batch_size, policy, jit=False, remat=False):
    """A function that takes a step and gives its loss; not yet traced.

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
