"""SpreadSlots: random slots whose centers lie apart from each other."""

import numpy as np
import pytest
from keras import ops

from keras_slots.layers import SpreadSlots
from keras_slots.layers.spread_slots import sunflower


def test_spread_slots_have_the_deviation_and_the_seed_asked_for():
    def features(**arguments):
        drawn = SpreadSlots(**arguments)((1, 50, 102))
        return ops.convert_to_numpy(drawn)[..., 2:]

    drawn = features(stddev=0.5, seed=1)
    assert drawn.std() == pytest.approx(0.5, rel=0.05)
    assert not np.allclose(features(stddev=0.5, seed=2), drawn)


def test_sunflower_is_a_spiral_of_golden_angles():
    points = ops.convert_to_numpy(sunflower(9))
    area = np.square(points).sum(axis=1) / 0.8**2
    np.testing.assert_allclose(area, (np.arange(9) + 0.5) / 9, rtol=1e-5)
    turns = np.arctan2(points[:, 0], points[:, 1]) / (2 * np.pi)
    golden = (3 - 5**0.5) / 2
    np.testing.assert_allclose(
        np.diff(turns) % 1, np.full(8, golden), atol=1e-5
    )
