"""SlotPictures: pictures for TensorBoard, and a training that does not notice.

The files are read back as what they are: TFRecords of `Event`s.
"""

import builtins

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.callbacks import SlotPictures
from keras_slots.layers import ConvEncoder
from keras_slots.models import ObjectDiscovery

pytest.importorskip("matplotlib")
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, size=(3, 5, 6, 3)).astype("float32")
MASK = RNG.integers(3, size=(3, 5, 6))


def make_model(optimizer="rmsprop", run_eagerly=True, **kwargs):
    """A small model; to trace its functions would take longer than to run."""
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 4, mlp_hidden_size=5, seed=1),
        SpatialBroadcastDecoder((5, 6), (4,)),
        **kwargs,
    )
    model.build((None, *IMAGES.shape[1:]))
    model.compile(optimizer, run_eagerly=run_eagerly)
    return model


def fit(model, *callbacks, **kwargs):
    return model.fit(
        IMAGES, callbacks=list(callbacks), shuffle=False, verbose=0, **kwargs
    ).history


def read(folder):
    """Step, width, height and PNG file of every picture, in their order."""
    pictures = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                assert value.tag == "slots"
                assert value.metadata.plugin_data.plugin_name == "images"
                width, height, *files = value.tensor.string_val
                assert len(files) == 1
                pictures.append((event.step, int(width), int(height), files[0]))
    return pictures


def steps(folder):
    return [step for step, *_ in read(folder)]


def test_a_picture_after_every_epoch(tmp_path):
    fit(make_model(), SlotPictures(IMAGES, tmp_path / "logs"), epochs=2)
    pictures = read(tmp_path / "logs")
    assert [step for step, *_ in pictures] == [0, 1]
    for _, width, height, file in pictures:
        assert file.startswith(b"\x89PNG")
        shape = tf.io.decode_png(file).shape
        assert tuple(shape[:2]) == (height, width)
        # Six columns of an inch and a quarter, three rows less high.
        assert 750 < width < 820 and 3 * 104 < height < 370
    assert pictures[0][-1] != pictures[1][-1]  # The model has learned.


def test_a_picture_after_every_few_epochs(tmp_path):
    fit(make_model(), SlotPictures(IMAGES[:1], tmp_path, every=2), epochs=5)
    assert steps(tmp_path) == [1, 3]


def test_a_training_goes_on(tmp_path):
    model, pictures = make_model(), SlotPictures(IMAGES[:1], str(tmp_path))
    fit(model, pictures, epochs=1)
    fit(model, pictures, initial_epoch=1, epochs=2)
    assert sorted(steps(tmp_path)) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_training_does_not_notice(tmp_path, dtype):
    watched = make_model(run_eagerly=False, dtype=dtype)
    alone = make_model(run_eagerly=False, dtype=dtype)
    history = fit(watched, SlotPictures(IMAGES, tmp_path), epochs=2)
    assert history["loss"] == fit(alone, epochs=2)["loss"]
    for variable, target in zip(
        watched.variables, alone.variables, strict=True
    ):
        np.testing.assert_array_equal(variable, target)


def test_every_picture_has_the_same_noise(tmp_path):
    model = make_model(keras.optimizers.SGD(0.0))  # It does not learn.
    fit(model, SlotPictures(IMAGES[:1], tmp_path), epochs=2)
    first, second = read(tmp_path)
    assert first[1:] == second[1:]


def test_true_masks_are_a_further_column(tmp_path):
    images, mask = tf.constant(IMAGES[:1]), tf.constant(MASK[:1])
    fit(make_model(), SlotPictures(images, tmp_path, mask=mask), epochs=1)
    ((_, width, *_),) = read(tmp_path)
    assert 880 < width < 950  # Seven columns, where it was six.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "`every` must be a positive integer. Received: every=0"),
        ({"images": IMAGES[0]}, r"`images` must have shape \(B, H, W, 3\)"),
        ({"mask": MASK[0]}, r"`mask` must have shape \(B, H, W\)"),
        ({"mask": MASK[1:]}, "`mask` must have shape .*here"),
    ],
    ids=["every", "images", "rank of mask", "number of masks"],
)
def test_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        SlotPictures(**{"images": IMAGES, "log_dir": tmp_path, **arguments})


def test_what_cannot_be_drawn_is_said_before_the_first_epoch(tmp_path):
    losses = []
    log = keras.callbacks.LambdaCallback(
        on_batch_end=lambda batch, logs: losses.append(logs)
    )
    pictures = SlotPictures(IMAGES[:, 1:], tmp_path)
    with pytest.raises(ValueError, match="size that the decoder draws"):
        fit(make_model(), pictures, log)
    plain = keras.Sequential([keras.layers.Conv2D(3, 1)])
    plain.compile(loss="mse", run_eagerly=True)
    with pytest.raises((IndexError, TypeError)):
        plain.fit(
            IMAGES,
            IMAGES,
            callbacks=[SlotPictures(IMAGES, tmp_path), log],
            verbose=0,
        )
    assert losses == []
    assert list(tmp_path.iterdir()) == []


def test_without_tensorflow_the_way_to_install_it_is_named(
    tmp_path, monkeypatch
):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "tensorflow":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    pictures = SlotPictures(IMAGES, tmp_path)
    pictures.set_model(make_model())
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match="`pip install tensorflow`"):
        pictures.on_train_begin()
