"""How a model is spread over devices and processes, for distributed_training.

Keras is imported late here: which backend it takes and which devices there
are has to be said before.
"""

import contextlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

BACKENDS = {
    "single": None,  # Either.
    "mirrored": "tensorflow",
    "multi_worker": "tensorflow",
    "jax_data_parallel": "jax",
}


@dataclass(frozen=True)
class Spread:
    """What a process needs to know of how training is spread.

    Attributes:
        replicas: Integer, parts that a global batch is cut into.
        scope: Function that gives the context to make the model in.
        is_chief: Boolean. Whether this process prints and writes.
        many_workers: Boolean. Whether TensorFlow trains in many processes.
    """

    replicas: int = 1
    scope: Callable[[], AbstractContextManager] = contextlib.nullcontext
    is_chief: bool = True
    many_workers: bool = False


def choose_backend(strategy):
    """Sets the backend that a strategy is for, or exits if another is set."""
    needed = BACKENDS[strategy]
    chosen = os.environ.setdefault("KERAS_BACKEND", needed or "tensorflow")
    if needed not in (None, chosen):
        raise SystemExit(
            f"--strategy {strategy} is for the backend {needed}. Received: "
            f"KERAS_BACKEND={chosen}"
        )


def is_worker():
    """Whether the environment names the cluster that this process is in."""
    return (
        "TF_CONFIG" in os.environ
        or "KERAS_DISTRIBUTION_PROCESS_ID" in os.environ
    )


def worker_environment(strategy, addresses, index):
    """What tells a process that it is worker `index` of those at `addresses`.

    Args:
        strategy: String, `"multi_worker"` or `"jax_data_parallel"`.
        addresses: List of strings such as `"10.0.0.1:2222"`.
        index: Integer. Worker 0 is the chief.
    """
    if strategy == "multi_worker":
        task = {"type": "worker", "index": index}
        cluster = {"cluster": {"worker": addresses}, "task": task}
        return {"TF_CONFIG": json.dumps(cluster)}
    return {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": ",".join(addresses),
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(len(addresses)),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(index),
    }


def open_spread(strategy, devices):
    """Joins the other devices and processes, if there are any.

    To be called before anything is computed.

    Args:
        strategy: String, a key of `BACKENDS`.
        devices: Integer. Logical devices that a process without an
            accelerator makes of its processor.

    Returns:
        A `Spread`.
    """
    return {
        "single": lambda devices: Spread(),
        "mirrored": _mirrored,
        "multi_worker": _multi_worker,
        "jax_data_parallel": _jax_data_parallel,
    }[strategy](devices)


def _mirrored(devices):
    import tensorflow as tf

    names = None  # All accelerators.
    if not tf.config.list_physical_devices("GPU"):
        (processor,) = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(processor, logical)
        names = [f"CPU:{index}" for index in range(devices)]
    strategy = tf.distribute.MirroredStrategy(names)
    return Spread(strategy.num_replicas_in_sync, strategy.scope)


def _multi_worker(devices):
    import tensorflow as tf

    # Reads TF_CONFIG, and waits until all workers are there.
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return Spread(
        strategy.num_replicas_in_sync,
        strategy.scope,
        is_chief=strategy.extended.should_checkpoint,
        many_workers=True,
    )


def _jax_data_parallel(devices):
    import jax
    import keras
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")  # It only reads the data here.
    jax.config.update("jax_num_cpu_devices", devices)
    if is_worker():
        keras.distribution.initialize()
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    return Spread(
        len(keras.distribution.list_devices()),
        is_chief=jax.process_index() == 0,
    )
