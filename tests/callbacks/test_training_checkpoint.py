"""TrainingCheckpoint: a stopped run goes on as if it had not stopped."""

import inspect
import os
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_slots
from keras_slots.callbacks import TrainingCheckpoint
from tests.backends import EAGERLY, ON_TENSORFLOW

EPOCHS = 4
STEPS = 3


def make_model(units=1):
    model = keras.Sequential(
        [
            keras.layers.Input((5,)),
            keras.layers.GaussianNoise(0.5, seed=3),
            keras.layers.Dense(units, kernel_initializer="ones"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.1)
    model.compile(optimizer, loss="mse", run_eagerly=EAGERLY)
    return model


def data(epoch):
    """Batches of every epoch from `epoch` on."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EPOCHS * STEPS, 8, 5))[epoch * STEPS :]
    return ((batch, batch.sum(1, keepdims=True)) for batch in x)


def fit(model, path, epochs):
    checkpoint = TrainingCheckpoint(path)
    epoch = checkpoint.restore(model)
    model.fit(
        data(epoch),
        steps_per_epoch=STEPS,
        initial_epoch=epoch,
        epochs=epochs,
        callbacks=[checkpoint],
        shuffle=False,
        verbose=0,
    )
    return checkpoint.history


def test_resumed_training_equals_uninterrupted_training(tmp_path):
    whole, first, second = make_model(), make_model(), make_model()
    expected = fit(whole, tmp_path / "whole.npz", EPOCHS)
    fit(first, tmp_path / "parts.npz", 2)
    history = fit(second, tmp_path / "parts.npz", EPOCHS)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    np.testing.assert_allclose(
        [row["loss"] for row in history],
        [row["loss"] for row in expected],
        rtol=1e-5,
    )
    seconds = [row["seconds"] for row in history]
    assert seconds == sorted(seconds)
    states = zip(
        [*whole.variables, *whole.optimizer.variables],
        [*second.variables, *second.optimizer.variables],
        strict=True,
    )
    for expected, received in states:
        np.testing.assert_allclose(
            *map(keras.ops.convert_to_numpy, (expected, received)), rtol=1e-5
        )


def shuffled():
    """Batches in an order that a seed decides, other ones at every pass."""
    x = np.random.default_rng(0).normal(size=(20, 5)).astype("float32")
    scenes = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True)))
    return scenes.shuffle(20, seed=1).batch(4)


def test_fit_goes_on_with_the_data_that_is_left(tmp_path):
    """Through an end of the data: five batches, in epochs of three."""

    def train(epochs, name):
        model, checkpoint = make_model(), TrainingCheckpoint(tmp_path / name)
        history = checkpoint.fit(
            model, shuffled(), epochs=epochs, steps_per_epoch=3, verbose=0
        )
        return [row["loss"] for row in history], model.get_weights()

    losses, weights = train(4, "whole.npz")
    for epochs in (1, 3, 3):  # The last time, nothing is left to do.
        begun, _ = train(epochs, "parts.npz")
        assert len(begun) == epochs
    resumed, received = train(4, "parts.npz")
    np.testing.assert_allclose(resumed, losses, rtol=1e-5)
    for one, other in zip(weights, received, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("last", [True, False])
def test_callbacks_of_fit_run_before_the_checkpoint_or_where_named(
    tmp_path, last
):
    checkpoint = TrainingCheckpoint(tmp_path / "c.npz")
    known = []

    def note(epoch, logs):
        known.append(len(checkpoint.history))
        logs["noted"] = 7.0

    callback = keras.callbacks.LambdaCallback(on_epoch_end=note)
    history = checkpoint.fit(
        make_model(),
        shuffled(),
        epochs=2,
        steps_per_epoch=1,
        callbacks=[callback] if last else [checkpoint, callback],
        verbose=0,
    )
    assert known == ([0, 1] if last else [1, 2])
    assert ["noted" in row for row in history] == [last, last]


@pytest.mark.parametrize("place", [TrainingCheckpoint, TrainingCheckpoint.fit])
def test_its_examples_run(place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(
        r"```python\n(.*?)```", inspect.getdoc(place), flags=re.S
    )
    names = {"keras": keras, "keras_slots": keras_slots, "np": np, "tf": tf}
    exec(code, names)
    assert len(names["checkpoint"].history) == 3


def test_the_noise_goes_on_where_it_stopped(tmp_path):
    model, other = make_model(), make_model()
    fit(model, tmp_path / "c.npz", 2)
    TrainingCheckpoint(tmp_path / "c.npz").restore(other)
    (state,) = [v for v in other.variables if "seed" in v.path]
    # One draw per step.
    assert keras.ops.convert_to_numpy(state).tolist() == [3, 2 * STEPS]


def test_no_file_is_a_fresh_start(tmp_path):
    assert TrainingCheckpoint(tmp_path / "c.npz").restore(make_model()) == 0


def test_a_fresh_start_has_no_history(tmp_path):
    path = tmp_path / "c.npz"
    fit(make_model(), path, 1)
    checkpoint = TrainingCheckpoint(path)
    assert checkpoint.restore(make_model()) == len(checkpoint.history) == 1
    path.unlink()
    assert checkpoint.restore(make_model()) == len(checkpoint.history) == 0


def test_a_file_is_on_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    """Else a power cut can leave an empty file of that name."""
    checkpoint = TrainingCheckpoint(tmp_path / "c.npz")
    checkpoint.set_model(make_model())
    checkpoint.on_train_begin()
    calls = []

    def note(call):
        def noted(*args):
            calls.append(call.__name__)
            return call(*args)

        monkeypatch.setattr(os, call.__name__, noted)

    note(os.fsync)
    note(os.replace)
    checkpoint.on_epoch_end(0)
    assert calls == ["fsync", "replace"]


def test_a_crash_while_writing_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    fit(make_model(), path, 1)
    before = path.read_bytes()

    def crash(file, *args, **kwargs):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", crash)
    with pytest.raises(OSError, match="disk full"):
        fit(make_model(), path, 2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_said_before_training(tmp_path):
    model = make_model()
    with pytest.raises(FileNotFoundError, match=r"Received: path=.*c\.npz"):
        fit(model, tmp_path / "nowhere" / "c.npz", 1)
    assert keras.ops.convert_to_numpy(model.optimizer.iterations) == 0


def test_a_folder_is_said_before_training(tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path)
    checkpoint.set_model(make_model())
    with pytest.raises(IsADirectoryError, match=r"not a folder\. Received: p"):
        checkpoint.on_train_begin()


def test_bfloat16_weights_survive(tmp_path):
    def make():
        model = keras.Sequential(
            [keras.layers.Input((2,)), keras.layers.Dense(1, dtype="bfloat16")]
        )
        model.compile(optimizer="sgd", loss="mse")
        return model

    checkpoint = TrainingCheckpoint(tmp_path / "c.npz")
    model, other = make(), make()
    checkpoint.set_model(model)
    checkpoint.on_train_begin()
    checkpoint.on_epoch_end(0)
    assert checkpoint.restore(other) == 1
    kernels = [
        keras.ops.convert_to_numpy(m.layers[0].kernel).astype("float32")
        for m in (model, other)
    ]
    np.testing.assert_array_equal(*kernels)


def test_another_models_checkpoint_is_refused(tmp_path):
    fit(make_model(), tmp_path / "c.npz", 1)
    with pytest.raises(ValueError, match="state of another model"):
        TrainingCheckpoint(tmp_path / "c.npz").restore(make_model(units=2))


def test_another_optimizers_checkpoint_is_refused(tmp_path):
    """Its arrays have the shapes of Adam's."""
    fit(make_model(), tmp_path / "c.npz", 1)
    model = make_model()
    model.compile(optimizer=keras.optimizers.Adamax(0.1), loss="mse")
    with pytest.raises(ValueError, match=r"'Adamax'.*Received: .'Adam'"):
        TrainingCheckpoint(tmp_path / "c.npz").restore(model)


def test_the_optimizer_within_one_that_scales_the_loss_counts(tmp_path):
    def make(optimizer):
        model = make_model()
        scaled = keras.optimizers.LossScaleOptimizer(optimizer)
        model.compile(optimizer=scaled, loss="mse")
        return model

    fit(make(keras.optimizers.Adam()), tmp_path / "c.npz", 1)
    checkpoint = TrainingCheckpoint(tmp_path / "c.npz")
    assert checkpoint.restore(make(keras.optimizers.Adam())) == 1
    with pytest.raises(ValueError, match="LossScaleOptimizer of Adamax"):
        checkpoint.restore(make(keras.optimizers.Adamax()))


def test_logs_may_hold_more_than_one_number(tmp_path):
    model = make_model()
    checkpoint = TrainingCheckpoint(tmp_path / "c.npz")
    checkpoint.set_model(model)
    checkpoint.on_train_begin()
    checkpoint.on_epoch_end(0, {"r2": np.float32([0.5, 0.25]), "note": "fine"})
    assert checkpoint.restore(model) == 1
    assert checkpoint.history[0]["r2"] == [0.5, 0.25]
    assert checkpoint.history[0]["note"] == "fine"


@pytest.mark.parametrize("keep", [0, 10, 400])
def test_a_damaged_file_is_named(tmp_path, keep):
    path = tmp_path / "c.npz"
    fit(make_model(), path, 1)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"damaged.*c\.npz"):
        TrainingCheckpoint(path).restore(make_model())


def test_an_uncompiled_model_is_refused(tmp_path):
    fit(make_model(), tmp_path / "c.npz", 1)
    model = keras.Sequential([keras.layers.Input((5,))])
    with pytest.raises(ValueError, match="built and compiled"):
        TrainingCheckpoint(tmp_path / "c.npz").restore(model)


@ON_TENSORFLOW
def test_only_the_chief_of_many_workers_writes(tmp_path, monkeypatch):
    model, path = make_model(), tmp_path / "c.npz"
    path.write_bytes(b"the chief's")
    checkpoint = TrainingCheckpoint(path)
    checkpoint.set_model(model)
    strategy = model.distribute_strategy
    monkeypatch.setattr(
        type(strategy.extended), "should_checkpoint", property(lambda _: False)
    )
    checkpoint.on_train_begin()
    checkpoint.on_epoch_end(0, {"loss": 1.0})
    assert path.read_bytes() == b"the chief's"
    assert [row["loss"] for row in checkpoint.history] == [1.0]
