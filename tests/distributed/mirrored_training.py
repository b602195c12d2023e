"""Trains on one device and on two, in one process; prints what came out.

A process of its own: devices must be made before TensorFlow starts.
"""

import json
import shutil
import sys
from pathlib import Path

import tensorflow as tf

(processor,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration()] * 2
)
# Of a few steps: making graphs faster takes longer than they do.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

import keras  # noqa: E402

from keras_slots.callbacks import TrainingCheckpoint  # noqa: E402
from keras_slots.datasets import tetrominoes  # noqa: E402
from keras_slots.layers import (  # noqa: E402
    ConvEncoder,
    SlotAttention,
    SpatialBroadcastDecoder,
)
from keras_slots.models import ObjectDiscovery  # noqa: E402
from keras_slots.schedules import WarmupExponentialDecay  # noqa: E402

STEPS = 3
ONE = tf.distribute.get_strategy()
TWO = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def make_model(strategy, slot_initialization="learned"):
    """A small model, with a loss of its decoder and a schedule."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = ObjectDiscovery(
            ConvEncoder(filters=(8,), strides=(5,), mlp_sizes=(8, 8)),
            SlotAttention(
                3,
                8,
                num_iterations=1,
                slot_initialization=slot_initialization,
                seed=1,
            ),
            SpatialBroadcastDecoder(
                7,
                filters=(8,),
                kernel_sizes=1,
                output_kernel_size=1,
                patch_size=5,
                mask_penalty=0.1,
            ),
        )
        model.build((None, 35, 35, 3))
        rate = WarmupExponentialDecay(0.01, 2, 10, 0.5)
        model.compile(keras.optimizers.Adam(rate))
    return model


def train(model, path, epochs):
    """Epochs of one step each, so that their logs are those of the steps."""
    scenes = tetrominoes("train", 8, num_scenes=8 * STEPS, shuffle=False)
    checkpoint = TrainingCheckpoint(path)
    done = checkpoint.restore(model)
    model.fit(
        scenes.skip(done),
        steps_per_epoch=1,
        initial_epoch=done,
        epochs=epochs,
        callbacks=[checkpoint],
        shuffle=False,
        verbose=0,
    )
    names = ("loss", "fg_ari")
    return [[row[name] for name in names] for row in checkpoint.history]


def first_slots(strategy):
    """What each replica starts from in two calls: lists of (B, K, D)."""
    with strategy.scope():
        # No mean, and a scale of one: the noise itself.
        layer = SlotAttention(3, 8, slots_initializer="zeros", seed=1)
        layer.build((None, 5, 8))

    @tf.function
    def draw():
        return strategy.run(layer.initial.draw, args=(16, 3))

    return [
        slots.numpy().tolist()
        for _ in range(2)
        for slots in strategy.experimental_local_results(draw())
    ]


def drawn_losses(strategy, calls=50):
    """Losses of one batch, again and again, each from slots drawn anew."""
    model = make_model(strategy, "shared_gaussian")
    ((image, _),) = tetrominoes("train", 8, num_scenes=8, shuffle=False)
    parts = tf.split(image, strategy.num_replicas_in_sync)
    values = strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )

    def loss(image):
        drawn = model(image)["reconstruction"]
        return tf.reduce_mean(tf.square(drawn - image))

    @tf.function
    def mean_loss():
        losses = strategy.run(loss, args=(values,))
        return strategy.reduce("MEAN", losses, axis=None)

    return [float(mean_loss()) for _ in range(calls)]


def training(folder):
    """Histories of training, and what replicas draw."""
    one, two = make_model(ONE), make_model(TWO)
    train(one, folder / "one.npz", 1)
    shutil.copy(folder / "one.npz", folder / "begun.npz")
    fresh = make_model(TWO)
    return {
        "one": train(one, folder / "one.npz", STEPS),
        "two": train(two, folder / "two.npz", STEPS),
        "begun_on_one": train(two, folder / "begun.npz", STEPS),
        "epochs_restored": TrainingCheckpoint(folder / "two.npz").restore(
            fresh
        ),
        "slots_one": first_slots(ONE),
        "slots_two": first_slots(TWO),
    }


if __name__ == "__main__":
    if sys.argv[1] == "draw":
        results = {"one": drawn_losses(ONE), "two": drawn_losses(TWO)}
    else:
        results = training(Path(sys.argv[1]))
    print(json.dumps(results))
