"""A small SetPrediction, and scenes that it can learn."""

import keras
import numpy as np

from keras_slots import SlotAttention
from keras_slots.layers import ConvEncoder, PropertyHead
from keras_slots.models import SetPrediction

SIZE, K, D, F = (6, 6), 3, 8, 7


def small_model(
    slots=None, head=None, dtype=None, loss_at_every_iteration=False, **options
):
    """Without noise, unless `options` ask for it."""
    options = {"slot_initialization": "learned", "seed": 0, **options}
    if slots is None:
        slots = SlotAttention(
            K, D, num_iterations=2, mlp_hidden_size=8, dtype=dtype, **options
        )
    model = SetPrediction(
        ConvEncoder((8,), mlp_sizes=(8,), dtype=dtype),
        slots,
        head or PropertyHead(F, 8, dtype=dtype),
        loss_at_every_iteration=loss_at_every_iteration,
        dtype=dtype,
    )
    model.build((None, *SIZE, 3))
    return model


def scenes(count=8, num_targets=K):
    """Images, and targets of one object with a place and one of three bits."""
    rng = np.random.default_rng(0)
    image = np.full((count, *SIZE, 3), -1, "float32")
    targets = np.zeros((count, num_targets, F), "float32")
    for index in range(count):
        y, x = rng.integers(6, size=2)
        kind = rng.integers(3)
        image[index, y, x, kind] = 1
        targets[index, 0, :3] = (y / 5, x / 5, 0.5)
        targets[index, 0, [3 + kind, 6]] = 1
    return image, targets


def draw_slots(batch, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, K, D)).astype("float32")


def losses(loss, targets, predictions):
    """The loss of each example."""
    return np.array(
        loss.call(targets, keras.ops.convert_to_tensor(predictions))
    )
