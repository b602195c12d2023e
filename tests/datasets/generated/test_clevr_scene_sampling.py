"""The distribution of CLEVR scenes, against its rules in plain loops."""

import numpy as np
import pytest

from keras_slots.datasets.generated import clevr_scene_sampling as sampling
from keras_slots.datasets.generated.clevr_geometry import masks
from keras_slots.property_layout import PROPERTIES
from tests.datasets.clevr_reference import camera_axes

ALL = {name: tuple(range(len(c))) for name, c in PROPERTIES.items()}
NUM_SCENES = 600

# Of the first scene for training with seed 0, and the counts of the first 8.
GOLDEN_COUNTS = [8, 3, 4, 5, 9, 8, 10, 8]
GOLDEN_PLACES = [[-1.5904342, -0.0104201], [1.4335856, 1.7158278]]
GOLDEN_COLORS = [7, 6, 2, 2, 0, 6, 4, 1]


def settings(split="train", seed=0, low=3, high=10, **only):
    return sampling.SceneSettings(split, seed, low, high, {**ALL, **only})


@pytest.fixture(scope="module")
def scenes():
    return sampling.sample_scenes(settings(), range(NUM_SCENES))


def used(scenes, name):
    """A property of all objects there are, in one row."""
    values = getattr(scenes, name)
    return values[np.arange(values.shape[1]) < scenes.count[:, None]]


def test_objects_stand_apart_and_along_the_camera(scenes):
    tightest = np.inf
    for b in range(NUM_SCENES):
        forward, right, _ = camera_axes(scenes.camera[b])
        ahead = forward[:2] / np.linalg.norm(forward[:2])
        directions = [ahead, -ahead, right[:2], -right[:2]]
        for i in range(scenes.count[b]):
            for j in range(i):
                step = scenes.coordinates[b, i] - scenes.coordinates[b, j]
                radii = scenes.coordinates[b, [i, j], 2].sum()
                gap = np.linalg.norm(step[:2]) - radii
                tightest = min(tightest, gap)
                assert gap >= 0.25 - 1e-5
                for direction in directions:
                    assert not 1e-5 < step[:2] @ direction < 0.4 - 1e-5
    assert tightest < 0.26


def test_objects_rest_on_the_ground_within_three(scenes):
    coordinates = used(scenes, "coordinates")
    radius = np.array([0.35, 0.7], "float32")[used(scenes, "size")]
    np.testing.assert_array_equal(coordinates[:, 2], radius)
    assert np.abs(coordinates[:, :2]).max() <= 3.0
    assert coordinates[:, :2].min() < -2.95
    assert coordinates[:, :2].max() > 2.95


def test_counts_are_uniform(scenes):
    counts = np.bincount(scenes.count, minlength=11)
    assert counts[:3].sum() == 0
    # Seven degrees of freedom: above 26 once in two thousand.
    expected = NUM_SCENES / 8
    assert ((counts[3:] - expected) ** 2 / expected).sum() < 26


def test_classes_are_uniform(scenes):
    for name in ("material", "shape", "color"):
        counts = np.bincount(used(scenes, name))
        share = counts / counts.sum()
        assert len(share) == len(PROPERTIES[name])
        np.testing.assert_allclose(share, 1 / len(share), atol=0.035)
    # Large objects find a place less often.
    assert 0.3 < used(scenes, "size").mean() < 0.5


def test_rotations_are_uniform(scenes):
    rotation = used(scenes, "rotation")
    assert rotation.min() >= 0 and rotation.max() < 360
    share = np.histogram(rotation, 6, (0, 360))[0] / len(rotation)
    np.testing.assert_allclose(share, 1 / 6, atol=0.03)


def test_camera_and_lamps_are_displaced(scenes):
    shifts = []
    for values, base, limit in (
        (scenes.camera, [7.4811, -6.5076, 5.3437], 0.5),
        (scenes.lights[:, 0], [6.4467, -2.9052, 4.2584], 1.0),
        (scenes.lights[:, 1], [-4.6711, -4.0136, 3.0112], 1.0),
        (scenes.lights[:, 2], [-1.1685, 2.6460, 5.8157], 1.0),
    ):
        shift = (values - np.array(base)) / limit
        assert np.abs(shift).max() <= 1 + 1e-5
        np.testing.assert_allclose(shift.mean(axis=0), 0, atol=0.1)
        np.testing.assert_allclose(shift.std(axis=0), 3**-0.5, atol=0.04)
        shifts.append(shift)
    # Independently, within each and of each other.
    shifts = np.concatenate(shifts, axis=1)
    assert np.abs(np.corrcoef(shifts.T) - np.eye(12)).max() < 0.15


def test_every_object_is_seen(scenes):
    """200 pixels of 320 x 213.3 are as many as 12 of 64 x 64."""
    assert sampling.MIN_VISIBLE == round(200 / (320 * 320 / 1.5) * 64**2)
    labels = masks(scenes, 64)
    least = np.inf
    for b in range(NUM_SCENES):
        shown = np.bincount(labels[b].ravel(), minlength=11)
        assert shown[scenes.count[b] + 1 :].sum() == 0
        least = min(least, shown[1 : scenes.count[b] + 1].min())
    assert least == 12


def unit(words):
    return (words >> np.uint64(32)).astype("float64") / 2.0**32


def scene_by_loops(index, seed, split):
    """A scene as the published generator goes about it, from our words."""
    key = np.random.SeedSequence(seed, spawn_key=(split,))
    key = key.generate_state(2, "uint64")

    def words(attempt, count):
        counter = [0, attempt, index, 0]
        return np.random.Philox(counter=counter, key=key).random_raw(count)

    first = unit(words(0, 13))
    count = 3 + int(first[0] * 8)
    camera = np.add([7.4811, -6.5076, 5.3437], first[1:4] - 0.5)
    forward, right, _ = camera_axes(camera)
    ahead = forward[:2] / np.linalg.norm(forward[:2])
    directions = [right[:2], -right[:2], ahead, -ahead]
    attempt = 0
    while True:
        attempt += 1
        stream = words(attempt, 560).reshape(10, 56)
        placed = []
        for i in range(count):
            size = int(unit(stream[i, 50]) * 2)
            radius = (0.35, 0.7)[size]
            for word in stream[i, :50]:
                place = 6.0 * np.array(
                    [unit(word), unit(word << np.uint64(32))]
                )
                place -= 3.0
                clear = True
                for other, reach, *_ in placed:
                    step = place - other
                    clear &= np.hypot(*step) - radius - reach >= 0.25
                    for direction in directions:
                        clear &= not 0 < step @ direction < 0.4
                if clear:
                    placed.append((place, radius, stream[i]))
                    break
            else:
                break
        if len(placed) == count:
            yield count, camera, placed, attempt


def test_scenes_follow_the_published_procedure():
    """The first attempt whose objects are all placed and all visible."""
    got = sampling.sample_scenes(settings("test", 5), range(12))
    attempts = []
    for b in range(12):
        for scene in scene_by_loops(b, 5, 2):
            count, camera, placed, attempt = scene
            places = np.array([place for place, *_ in placed])
            if np.abs(places - got.coordinates[b, :count, :2]).max() < 1e-5:
                break
            # An attempt passed over must hide an object.
            hidden = sampling.Scenes(
                got.camera[b : b + 1],
                got.lights[b : b + 1],
                np.array([count]),
                np.array([[(*p, r) for p, r, _ in placed]], "float32"),
                np.array([[int(unit(w[50]) * 2) for *_, w in placed]]),
                np.array([[0] * count]),
                np.array([[int(unit(w[52]) * 3) for *_, w in placed]]),
                np.array([[0] * count]),
                np.array([[unit(w[54]) * 360 for *_, w in placed]], "float32"),
            )
            shown = np.bincount(masks(hidden, 64).ravel(), minlength=11)
            assert shown[1 : count + 1].min() < 12
        attempts.append(attempt)
        assert got.count[b] == count
        np.testing.assert_allclose(got.camera[b], camera, atol=1e-6)
        for i, (_, radius, words) in enumerate(placed):
            assert got.coordinates[b, i, 2] == np.float32(radius)
            names = ("size", "material", "shape", "color")
            for word, name in zip(words[50:54], names, strict=True):
                drawn = int(unit(word) * len(PROPERTIES[name]))
                assert getattr(got, name)[b, i] == drawn
            angle = 360 * unit(words[54])
            assert got.rotation[b, i] == pytest.approx(angle, abs=1e-4)
    assert max(attempts) > 1


def test_a_scene_depends_on_its_index_alone(scenes):
    some = sampling.sample_scenes(settings(), [70, 3, 41])
    one = sampling.sample_scenes(settings(), [41])
    for name, values in vars(scenes).items():
        np.testing.assert_array_equal(vars(some)[name], values[[70, 3, 41]])
        np.testing.assert_array_equal(vars(one)[name], values[[41]])


def test_splits_and_seeds_have_streams_of_their_own(scenes):
    cameras = [scenes.camera]
    for split, seed in (("validation", 0), ("test", 0), ("train", 1)):
        other = sampling.sample_scenes(settings(split, seed), range(100))
        cameras.append(other.camera)
    cameras = np.concatenate(cameras)
    assert len(np.unique(cameras, axis=0)) == len(cameras) == NUM_SCENES + 300


def test_counts_and_classes_can_be_restricted():
    got = sampling.sample_scenes(
        settings(low=2, high=4, color=(4, 6), size=(1,)), range(60)
    )
    assert got.shape.shape == (60, 4)
    assert set(got.count) == {2, 3, 4}
    assert set(used(got, "color")) == {4, 6}
    assert set(used(got, "size")) == {1}
    assert set(used(got, "shape")) == {0, 1, 2}
    full = sampling.sample_scenes(settings(low=10, size=(1,)), range(4))
    assert (full.count == 10).all()


def test_scenes_stay_as_they_are_from_release_to_release(scenes):
    assert scenes.count[:8].tolist() == GOLDEN_COUNTS
    np.testing.assert_allclose(
        scenes.coordinates[0, :2, :2], GOLDEN_PLACES, atol=1e-5
    )
    assert scenes.color[0, : scenes.count[0]].tolist() == GOLDEN_COLORS
