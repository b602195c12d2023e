"""The example as its users run it: every model, both data sets, resumed."""

import argparse
import functools
import importlib
import json
import math
import pathlib
import re
import sys

import numpy as np
import pytest

from keras_slots.layers import ConvEncoder, PropertyHead, SlotAttention
from keras_slots.models import SetPrediction
from keras_slots.property_layout import PropertyLayout
from tests.datasets.clevr_miniature import prepare, refuse_network

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "set_prediction.py"
THRESHOLDS = ["ap_inf", "ap_1", "ap_0.5", "ap_0.25", "ap_0.125"]
FILES = [
    "checkpoint.npz",
    "curves.png",
    "history.csv",
    "metrics.json",
    "model.keras",
    "predictions.png",
    "saved_model",
    "settings.json",
]


@pytest.fixture
def run(run_example):
    """Runs the example in this process; gives what it printed."""
    return functools.partial(run_example, "set_prediction", "--smoke")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("scenes")


def read_metrics(output):
    return json.loads((output / "metrics.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "options", "iterations"),
    [
        ("slot_attention", ("--no-loss-at-every-iteration",), ["3", "5"]),
        ("slot_attention", ("--no-centers", "--loss", "huber"), ["3", "5"]),
        ("slot_mlp", ("--coordinate-scale", "2"), ["none"]),
        ("dspn", ("--inner-iterations", "2"), ["2", "6"]),
        ("idspn", ("--inner-iterations", "7"), ["7", "21"]),
    ],
)
def test_every_model_runs_to_the_end(
    run, cache, tmp_path, model, options, iterations
):
    output = tmp_path / "run"
    options = ("--model", model, "--cache", cache, *options)
    text = run(*options, "--output", output)
    assert sorted(path.name for path in output.iterdir()) == FILES
    for name in ("predictions.png", "curves.png"):
        assert (output / name).read_bytes().startswith(b"\x89PNG")
    metrics = read_metrics(output)
    assert metrics["saved_model_max_difference"] < 1e-4
    assert "AP on 16 held-out scenes" in text
    assert list(metrics["average_precision"]) == iterations
    for number, row in metrics["average_precision"].items():
        assert list(row) == THRESHOLDS
        assert all(0 <= value <= 1 for value in row.values())
        assert list(metrics["by_number_of_objects"][number]) == list("3456")


def test_numbers_of_objects_partition_the_scenes(run, cache, tmp_path):
    """With perfect predictions of three objects and none of the others."""
    setup = importlib.import_module("prediction_setup")
    options = ("--cache", cache, "--output", tmp_path)
    sys.argv = [str(x) for x in (EXAMPLE, "--smoke", *options)]
    settings, preset = setup.parse_options("")
    *_, test = setup.open_scenes(settings, preset)

    def know_three(image, num_iterations):
        _, target = next(iter(test))  # One batch holds them all.
        target = np.array(target)
        target[target[..., -1].sum(axis=1) != 3] = 0
        return target

    results = setup.evaluate(know_three, test, settings)
    rows = results["by_number_of_objects"]["3"]
    assert rows["3"] == dict.fromkeys(THRESHOLDS, 1.0)
    assert set(rows["5"].values()) == {0.0}
    target = np.concatenate([target for _, target in test])
    numbers = target[..., -1].sum(axis=1)
    expected = numbers[numbers == 3].sum() / numbers.sum()
    overall = results["average_precision"]["3"]["ap_0.125"]
    assert math.isclose(overall, expected, rel_tol=1e-5)


def test_validation_leaves_the_noise_of_training_alone(run):
    example = importlib.import_module("set_prediction")
    layout = PropertyLayout(("color",))
    model = SetPrediction(
        ConvEncoder(filters=(4,), mlp_sizes=(8, 8)),
        SlotAttention(3, 8, slot_initialization="shared_gaussian"),
        PropertyHead(layout.num_features),
    )
    model.compile(run_eagerly=True)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3))
    target = np.ones((2, 3, layout.num_features), "float32")
    options = argparse.Namespace(layout=layout)
    model(image)  # Draws, so that the noise is no longer fresh.
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    before = np.array([np.array(state) for state in states])
    assert "val_ap_inf" in example.validate(model, [(image, target)], options)
    assert np.any(before[:, 1] > 0)
    np.testing.assert_array_equal([np.array(s) for s in states], before)


@pytest.mark.slow
def test_a_run_goes_on_after_its_checkpoint(run, cache, tmp_path, monkeypatch):
    folder = importlib.import_module("run_folder")
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    options = ("--model", "slot_mlp", "--cache", cache, "--output")
    run(*options, whole)

    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_rows", stop)
        with pytest.raises(Stop):
            run(*options, halves)
    assert "step 2 of 4" in run(*options, halves)
    rows = [
        np.genfromtxt(folder / "history.csv", delimiter=",", names=True)
        for folder in (whole, halves)
    ]
    np.testing.assert_allclose(rows[0]["loss"], rows[1]["loss"], rtol=1e-3)
    with pytest.raises(SystemExit, match=r"finished run.*--fresh"):
        run(*options, halves)
    assert "AP on 16" in run("--evaluate-only", *options, halves)
    assert (halves / "evaluation.json").exists()


@pytest.mark.slow
def test_the_published_data_runs_end_to_end(run, tmp_path, monkeypatch):
    data_dir, _ = prepare(tmp_path)
    refuse_network(monkeypatch)
    output = tmp_path / "run"
    options = ("--data", "clevr", "--data-dir", data_dir, "--batch-size", "4")
    run(*options, "--max-objects", "5", "--output", output)
    metrics = read_metrics(output)
    assert metrics["steps"] == 4
    # 12 scenes with 3 to 10 objects in turn, those of more than 5 left out.
    assert metrics["test_scenes"] == 6
    assert list(metrics["by_number_of_objects"]["3"]) == list("345")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "clevr", "--data-dir", "absent"), r"17\.7 GiB.*absent"),
        (("--preset", "clevr6"), r"SetPrediction.*Received: --preset clevr6"),
        (("--steps", "0"), r"--steps: must be .* Received: 0"),
        (("--coordinate-scale", "0"), r"Received: coordinate_scale=0"),
        (("--max-objects", "11"), r"max_objects=11"),
        (
            ("--model", "dspn", "--loss-at-every-iteration"),
            r"Received: --model dspn",
        ),
    ],
)
def test_bad_input_is_named_before_anything_is_written(
    run, tmp_path, capsys, options, message
):
    output = tmp_path / "run"
    with pytest.raises(SystemExit) as error:
        run("--cache", tmp_path / "cache", "--output", output, *options)
    text = f"{error.value} {capsys.readouterr().err}"
    assert re.search(message, text, re.DOTALL), text
    assert not output.exists()
