"""One model on two devices: the losses, scores and noise that it should have.

In a process of their own, `mirrored_training.py`, as devices must be made
before TensorFlow starts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def run(what):
    result = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("mirrored_training.py"),
            what,
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run(tmp_path_factory.mktemp("checkpoints"))


def test_two_devices_have_loss_and_score_of_one(results):
    losses = [loss for loss, _ in results["one"]]
    assert len(set(losses)) == len(losses) == 3  # They are of three steps.
    np.testing.assert_allclose(results["two"], results["one"], rtol=1e-5)


def test_a_checkpoint_of_one_device_goes_on_on_two(results):
    np.testing.assert_allclose(
        results["begun_on_one"], results["one"], rtol=1e-5
    )


def test_a_checkpoint_is_restored_outside_of_the_scope(results):
    assert results["epochs_restored"] == 3


def test_every_replica_draws_noise_of_its_own(results):
    one, two = np.array(results["slots_one"]), np.array(results["slots_two"])
    # The first replica draws what a single device does.
    np.testing.assert_allclose(two[::2], one, atol=1e-6)
    draws = two.reshape(4, -1)  # Two calls of two replicas.
    correlation = np.corrcoef(draws) - np.eye(4)
    assert np.abs(correlation).max() < 0.3


@pytest.mark.slow
def test_losses_from_drawn_slots_are_alike():
    one, two = map(np.array, run("draw").values())
    error = np.sqrt(one.var() / len(one) + two.var() / len(two))
    assert error > 0  # There is noise.
    assert abs(one.mean() - two.mean()) < 4 * error
