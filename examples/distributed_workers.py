"""How distributed_training.py is spread over devices and processes.

Keras is imported late here: which backend it takes and which devices there
are has to be said before.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
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
    """What a process needs to know of how training is spread."""

    replicas: int = 1  # Parts that a global batch is cut into.
    # Gives the context to make the model in.
    scope: Callable[[], AbstractContextManager] = contextlib.nullcontext
    is_chief: bool = True  # Whether this process prints and writes.
    many_workers: bool = False  # Whether TensorFlow trains in many processes.


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
    """Tells whether the environment names the cluster of this process."""
    return (
        "TF_CONFIG" in os.environ
        or "KERAS_DISTRIBUTION_PROCESS_ID" in os.environ
    )


def worker_environment(strategy, addresses, index):
    """Tells a process that it is worker `index` of those at `addresses`.

    Worker 0 is the chief.
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
    """Joins the other devices and processes, before anything is computed.

    A process without an accelerator makes so many devices of its processor.
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


# Processes -------------------------------------------------------------------


def free_addresses(number):
    """Finds so many addresses of this machine that nobody listens at."""
    with contextlib.ExitStack() as stack:
        # All at once, so that no port is found twice.
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def run_workers(command, environments, folder):
    """Runs one process for each environment, until all have finished.

    The first one's output goes where this process's goes, the others' to
    `worker_N.log` in the folder. If one fails, the others would wait for it
    without end, so they are ended, too; and so are all when this process is.
    """
    workers = []
    logs = [folder / f"worker_{i}.log" for i in range(len(environments))]
    with contextlib.ExitStack() as stack:
        before = signal.signal(
            signal.SIGTERM, lambda *_: sys.exit("Ended from outside.")
        )
        stack.callback(signal.signal, signal.SIGTERM, before)
        stack.callback(_end, workers)
        for index, environment in enumerate(environments):
            log = None
            if index > 0:
                log = stack.enter_context(open(logs[index], "w"))
            workers.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **environment},
                    stdout=log,
                    stderr=log and subprocess.STDOUT,
                )
            )
        codes = [None]
        while None in codes and not any(codes):
            time.sleep(0.2)
            codes = [worker.poll() for worker in workers]
        failed = [index for index, code in enumerate(codes) if code]
        if failed:
            first = failed[0]
            raise SystemExit(_report(logs[first], first, codes[first]))


def _end(workers):
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()
    for worker in workers:
        try:
            worker.wait(timeout=5)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _report(log, index, code):
    text = f"Worker {index} failed with exit code {code}"
    if index == 0:
        return f"{text}; see above."
    lines = log.read_text().splitlines()[-20:]
    return "\n".join([f"{text}. The end of {log}:", *lines])
