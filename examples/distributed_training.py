"""Training on many devices and machines: the loss of one, in less time.

```shell
python examples/distributed_training.py                          # two devices
python examples/distributed_training.py --strategy multi_worker  # two processes
python examples/distributed_training.py --strategy jax_data_parallel
```

Trains an `ObjectDiscovery` model on Tetrominoes with `fit`: on one device
(`single`), on all GPUs of this machine or `--devices` parts of its processor
(`mirrored`), in many TensorFlow processes or machines (`multi_worker`), or on
all devices of JAX, of one machine or many (`jax_data_parallel`).

Every step takes one batch of `--batch-size` scenes, a part of it on each
device, and makes the same step as one device would of the whole batch. On one
processor this is no faster.

On this machine alone, `--workers` processes are started and end together. On
many machines, start the same command on each, with the variables that
docs/guides/distributed_training.md names; `--output` and `--records` must then
be folders that all of them see. The same command goes on where it stopped, with
more `--epochs` if you like.
"""

import argparse
import os
import sys
from pathlib import Path

from distributed_workers import (
    free_addresses,
    is_worker,
    open_devices,
    run_workers,
    worker_environment,
)

BACKENDS = {
    "single": None,  # Either.
    "mirrored": "tensorflow",
    "multi_worker": "tensorflow",
    "jax_data_parallel": "jax",
}


def main():
    """Starts workers, or trains as one of them."""
    options = parse_options()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.workers > 1 and not is_worker():
        addresses = free_addresses(options.workers)
        environments = [
            worker_environment(options.strategy, addresses, index)
            for index in range(options.workers)
        ]
        command = [sys.executable, *sys.argv]
        return run_workers(command, environments, options.output)
    # First of all: it decides which devices there are.
    scope, replicas, is_chief = open_devices(options.strategy, options.devices)
    if options.batch_size % replicas:
        raise SystemExit(
            f"--batch-size must be a multiple of the {replicas} replicas. "
            f"Received: --batch-size {options.batch_size}"
        )
    if is_chief:
        print(f"{options.strategy}: {replicas} replicas")
    train(options, scope, is_chief)


def parse_options():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--strategy", choices=tuple(BACKENDS), default="mirrored")
    add("--workers", type=int, help="processes to start here")
    add("--devices", type=int, help="of a process without an accelerator")
    add("--preset", default="tetrominoes", help="see from_preset")
    add("--batch-size", type=int, default=16, help="of all replicas together")
    add("--epochs", type=int, default=2)
    add("--epoch-steps", type=int, default=10)
    add("--records", type=Path, help="shards; default: generated Tetrominoes")
    add("--output", type=Path, help="default runs/distributed/STRATEGY")
    add("--seed", type=int, default=0, help="of scenes, weights and noise")
    options = parser.parse_args()
    needed = BACKENDS[options.strategy]
    chosen = os.environ.setdefault("KERAS_BACKEND", needed or "tensorflow")
    if needed not in (None, chosen):
        raise SystemExit(
            f"--strategy {options.strategy} is for the backend {needed}. "
            f"Received: KERAS_BACKEND={chosen}"
        )
    if options.output is None:
        options.output = Path("runs", "distributed", options.strategy)
    many = options.strategy == "multi_worker"
    if options.workers is None:
        options.workers = 2 if many else 1
    if options.devices is None:
        options.devices = 2 if options.workers == 1 else 1
    if options.workers > 1 and not (many or "jax" in options.strategy):
        parser.error(f"{options.strategy} has no --workers {options.workers}")
    if many and options.devices > 1:
        # TensorFlow takes one device of a processor in each worker.
        parser.error(f"multi_worker has no --devices {options.devices}")
    return options


def train(options, scope, is_chief):
    """Trains from the last checkpoint on."""
    # Late: Keras must not start before the devices are known.
    import keras

    from keras_slots.callbacks import TrainingCheckpoint
    from keras_slots.files import all_at_once, write_rows
    from keras_slots.models import ObjectDiscovery, get_preset

    # Every process makes the same weights.
    keras.utils.set_random_seed(options.seed)
    with scope():
        model = ObjectDiscovery.from_preset(options.preset, load_weights=False)
        model.compile(get_preset(options.preset).make_optimizer())
    if options.strategy == "multi_worker":
        log_along_an_axis(model)
    checkpoint = TrainingCheckpoint(options.output / "checkpoint.npz")
    checkpoint.fit(
        model,
        open_scenes(options),
        epochs=options.epochs,
        steps_per_epoch=options.epoch_steps,
        verbose=2 if is_chief else 0,
    )
    # Or JAX would wait for the other processes while this one saves.
    keras.distribution.set_distribution(None)
    if is_chief:
        write_rows(options.output / "history.csv", checkpoint.history)
        with all_at_once(options.output / "model.keras") as path:
            model.save(path)
        print(f"{options.output / 'model.keras'} after epoch {options.epochs}")


def log_along_an_axis(model):
    """Lets `fit` and `evaluate` run in many TensorFlow workers.

    Keras 3.15 averages over workers along the first axis of what a step logs,
    and stops at numbers, which have none ("Invalid reduction dimension 0"). So
    the numbers get one here. The logs of an epoch are summed up elsewhere, and
    right without this.
    """
    import keras

    def with_axis(step):
        def wrapped(data):
            logs = step(data).items()
            return {name: keras.ops.reshape(x, (1,)) for name, x in logs}

        return wrapped

    model.train_step = with_axis(model.train_step)
    model.test_step = with_axis(model.test_step)


def open_scenes(options):
    """Opens global batches of images; a process takes its part of each."""
    import tensorflow as tf

    from keras_slots.datasets import record_shards, tetrominoes

    # Not shuffled: the scenes are drawn one by one anyway, and under a strategy
    # `fit` begins the data twice, so that what is shuffled anew at every pass
    # would come in another order than on one device.
    shared = {"shuffle": False, "drop_remainder": True}
    shared["batch_size"] = options.batch_size
    if options.records is None:
        scenes = tetrominoes("train", seed=options.seed, **shared)
    else:
        scenes = record_shards(options.records, **shared)
    # Part of every batch, not part of the files: then workers make the very
    # steps of one process, and need not have the same number of files.
    policy = tf.data.Options()
    policy.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return scenes.map(lambda image, mask: image).with_options(policy)


if __name__ == "__main__":
    main()
