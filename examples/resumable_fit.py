"""Training that can be stopped at any time, as two of the examples share it."""

import sys

import keras
import run_folder

from keras_slots.callbacks import TrainingCheckpoint


def resumable_fit(
    model, options, name, scenes, write_history, callbacks=(), **arguments
):
    """Trains from the last checkpoint on, and saves the model.

    Args:
        model: Keras model, compiled.
        options: The command line.
        name: String, what to call the model on the first line.
        scenes: Dataset of batches, as `fit` takes them.
        write_history: Function of the options and a `TrainingCheckpoint` that
            writes the learning curve and gives its rows.
        callbacks: List of callbacks. They run before the checkpoint, which
            keeps what they add to the logs.
        **arguments: Further arguments of `fit`.

    Returns:
        The rows of the learning curve.
    """
    checkpoint = TrainingCheckpoint(options.output / "checkpoint.npz")
    epoch = checkpoint.restore(model)
    print(
        f"{name}: {model.count_params():,} parameters, step "
        f"{epoch * options.epoch_steps:,} of {options.steps:,}"
    )
    if epoch < options.epochs:
        model.fit(
            # The same seed shuffles alike in every process, so that skipping
            # what was seen leads to where the checkpoint was made.
            scenes.repeat().skip(epoch * options.epoch_steps),
            steps_per_epoch=options.epoch_steps,
            initial_epoch=epoch,
            epochs=options.epochs,
            callbacks=[
                keras.callbacks.LambdaCallback(
                    on_epoch_end=run_folder.stop_if_lost
                ),
                *callbacks,
                checkpoint,
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda *_: write_history(options, checkpoint)
                ),
            ],
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 2,
            **arguments,
        )
    with run_folder.replacing(options.output / "model.keras") as path:
        model.save(path)
    return write_history(options, checkpoint)
