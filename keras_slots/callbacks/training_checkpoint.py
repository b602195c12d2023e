"""TrainingCheckpoint: training that stops and goes on as if it had not."""

import contextlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_slots.checks import as_folder
from keras_slots.files import put_in_place


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves at every epoch's end what `fit` needs to go on exactly there.

    Into one file go the weights, the state of the optimizer (a learning rate
    that is a number is a part of it), the state of every seed generator, and
    the logs of all epochs so far. Keras's own `BackupAndRestore` leaves the
    seed generators out, so that a model that draws noise, as `SlotAttention`
    does, would replay the noise of its first steps; and it writes several
    files, which a crash can leave out of step.

    The file appears whole or not at all: whenever the process dies, the
    checkpoint of the last finished epoch stands.

    Of many processes that train one model together, the chief alone writes;
    all of them `restore`, so the file must be where each can read it.

    `fit` restores, leaves out the data of the epochs that are done, and trains
    the others. After `restore`, the model's own `fit` does as well, given data
    that starts where that of the saved epochs stopped.

    Args:
        path: String or path of the file. It should end in `.npz`, and its
            folder must exist when training begins.

    Attributes:
        history: List of one dict per finished epoch: `epoch` (from 1),
            `seconds` (of training, over all runs) and the logs of that epoch.

    Example:

    ```python
    images = tf.data.Dataset.from_tensor_slices(keras.random.uniform((64, 5)))
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    checkpoint = keras_slots.callbacks.TrainingCheckpoint("run.npz")
    # The same lines go on where a process that was killed stopped.
    history = checkpoint.fit(
        model,
        images.map(lambda x: (x, x[:1])).batch(8),
        epochs=3,
        steps_per_epoch=4,
    )
    print(len(history))  # 3
    ```
    """

    def __init__(self, path: str | os.PathLike) -> None:
        super().__init__()
        self.path = Path(path)
        self.history: list[dict] = []

    def restore(self, model: keras.Model) -> int:
        """Brings a built and compiled model to where the file left off.

        Args:
            model: The model, built and compiled as the saved one was.

        Returns:
            The number of finished epochs, `0` if there is no file.

        Raises:
            ValueError: If the file is damaged, or holds the state of another
                model or kind of optimizer, or the model is not built and
                compiled.
        """
        self.history = []
        variables = _state(model)
        if not self.path.exists():
            return 0
        values, history, optimizer = self._read()
        kind = _kind(model.optimizer)
        expected = [kind, *(tuple(v.shape) for v in variables)]
        received = [optimizer or kind, *(value.shape for value in values)]
        if expected != received:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} holds the state of another "
                "model or optimizer. Expected the optimizer and arrays of "
                f"shapes {expected}. Received: {received}"
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(ops.cast(value, variable.dtype))
        self.history = history
        return len(history)

    def fit(
        self,
        model: keras.Model,
        dataset,
        *,
        epochs: int,
        steps_per_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **kwargs: Any,
    ) -> list[dict]:
        """Trains from where the file left off, on the data that is left.

        Args:
            model: The model, built and compiled as the saved one was.
            dataset: `tf.data.Dataset` of batches, which is repeated without
                end. What shuffles it must have a seed, and it must be made
                anew for every call; then the data comes in the order of a
                training that was never stopped.
            epochs: Integer. The number of all epochs, those that are done
                among them.
            steps_per_epoch: Integer. Batches of an epoch.
            callbacks: Sequence of further callbacks. They run before this
                one, which keeps what they add to the logs, unless it is among
                them. Defaults to `()`.
            **kwargs: Further arguments of `fit` of the model.

        Returns:
            `history`: a list of one dict per finished epoch.

        Raises:
            ValueError: If `restore` refuses the model or the file.

        Example:

        ```python
        dataset = tf.data.Dataset.from_tensors((np.ones((8, 5)), np.ones(8)))
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse")
        checkpoint = keras_slots.callbacks.TrainingCheckpoint("fit.npz")
        checkpoint.fit(model, dataset, epochs=1, steps_per_epoch=2)
        # Two epochs more, and not three.
        checkpoint.fit(model, dataset, epochs=3, steps_per_epoch=2)
        ```
        """
        epoch = self.restore(model)
        if epoch < epochs:
            last = [] if self in callbacks else [self]
            model.fit(
                dataset.repeat().skip(epoch * steps_per_epoch),
                initial_epoch=epoch,
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                callbacks=[*callbacks, *last],
                shuffle=False,
                **kwargs,
            )
        return self.history

    def on_train_begin(self, logs=None):
        self._writes = _is_chief(self.model)
        # Not only after a whole epoch.
        if self._writes:
            as_folder(self.path)
            if self.path.is_dir():
                raise IsADirectoryError(
                    "`path` must name a file, not a folder. "
                    f"Received: path={str(self.path)!r}"
                )
        before = self.history[-1]["seconds"] if self.history else 0.0
        self._start = time.monotonic() - before

    def on_epoch_end(self, epoch, logs=None):
        row = {
            "epoch": epoch + 1,
            "seconds": time.monotonic() - self._start,
            # Numbers, most of them; some metrics give one for each class.
            **{k: np.asarray(v).tolist() for k, v in (logs or {}).items()},
        }
        self.history = [*self.history, row]
        if self._writes:
            self._write()

    def _write(self):
        values = [_to_numpy(variable) for variable in _state(self.model)]
        with put_in_place(str(self.path)) as unfinished:
            with open(unfinished, "wb") as file:
                np.savez(
                    file,
                    *values,
                    history=json.dumps(self.history),
                    optimizer=_kind(self.model.optimizer),
                )
                file.flush()
                os.fsync(file.fileno())  # On disk before it takes the name.

    def _read(self):
        try:
            with open(self.path, "rb") as file, np.load(file) as arrays:
                history = json.loads(str(arrays["history"]))
                # `savez` names what it is given without a name so.
                names = [n for n in arrays.files if n.startswith("arr_")]
                values = [arrays[f"arr_{i}"] for i in range(len(names))]
                # Not in older files.
                known = "optimizer" in arrays
                optimizer = str(arrays["optimizer"]) if known else None
                return values, history, optimizer
        except Exception as error:  # Of many kinds, by what is damaged.
            raise ValueError(
                "The file is not a checkpoint of `TrainingCheckpoint`, or is "
                f"damaged: {error}. Received: path={str(self.path)!r}"
            ) from error


def _state(model):
    """Lists every variable of model, optimizer and seed generators."""
    # Before `compile`, a model has none.
    if not model.built or getattr(model, "optimizer", None) is None:
        raise ValueError(
            "`model` must be built and compiled before its state can be saved "
            f"or restored. Received: model={model!r}"
        )
    if not model.optimizer.built:
        strategy = _strategy(model)
        with strategy.scope() if strategy else contextlib.nullcontext():
            model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _kind(optimizer):
    """Names the class of an optimizer, and of the one it scales for."""
    name = type(optimizer).__name__
    inner = getattr(optimizer, "inner_optimizer", None)
    return name if inner is None else f"{name} of {_kind(inner)}"


def _is_chief(model):
    """Returns whether this process writes for all that train the model."""
    if keras.config.backend() == "jax":
        import jax

        return jax.process_index() == 0
    strategy = _strategy(model)
    return strategy is None or strategy.extended.should_checkpoint


def _strategy(model):
    """Returns the `tf.distribute.Strategy` of a model, or `None`."""
    return getattr(model, "distribute_strategy", None)


def _to_numpy(variable):
    # NumPy's files know no bfloat16; float32 holds all its values.
    if variable.dtype == "bfloat16":
        variable = ops.cast(variable, "float32")
    return ops.convert_to_numpy(variable)
