"""How distributed_training.py is spread over devices and processes.

Keras and its backends are imported late: which backend it is, and which devices
there are, has to be said before.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time


def open_devices(strategy, devices):
    """Joins the other devices and processes, before anything is computed.

    A process without an accelerator makes so many devices of its processor.

    Returns:
        What gives the context to make the model in, the number of replicas
        that share a batch, and whether this process prints and writes.
    """
    import tensorflow as tf

    if strategy == "jax_data_parallel":
        tf.config.set_visible_devices([], "GPU")  # It only reads the data here.
        return open_jax_devices(devices)
    if strategy == "multi_worker":
        # Reads TF_CONFIG, and waits until all workers are there.
        made = tf.distribute.MultiWorkerMirroredStrategy()
    elif strategy == "single":
        made = tf.distribute.get_strategy()
    elif tf.config.list_physical_devices("GPU"):
        made = tf.distribute.MirroredStrategy()  # All of them.
    else:
        (processor,) = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(processor, logical)
        names = [f"CPU:{index}" for index in range(devices)]
        made = tf.distribute.MirroredStrategy(names)
    is_chief = made.extended.should_checkpoint
    return made.scope, made.num_replicas_in_sync, is_chief


def open_jax_devices(devices):
    """Does so with JAX, which needs no scope."""
    import jax
    import keras

    jax.config.update("jax_num_cpu_devices", devices)
    if is_worker():
        keras.distribution.initialize()
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    replicas = len(keras.distribution.list_devices())
    return contextlib.nullcontext, replicas, jax.process_index() == 0


# Processes -------------------------------------------------------------------


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended from outside."))
    logs = [folder / f"worker_{i}.log" for i in range(len(environments))]
    workers = []
    with contextlib.ExitStack() as stack:
        for index, environment in enumerate(environments):
            log = stack.enter_context(open(logs[index], "w")) if index else None
            worker = subprocess.Popen(
                command, env=os.environ | environment, stdout=log, stderr=log
            )
            stack.enter_context(worker)  # Waits for its end.
            stack.callback(worker.kill)  # Before that.
            workers.append(worker)
        codes = [None]
        while None in codes and not any(codes):
            time.sleep(0.2)
            codes = [worker.poll() for worker in workers]
    for index, code in enumerate(codes):
        if code:
            where, end = "see above", []
            if index > 0:
                where = f"the end of {logs[index]}:"
                end = logs[index].read_text().splitlines()[-20:]
            text = f"Worker {index} failed with exit code {code}; {where}"
            raise SystemExit("\n".join([text, *end]))
