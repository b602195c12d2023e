"""The example as its users run it: whole, killed, resumed, misused."""

import csv
import functools
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_slots.datasets import tetrominoes
from tests.examples.records import write_records
from tests.published_scenes import published_tetrominoes

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "object_discovery.py"
# Four epochs of three steps.
SETTINGS = ("--smoke", "--steps", "12", "--epoch-steps", "3")


def start(output, *options):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, EXAMPLE, *SETTINGS, "--output", output, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def finish(process):
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


def read_history(output):
    with open(output / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A whole run, and what it printed."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    return output, finish(start(output))


@pytest.fixture
def run(run_example):
    """Runs the example in this process; gives what it printed."""
    return functools.partial(run_example, "object_discovery")


@pytest.mark.slow
def test_a_run_leaves_every_file_and_nothing_unfinished(trained):
    output, text = trained
    assert sorted(path.name for path in output.iterdir()) == [
        "checkpoint.npz",
        "curves.png",
        "history.csv",
        "metrics.json",
        "model.keras",
        "saved_model",
        "scenes.png",
        "settings.json",
    ]
    for name in ("scenes.png", "curves.png"):
        assert (output / name).read_bytes().startswith(b"\x89PNG")
        assert str(output / name) in text
    assert "On 16 held-out scenes" in text
    metrics = json.loads((output / "metrics.json").read_text())
    error = metrics["mean_squared_error"]
    assert f"Mean squared error of the reconstructions: {error:.5f}" in text


@pytest.mark.slow
def test_metrics_tell_what_was_run_and_what_came_out(trained):
    output, _ = trained
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["steps"] == 12
    assert metrics["seconds"] > 0
    assert metrics["saved_model_max_difference"] < 1e-4
    assert metrics["settings"]["seed"] == 0
    assert metrics["versions"]["keras"] == keras.__version__
    for score in ("fg_ari", "ari", "mbo", "mask_iou"):
        for name in ("model", "color_alone", "position_alone"):
            row = metrics[score][name]
            assert -1 <= row["mean"] <= 1
            assert row["standard_error"] > 0
            assert row["scenes"] == 16


def test_the_error_is_of_the_reconstructions_and_by_scene(run):
    """0 for four scenes, 1 for two in a smaller batch: 1/3 on average."""

    class Model:
        def predict_on_batch(self, image):
            masks = np.zeros((len(image), 4, 35, 35, 1))
            offset = 0.0 if len(image) == 4 else 1.0
            return {"reconstruction": image + offset, "masks": masks}

    example = importlib.import_module("object_discovery")
    results, _ = example.evaluate(
        Model(), tetrominoes("test", 4, 6), "tetrominoes"
    )
    assert results["mean_squared_error"] == pytest.approx(1 / 3, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["multi_dsprites", "clevr_scenes"])
def test_other_scenes_take_the_same_way(run, tmp_path, data):
    output = tmp_path / "run"
    cache = tmp_path / "cache"
    smoke = ("--smoke", "--steps", 1, "--train-scenes", 8)
    text = run("--data", data, "--output", output, "--cache", cache, *smoke)
    assert f"{data}: " in text
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["settings"]["preset"] == data
    assert metrics["mbo"]["model"]["scenes"] == 16


@pytest.mark.slow
def test_history_has_a_row_for_every_epoch(trained):
    output, _ = trained
    history = read_history(output)
    assert history["step"] == [3, 6, 9, 12]
    assert history["seconds"] == sorted(history["seconds"])
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_not_been(trained, tmp_path):
    whole, _ = trained
    output = tmp_path / "killed"
    process = start(output)
    deadline = time.monotonic() + 120
    while not (output / "checkpoint.npz").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert not (output / "metrics.json").exists()

    text = finish(start(output))
    assert "step 0 of 12" not in text
    expected, history = read_history(whole), read_history(output)
    for name in ("step", "loss", "validation_loss", "validation_fg_ari"):
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-3)
    models = [
        keras.saving.load_model(folder / "model.keras")
        for folder in (whole, output)
    ]
    weights = zip(*(model.get_weights() for model in models), strict=True)
    for one, other in weights:
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_a_finished_run_is_not_overwritten(trained, run):
    output, _ = trained
    with pytest.raises(SystemExit, match=r"finished run.*--fresh.*--output"):
        run(*SETTINGS, "--output", output)


@pytest.mark.slow
def test_other_settings_are_refused_by_name(trained, run, tmp_path):
    settings = (trained[0] / "settings.json").read_text()
    (tmp_path / "settings.json").write_text(settings)
    with pytest.raises(SystemExit, match=r"other settings \(seed\).*--fresh"):
        run(*SETTINGS, "--output", tmp_path, "--seed", 1)
    assert (tmp_path / "settings.json").read_text() == settings


def test_files_of_unknown_origin_are_not_overwritten(run, tmp_path):
    (tmp_path / "model.keras").write_text("mine")
    with pytest.raises(SystemExit, match="other settings"):
        run(*SETTINGS, "--output", tmp_path)
    assert (tmp_path / "model.keras").read_text() == "mine"


def test_fresh_deletes_what_a_run_leaves_and_nothing_else(run, tmp_path):
    folder = importlib.import_module("run_folder")
    unfinished = [".model.keras.abc.unfinished", "checkpoint.npz.1.part"]
    unfinished.append("history.csv.abc.part")
    mine = ["notes.txt", ".notes.txt.abc.unfinished"]
    for name in (*folder.FILES[:-1], *unfinished, *mine):
        (tmp_path / name).write_text("{}")
    (tmp_path / "saved_model").mkdir()
    (tmp_path / ".saved_model.abc.unfinished").mkdir()
    folder.claim(tmp_path, {"seed": 0}, fresh=True)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [*sorted(mine), "settings.json"]


@pytest.mark.parametrize(
    "options, message",
    [
        (("--preset", "clevr6"), r"shape \(35, 35, 3\).*clevr6"),
        (
            ("--data", "multi_dsprites", "--preset", "tetrominoes_paper"),
            r"multi_dsprites have shape \(64, 64, 3\).*tetrominoes_paper",
        ),
        (("--preset", "clever"), "clever"),
        (("--steps", 0), "--steps: must be from 1 to .* Received: 0"),
        (("--preset", "clevr_properties"), "must be one of `ObjectDiscovery`"),
        (("--seed", -1), "--seed: must be from 0"),
        (("--seed", 2**32), "--seed: must be from 0 to 4294967295"),
        (("--train-scenes", 3), "--train-scenes must be at least .* 32"),
    ],
)
def test_wrong_options_are_named(run, capsys, options, message):
    with pytest.raises(SystemExit, match="2"):
        run(*options)
    error = " ".join(capsys.readouterr().err.split("error: ")[1].split())
    assert re.search(message, error)


@pytest.mark.slow
def test_a_trained_model_is_scored_on_a_short_file(trained, run, tmp_path):
    output, _ = trained
    before = (output / "metrics.json").read_bytes()
    path = write_records(tmp_path / "t.tfrecords", 5)
    text = run("--evaluate-only", "--output", output, "--records", path)
    assert "On 5 held-out scenes" in text
    scores = json.loads((output / "evaluation.json").read_text())["fg_ari"]
    assert scores["model"]["scenes"] == 5
    assert (output / "metrics.json").read_bytes() == before


@pytest.mark.slow
def test_a_trained_model_scores_the_same_again(trained, run):
    output, _ = trained
    run("--evaluate-only", "--output", output, "--eval-scenes", 16)
    metrics, evaluation = (
        json.loads((output / f"{name}.json").read_text())["fg_ari"]
        for name in ("metrics", "evaluation")
    )
    for name, row in metrics.items():
        assert evaluation[name] == pytest.approx(row, abs=1e-3)


@pytest.mark.slow
def test_a_trained_model_is_scored_on_the_published_scenes(trained, run):
    path = published_tetrominoes()
    output, _ = trained
    text = run("--evaluate-only", "--output", output, "--records", path)
    assert "On 10 held-out scenes" in text


def test_records_that_are_not_there_are_named(run, tmp_path):
    output = tmp_path / "run"
    with pytest.raises(SystemExit, match="nowhere"):
        run("--records", "nowhere", "--output", output)
    assert not output.exists()


def test_nothing_to_score_is_said(run, tmp_path):
    with pytest.raises(SystemExit, match="No model"):
        run("--evaluate-only", "--output", tmp_path)


def test_a_file_too_short_to_train_on_is_said(run, tmp_path):
    path = write_records(tmp_path / "t.tfrecords", 5)
    with pytest.raises(SystemExit, match=r"beyond the end.*\n.*evaluate-only"):
        run(*SETTINGS, "--output", tmp_path / "run", "--records", path)
    assert not (tmp_path / "run").exists()


def test_fresh_deletes_nothing_for_a_bad_file(run, tmp_path):
    path = tmp_path / "t.tfrecords"
    path.write_bytes(b"neither GZIP nor records")
    output = tmp_path / "run"
    output.mkdir()
    for name in ("model.keras", "metrics.json", "settings.json"):
        (output / name).write_text(name)
    with pytest.raises(SystemExit, match="GZIP"):
        run(*SETTINGS, "--output", output, "--records", path, "--fresh")
    for name in ("model.keras", "metrics.json", "settings.json"):
        assert (output / name).read_text() == name


@pytest.mark.slow
def test_training_scenes_are_not_scored_for_want_of_others(
    trained, run, tmp_path
):
    """Whatever the command line says of the training."""
    path = write_records(tmp_path / "t.tfrecords", 80)
    output = tmp_path / "run"
    output.mkdir()
    shutil.copy(trained[0] / "model.keras", output)
    settings = {"records": "elsewhere", "train_scenes": 76}
    (output / "settings.json").write_text(json.dumps(settings))
    options = ("--evaluate-only", "--output", output, "--records", path)
    with pytest.raises(SystemExit, match="trained on the first 76 records"):
        run(*options, "--train-scenes", 32, "--eval-scenes", 5)
    text = run(*options, "--train-scenes", 32, "--eval-scenes", 4)
    assert "On 4 held-out scenes" in text


@pytest.mark.slow
def test_a_model_of_unknown_training_is_not_scored_on_records(
    trained, run, tmp_path
):
    path = write_records(tmp_path / "t.tfrecords", 5)
    shutil.copy(trained[0] / "model.keras", tmp_path)
    with pytest.raises(SystemExit, match=r"trained on must be known"):
        run("--evaluate-only", "--output", tmp_path, "--records", path)


@pytest.mark.slow
def test_a_run_on_records_leaves_every_file(tmp_path):
    path = write_records(tmp_path / "t.tfrecords", 64 + 16 + 16)
    output = tmp_path / "run"
    finish(start(output, "--records", path))
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["settings"]["records"] == str(path)
    assert metrics["fg_ari"]["model"]["scenes"] == 16


@pytest.mark.parametrize("preset", ["tetrominoes_paper", "tetrominoes"])
def test_settings_read_from_json_as_they_were(monkeypatch, tmp_path, preset):
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    example = importlib.import_module("object_discovery")
    folder = importlib.import_module("run_folder")
    path = write_records(tmp_path / "t.tfrecords", 1)
    arguments = ["x", "--preset", preset, "--records", str(path)]
    monkeypatch.setattr(sys, "argv", arguments)
    settings = folder.make_settings(*example.parse_options())
    assert json.loads(json.dumps(settings)) == settings
    # An object written by its address would differ in the next process.
    assert " at 0x" not in json.dumps(settings)
