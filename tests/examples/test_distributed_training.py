"""The example of many devices and processes, and the benchmark that compares.

Losses on two devices of one process are in `tests/distributed`.
"""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_slots.datasets import convert_records
from tests.examples.conftest import EXAMPLES
from tests.examples.records import write_records

ROOT = Path(__file__).parents[2]
# Backend, strategy, processes x devices, losses, difference.
ROW = re.compile(
    r"^\| (\w+) \| (\w+) \| (\d x \d) \| .* \| ([-+.\de]*) \| ", re.M
)


def compare(folder, *options):
    """The largest difference from one device, by configuration."""
    command = [sys.executable, ROOT / "benchmarks/equality/distributed.py"]
    command += ["--output", folder, "--steps", 3, "--batch-size", 8]
    result = subprocess.run(
        [*map(str, [*command, *options])],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2400,  # Each process has 600 seconds.
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return {
        (strategy, devices): float(difference)
        for _, strategy, devices, difference in ROW.findall(result.stdout)
        if difference
    }


@pytest.mark.slow
def test_workers_and_devices_have_the_losses_of_one(tmp_path):
    # One file, of which each worker takes its part.
    records = write_records(tmp_path / "scenes.tfrecords", 40)
    convert_records(records, tmp_path / "shards")
    differences = compare(
        tmp_path,
        "--backends",
        "tensorflow",
        "--records",
        tmp_path / "shards",
    )
    assert set(differences) == {
        ("mirrored", "1 x 2"),
        ("mirrored", "1 x 4"),
        ("multi_worker", "2 x 1"),
    }
    assert max(differences.values()) < 1e-5


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_jax_has_the_losses_of_one_device_with_drawn_slots_too(tmp_path):
    differences = compare(
        tmp_path, "--backends", "jax", "--preset", "tetrominoes_paper"
    )
    assert set(differences) == {
        ("jax_data_parallel", "1 x 2"),
        ("jax_data_parallel", "2 x 1"),
    }
    assert max(differences.values()) < 1e-5


@pytest.fixture
def processes(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("distributed_workers")


def test_a_failed_worker_ends_the_others_and_is_named(processes, tmp_path):
    script = (
        "import os, sys, time\n"
        "print('out of memory', flush=True)\n"
        "time.sleep(60) if os.environ['WORKER'] == '0' else sys.exit(3)"
    )
    start = time.monotonic()
    with pytest.raises(SystemExit) as error:
        processes.run_workers(
            [sys.executable, "-c", script],
            [{"WORKER": "0"}, {"WORKER": "1"}],
            tmp_path,
        )
    assert time.monotonic() - start < 30
    message = str(error.value)
    assert message.startswith("Worker 1 failed with exit code 3")
    assert message.endswith("out of memory")


def test_addresses_differ(processes):
    addresses = processes.free_addresses(4)
    assert len(set(addresses)) == 4
    assert all(address.startswith("127.0.0.1:") for address in addresses)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "mirrored", "--workers", "2"], "--workers 2"),
        (["--strategy", "multi_worker", "--devices", "2"], "--devices 2"),
    ],
)
def test_what_cannot_be_is_said(run_example, capsys, options, message):
    with pytest.raises(SystemExit):
        run_example("distributed_training", *options)
    assert message in capsys.readouterr().err


def test_another_backend_is_refused(run_example, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(SystemExit, match="KERAS_BACKEND=tensorflow"):
        run_example("distributed_training", "--strategy", "jax_data_parallel")
