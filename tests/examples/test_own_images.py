"""Objects in pictures of one's own: a folder in, a picture and a model out."""

import functools
import importlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

WRITERS = {
    ".png": tf.io.encode_png,
    ".JPG": tf.io.encode_jpeg,
    ".jpeg": tf.io.encode_jpeg,
}


@pytest.fixture
def folder(tmp_path):
    """Pictures of more than one format and size, and a file that is none."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    chance = np.random.default_rng(0)
    for index in range(36):
        suffix, encode = list(WRITERS.items())[index % 3]
        size = (24 + index % 2, 36)
        picture = chance.integers(0, 256, (*size, 3), "uint8")
        place = folder if index % 4 else folder / "more"
        path = place / f"{index}{suffix}"
        path.write_bytes(encode(picture).numpy())
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.fixture
def example(run_example, monkeypatch):
    """The example, with epochs of two steps."""
    example = importlib.import_module("own_images")
    monkeypatch.setattr(example, "EPOCH_STEPS", 2)
    return example


@pytest.fixture
def run(example, run_example, folder, tmp_path):
    """Runs the example on the folder; gives what it printed."""
    output = tmp_path / "run"
    return functools.partial(
        run_example, "own_images", folder, "--output", output, "--slots", 3
    )


SMALL = ("--image-size", 16, 24)


@pytest.mark.slow
def test_a_folder_becomes_a_picture_and_a_model(run, tmp_path):
    printed = run(*SMALL, "--steps", 4)
    assert "Reading 36 pictures at 16 x 24 pixels" in printed
    assert "step 4: loss" in printed
    output = tmp_path / "run"
    assert (output / "slots.png").read_bytes().startswith(b"\x89PNG")
    assert not list(output.glob("*unfinished*"))
    model = keras.saving.load_model(output / "model.keras")
    outputs = model(np.zeros((1, 16, 24, 3), "float32"))
    assert outputs["masks"].shape == (1, 3, 16, 24, 1)


@pytest.mark.slow
def test_a_stopped_training_goes_on(run, example, monkeypatch, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(example, "SlotDiagnosis", lambda images: Stop())
        with pytest.raises(KeyboardInterrupt):
            run(*SMALL, "--steps", 4)
    printed = run(*SMALL, "--steps", 4)
    # Of both runs.
    assert printed.count("step 2:") == 1 and printed.count("step 4:") == 1


def test_size_keeps_proportions_and_fits_the_decoder(example, tmp_path):
    path = str(tmp_path / "wide.png")
    for (height, width), expected in (
        ((120, 160), [48, 64]),
        ((100, 71), [68, 48]),
        ((30, 30), [48, 48]),
    ):
        picture = np.zeros((height, width, 3), "uint8")
        tf.io.write_file(path, tf.io.encode_png(picture))
        assert example.choose_size(path) == expected


def test_other_settings_are_refused(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_text('{"size": [24, 24]}')
    with pytest.raises(SystemExit, match=r"other settings.*size.*--fresh"):
        run(*SMALL)


def test_what_is_not_a_picture_is_named(run, folder):
    (folder / "0.jpg").write_bytes(b"not a picture")
    with pytest.raises(SystemExit, match=r"not a picture: .*0\.jpg"):
        run(*SMALL)


def test_too_few_pictures_are_said(run, folder):
    for path in folder.glob("**/*.png"):
        path.unlink()
    with pytest.raises(SystemExit, match=r"32 pictures or more.*24 in"):
        run(*SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--slots", 1), "--slots: must be .* Received: 1"),
        (("--steps", 0), "--steps: must be .* Received: 0"),
        (("--image-size", 16, 22), r"no multiples of 4: \[16, 22\]"),
    ],
)
def test_wrong_options_are_named(run, capsys, options, message):
    with pytest.raises(SystemExit):
        run(*options)
    assert re.search(message, capsys.readouterr().err)
