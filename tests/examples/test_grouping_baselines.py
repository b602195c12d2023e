"""What the simplest groupings make of scenes whose answer is known."""

import importlib
import pathlib

import numpy as np
import pytest

from keras_slots.datasets import multi_dsprites, tetrominoes
from keras_slots.metrics import adjusted_rand_index

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def baselines(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("discovery_scenes")


def scene(colors, labels):
    """A picture of flat colors (4, 4, 3) by labels, and the labels."""
    mask = np.array(labels)[None]
    return np.array(colors, "float32")[mask], mask


APART = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 2]]
BLACK, RED, BLUE = [-1, -1, -1], [0.5, -1, -1], [-1, -1, 0.5]


@pytest.mark.parametrize("grouping", ["hue_masks", "cluster_masks"])
def test_colors_tell_objects_apart_that_differ(baselines, grouping):
    image, mask = scene([BLACK, RED, BLUE], APART)
    masks = getattr(baselines, grouping)(image, mask)
    assert np.array(adjusted_rand_index(mask, masks)) == pytest.approx(1.0)


def test_one_hue_makes_one_object_however_bright(baselines):
    image, mask = scene([BLACK, RED, [1.0, -1, -1]], APART)
    groups = baselines.hue_masks(image, mask).argmax(axis=1)[0, ..., 0]
    assert groups[0, 0] == groups[3, 3] != groups[0, 3]


def test_places_tell_objects_apart_of_one_color(baselines):
    image, mask = scene([BLACK, RED, RED], APART)
    masks = baselines.position_masks(image, mask)
    assert np.array(adjusted_rand_index(mask, masks)) == pytest.approx(1.0)


def test_a_scene_without_objects_is_all_background(baselines):
    image, mask = scene([BLACK], np.zeros((4, 4), int))
    masks = baselines.position_masks(image, mask)
    np.testing.assert_array_equal(masks, np.ones((1, 1, 4, 4, 1)))


def test_sprites_are_told_apart_by_color_without_a_mistake(baselines):
    """What docs/results/object_discovery.md says of color alone."""
    image, mask = next(multi_dsprites("test", 32).as_numpy_iterator())
    masks = baselines.cluster_masks(image, mask)
    np.testing.assert_allclose(adjusted_rand_index(mask, masks), 1.0)


def test_tetrominoes_are_not(baselines):
    image, mask = next(tetrominoes("test", 32).as_numpy_iterator())
    masks = baselines.hue_masks(image, mask)
    assert 0.6 < np.mean(adjusted_rand_index(mask, masks)) < 0.95
