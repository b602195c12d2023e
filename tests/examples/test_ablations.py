"""The ablations as their users run them: whole, stopped, resumed, misused."""

import csv
import importlib
import json
import pathlib
import re
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
TASKS = {"object_discovery", "property_prediction"}


@pytest.fixture(autouse=True)
def ablations(monkeypatch):
    """The module of the command."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.syspath_prepend(EXAMPLES / "ablations")
    return importlib.import_module("ablations")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture
def run(ablations, cache, run_example):
    """Runs the command in this process; gives what it printed."""

    def run(output, *options, scale="--smoke"):
        folders = ("--output", output, "--cache", cache)
        return run_example("ablations", scale, *options, "--seeds", 0, *folders)

    return run


def read_csv(output):
    with open(output / "ablations.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_it_trains_draws_and_sums_up_and_never_repeats_a_run(
    ablations, run, tmp_path, monkeypatch
):
    text = run(tmp_path, "--figures", "11")
    assert re.search(r"property_prediction, no_decay, seed 0 \(4 of 4\)", text)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ablations.csv",
        "figure_11.png",
        "runs",
        "table.md",
    ]
    picture = (tmp_path / "figure_11.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    table = (tmp_path / "table.md").read_text()
    assert table in text and "| `no_decay` | 11 |" in table

    rows = read_csv(tmp_path)
    # What Figure 13 calls exact is the default, at this scale.
    assert {(row["task"], row["setting"]) for row in rows} == {
        (task, setting)
        for task in TASKS
        for setting in ("default", "exact_slots", "no_decay")
    }
    for row in rows:
        own = "fg_ari" if row["task"] == "object_discovery" else "ap_inf"
        other = {"fg_ari", "ap_inf"} - {own}
        assert row["seed"] == "0" and row["step"] in ("1", "2")
        assert -1 <= float(row[own]) <= 1 and row[other.pop()] == ""
    swept = [row["test_iterations"] for row in rows if row["test_iterations"]]
    assert swept == list("1234567") * 4  # Two names of one setting, two tasks.

    monkeypatch.delattr(ablations, "train")
    assert "4 of 4 runs are finished" in run(tmp_path, "--figures", "11")
    (tmp_path / "table.md").unlink()
    assert run(tmp_path, "--draw-only", "--figures", "11").count("| `") > 3
    assert (tmp_path / "table.md").read_text() == table
    with pytest.raises(SystemExit, match=r"other settings \(.*preset.*Name"):
        run(tmp_path, "--figures", "11", scale="--paper")


@pytest.mark.slow
def test_a_stopped_run_goes_on_after_its_checkpoint(
    cache, tmp_path, monkeypatch
):
    tasks = importlib.import_module("ablation_tasks").make_tasks("smoke")
    runs = importlib.import_module("ablation_runs")
    whole, halves = (
        runs.make_run(
            tasks["object_discovery"], "no_warmup", 3, tmp_path / name
        )
        for name in ("whole", "halves")
    )
    runs.train(whole, cache, None)
    scores = []

    class Stop(Exception):
        pass

    task = type(halves.task)
    score = task.score

    def stopping(self, *arguments):
        scores.append(score(self, *arguments))
        if len(scores) == 2:
            raise Stop
        return scores[-1]

    monkeypatch.setattr(task, "score", stopping)
    with pytest.raises(Stop):
        runs.train(halves, cache, None)
    assert not halves.finished
    runs.train(halves, cache, None)
    assert len(scores) == 3  # Of the first epoch, and twice the second.
    # The checkpoint has done its work.
    names = sorted(path.name for path in halves.folder.iterdir())
    assert names == ["metrics.json", "settings.json"]
    rows = [
        json.loads((run.folder / "metrics.json").read_text())["rows"]
        for run in (whole, halves)
    ]
    for expected, row in zip(*rows, strict=True):
        assert row["step"] == expected["step"]
        for name in ("loss", "fg_ari"):
            assert row[name] == pytest.approx(expected[name], abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--figures", "1,14"), r"'14' is not one of 1, 2, 3"),
        (("--tasks", "tracking"), r"'tracking' is not one of object_disc"),
        (("--seeds", "0,-1"), r"--seeds: must be from 0 .* Received: -1"),
        (("--paper", "--smoke"), r"not allowed with"),
        (
            (
                *("--paper", "--tasks", "property_prediction"),
                *("--figures", "11", "--data-dir", "absent"),
            ),
            r"17\.7 GiB(.|\n)*absent",
        ),
        (("--draw-only",), r"No run is finished in "),
    ],
)
def test_bad_input_is_named_before_anything_is_written(
    ablations, tmp_path, monkeypatch, capsys, options, message
):
    output = tmp_path / "run"
    arguments = ["ablations.py", "--output", str(output), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as error:
        ablations.main()
    text = f"{error.value} {capsys.readouterr().err}"
    assert re.search(message, text), text
    assert not output.exists()


def test_each_seed_goes_through_all_settings_before_the_next(tmp_path):
    tasks = importlib.import_module("ablation_tasks").make_tasks("small")
    runs = importlib.import_module("ablation_runs").make_runs(
        list(tasks.values()),
        ["default", "exact_slots", "no_gru"],
        [4, 2],
        pathlib.Path("runs"),
    )
    names = [run.folder.name for run in runs]
    assert names == [
        f"{task}-{setting}-{seed}"
        for seed in (4, 2)
        for setting in ("default", "no_gru")
        for task in ("object_discovery", "property_prediction")
    ]
