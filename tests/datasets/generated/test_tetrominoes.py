"""Generated Tetrominoes against what is known of the published ones."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import adjusted_rand_score

from keras_slots.datasets import tetrominoes
from keras_slots.datasets.generated import tetromino_scenes as scenes
from tests.datasets.joined import everything

SPLITS = ["train", "validation", "test"]

# The first scene of a split, as drawn with seed 0.
GOLDEN_TRAIN = [[[5, 4, 23, 20], [16, 3, 2, 10], [10, 4, 4, 20]]]
GOLDEN_TEST = [[[1, 0, 2, 22], [10, 3, 22, 17], [2, 1, 0, 5]]]


def sample_pieces(split, num_scenes, seed):
    (pieces,) = scenes.sample_pieces(split, num_scenes, seed)
    return pieces


@pytest.fixture(scope="module")
def sample():
    """2,000 scenes with all factors, images as 0..255."""
    data = everything(tetrominoes("test", 500, 2_000, seed=3, as_dict=True))
    data["pixels"] = np.round((data["image"] + 1) * 127.5).astype("int64")
    return data


@pytest.fixture(scope="module")
def pieces():
    """100,000 scenes as drawn: shape, color, row, column of each piece."""
    return sample_pieces("train", 100_000, seed=1).astype("int64")


def test_elements_are_images_and_labels():
    image_spec, mask_spec = tetrominoes("test").element_spec
    assert image_spec == tf.TensorSpec((35, 35, 3), tf.float32)
    assert mask_spec == tf.TensorSpec((35, 35), tf.int32)
    image, mask = next(iter(tetrominoes("test")))
    assert image.shape == (35, 35, 3) and image.dtype == tf.float32
    assert mask.shape == (35, 35) and mask.dtype == tf.int32
    assert image.numpy().min() == -1.0 and image.numpy().max() == 1.0
    assert set(np.unique(mask)) == {0, 1, 2, 3}


def test_as_dict_names_every_factor(sample):
    spec = tetrominoes("test", as_dict=True).element_spec
    assert spec == {
        "image": tf.TensorSpec((35, 35, 3), tf.float32),
        "mask": tf.TensorSpec((35, 35), tf.int32),
        "x": tf.TensorSpec((4,), tf.float32),
        "y": tf.TensorSpec((4,), tf.float32),
        "shape": tf.TensorSpec((4,), tf.float32),
        "color": tf.TensorSpec((4, 3), tf.float32),
        "visibility": tf.TensorSpec((4,), tf.float32),
    }
    for name in ("x", "y", "shape", "color"):
        assert (sample[name][:, 0] == 0).all()  # the background
    # The background counts as visible: objects are the sum less one.
    assert (sample["visibility"] == 1).all()
    assert (sample["visibility"].sum(axis=1) - 1 == 3).all()


def test_nineteen_shapes_are_the_fixed_tetrominoes(sample):
    assert len(set(scenes.SHAPES)) == 19
    free = set()
    for rows in scenes.SHAPES:
        grid = np.array([[c == "#" for c in row] for row in rows])
        assert grid.sum() == 4
        assert grid.any(axis=0).all() and grid.any(axis=1).all()
        turned = [np.rot90(g, k) for g in (grid, grid.T) for k in range(4)]
        free.add(min((g.shape, g.tobytes()) for g in turned))
    assert len(free) == 5  # I, L/J, S/Z, T, O up to turning and mirroring
    assert set(np.unique(sample["shape"][:, 1:])) == set(range(1, 20))


def test_images_follow_from_the_factors(sample):
    """Draws every cell anew by hand; `x` is the row and `y` the column."""
    for i in range(200):
        image = np.zeros((35, 35, 3), "int64")
        mask = np.zeros((35, 35), "int64")
        for k in (1, 2, 3):
            rows = scenes.SHAPES[int(sample["shape"][i, k]) - 1]
            top, left = int(sample["x"][i, k]), int(sample["y"][i, k])
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    if cell == "#":
                        at = np.s_[
                            top + 5 * r : top + 5 * r + 5,
                            left + 5 * c : left + 5 * c + 5,
                        ]
                        assert not mask[at].any()
                        mask[at] = k
                        image[at] = (
                            scenes.CELL_BRIGHTNESS[..., None]
                            * sample["color"][i, k]
                        )
        np.testing.assert_array_equal(sample["pixels"][i], image)
        np.testing.assert_array_equal(sample["mask"][i], mask)


def test_brightness_takes_the_published_values(sample):
    levels = {0, 63, 95, 127, 159, 191, 223, 255}
    assert set(np.unique(sample["pixels"])) == levels
    assert scenes.CELL_BRIGHTNESS.tolist() == [
        [191, 255, 255, 255, 223],
        [127, 159, 159, 159, 191],
        [127, 159, 159, 159, 191],
        [127, 159, 159, 159, 191],
        [95, 63, 63, 63, 127],
    ]
    black = (sample["pixels"] == 0).all(axis=-1)
    np.testing.assert_array_equal(black, sample["mask"] == 0)


def test_pieces_are_whole(sample):
    for k in (1, 2, 3):
        assert ((sample["mask"] == k).sum(axis=(1, 2)) == 100).all()


def test_offsets_reach_both_ends(pieces):
    for code, rows in enumerate(scenes.SHAPES):
        here = pieces[pieces[..., 0] == code]
        height, width = 5 * len(rows), 5 * len(rows[0])
        assert here[:, 2].min() == 0 and here[:, 2].max() == 35 - height
        assert here[:, 3].min() == 0 and here[:, 3].max() == 35 - width
        # Whole pixels, not a grid of cells.
        assert len(np.unique(here[:, 2])) == 36 - height


def test_colors_are_uniform_and_repeat(pieces):
    share = np.bincount(pieces[..., 1].ravel(), minlength=6) / 300_000
    np.testing.assert_allclose(share, 1 / 6, atol=0.004)
    colors = np.sort(pieces[..., 1], axis=1)
    repeats = (np.diff(colors, axis=1) == 0).any(axis=1).mean()
    # Colors do not bear on overlaps, so they stay independent.
    assert repeats == pytest.approx(1 - 5 / 6 * 4 / 6, abs=0.006)


def test_whole_scenes_are_rejected_on_overlap(pieces):
    """A count published for the real set: 496,682 scenes in a million.

    Drawing only the piece that overlaps again would give 0.4983, 17 shapes
    0.54 and no rejection 0.508.
    """
    code = pieces[..., 0] + 1
    has = ((code >= 11) & (code <= 14)).any(axis=1).mean()
    # The spread of 100,000 scenes is 0.0016; three of them.
    assert has == pytest.approx(0.4965, abs=0.005)


def test_grouping_by_color_scores_point_eight():
    data = everything(tetrominoes("test", 500, 1_000, as_dict=True))
    scores = []
    for image, mask in zip(data["image"], data["mask"], strict=True):
        seen = mask > 0
        color = (image[seen] > -1) @ [1, 2, 4]
        scores.append(adjusted_rand_score(mask[seen], color))
    assert np.mean(scores) == pytest.approx(0.797, abs=0.02)


def test_same_seed_and_split_give_the_same_scenes():
    first = everything(tetrominoes("validation", 50, 100, as_dict=True))
    again = everything(tetrominoes("validation", 20, 100, as_dict=True))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    fewer = everything(tetrominoes("validation", 7, 30, as_dict=True))
    np.testing.assert_array_equal(first["image"][:30], fewer["image"])
    other = everything(tetrominoes("validation", 50, 100, seed=1, as_dict=True))
    assert (first["image"] != other["image"]).any(axis=(1, 2, 3)).all()


def test_scenes_stay_as_they_are_from_release_to_release():
    assert sample_pieces("train", 1, seed=0).tolist() == GOLDEN_TRAIN
    assert sample_pieces("test", 1, seed=0).tolist() == GOLDEN_TEST


def test_splits_share_no_image_by_construction():
    drawn = {s: sample_pieces(s, 2_000, seed=0) for s in SPLITS}
    images = {}
    for split, pieces in drawn.items():
        rendered = scenes.render(pieces)[0].numpy()
        images[split] = {image.tobytes() for image in rendered}
    assert not images["train"] & images["validation"]
    assert not images["train"] & images["test"]
    assert not images["validation"] & images["test"]
    # Not only did they not meet: each scene is refused by the other splits.
    for split, pieces in drawn.items():
        for other in SPLITS:
            belongs = scenes.in_split(other, pieces.transpose(2, 1, 0))
            assert belongs.all() if other == split else not belongs.any()


def test_one_image_is_in_one_split_however_it_is_cut():
    """Two squares side by side, or two bars: the same image, two scenes."""
    bar, square = 0, 18
    squares = [[square, 0, 5, 5], [square, 0, 5, 15], [bar, 1, 30, 0]]
    bars = [[bar, 0, 5, 5], [bar, 0, 10, 5], [bar, 1, 30, 0]]
    both = np.array([squares, bars, squares[::-1]], "uint8")
    images, masks = scenes.render(both)
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])
    assert (masks[0].numpy() != masks[1].numpy()).any()
    for split in SPLITS:
        belongs = scenes.in_split(split, both.transpose(2, 1, 0))
        assert belongs.all() or not belongs.any()
