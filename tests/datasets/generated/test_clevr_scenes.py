"""Generated CLEVR scenes as `fit` and `evaluate` see them."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets import clevr_scenes
from keras_slots.property_layout import PROPERTIES, PropertyLayout

SPLITS = ["train", "validation", "test"]
NUM_SCENES = 40


def everything(dataset):
    """All elements of a batched dataset of dictionaries, joined."""
    batches = list(dataset.as_numpy_iterator())
    return {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}


@pytest.fixture(scope="module")
def sample():
    return everything(clevr_scenes("test", 16, NUM_SCENES, as_dict=True))


@pytest.mark.parametrize(
    ("split", "size"),
    [("train", 50_000), ("validation", 1_000), ("test", 1_000)],
)
def test_default_sizes(split, size):
    assert clevr_scenes(split).cardinality() == size
    assert len(clevr_scenes(split, 64)) == -(-size // 64)
    assert len(clevr_scenes(split, 64, drop_remainder=True)) == size // 64


def test_elements_are_images_and_targets():
    dataset = clevr_scenes("test", image_size=20, num_scenes=2)
    assert dataset.element_spec == (
        tf.TensorSpec((20, 20, 3), tf.float32),
        tf.TensorSpec((10, 19), tf.float32),
    )
    for image, target in dataset:
        assert image.shape == (20, 20, 3)
        assert -1.0 <= image.numpy().min() < image.numpy().max() <= 1.0
        assert target.shape == (10, 19)
    batched = clevr_scenes("test", 3, 7, image_size=8, drop_remainder=True)
    assert batched.element_spec[0].shape == (3, 8, 8, 3)
    assert batched.element_spec[1].shape == (3, 10, 19)
    assert [len(image) for image, _ in batched] == [3, 3]
    partial = clevr_scenes("test", 3, 7, image_size=8)
    assert [len(image) for image, _ in partial] == [3, 3, 1]


def test_as_dict_names_everything():
    spec = clevr_scenes("test", as_dict=True, num_targets=12).element_spec
    classes = dict.fromkeys(PROPERTIES, tf.TensorSpec((12,), tf.int32))
    assert spec == {
        "image": tf.TensorSpec((64, 64, 3), tf.float32),
        "mask": tf.TensorSpec((64, 64), tf.int32),
        "target": tf.TensorSpec((12, 19), tf.float32),
        "visibility": tf.TensorSpec((12,), tf.float32),
        "coordinates": tf.TensorSpec((12, 3), tf.float32),
        "pixel_coordinates": tf.TensorSpec((12, 3), tf.float32),
        "rotation": tf.TensorSpec((12,), tf.float32),
        **classes,
    }


def row_by_hand(scene, i):
    """The 19 features of section 5.8 for object i."""
    row = [(value + 3.0) / 6.0 for value in scene["coordinates"][i]]
    for name, names in PROPERTIES.items():
        row += [float(scene[name][i] == k) for k in range(len(names))]
    return [*row, 1.0]


def test_targets_say_what_the_properties_say(sample):
    for b in range(NUM_SCENES):
        scene = {name: values[b] for name, values in sample.items()}
        count = int(scene["visibility"].sum())
        assert 3 <= count <= 10
        np.testing.assert_array_equal(scene["visibility"][:count], 1)
        expected = [row_by_hand(scene, i) for i in range(count)]
        np.testing.assert_allclose(scene["target"][:count], expected, 1e-5)
        for name in PROPERTIES:
            assert (scene[name][:count] >= 0).all()
            assert (scene[name][count:] == -1).all()
        for name in (
            "target",
            "visibility",
            "coordinates",
            "pixel_coordinates",
            "rotation",
        ):
            assert (scene[name][count:] == 0).all()
        assert set(np.unique(scene["mask"])) == set(range(count + 1))


def test_pixel_coordinates_lead_to_the_objects(sample):
    """Spheres are seen around their center, the whole of them."""
    sphere = PROPERTIES["shape"].index("sphere")
    errors = []
    for b, i in zip(*np.nonzero(sample["shape"] == sphere), strict=True):
        others = sample["mask"][b] != i + 1
        rows, columns = np.nonzero(~others)
        near = np.pad(~others, 1)
        border = sum(
            np.roll(near, k, axis) for k in (-1, 1) for axis in (0, 1)
        )[1:-1, 1:-1]
        whole = not (sample["mask"][b][(border > 0) & others] > 0).any()
        whole &= 0 < rows.min() and rows.max() < 63
        if whole:
            seen = [columns.mean() + 0.5, rows.mean() + 0.5]
            errors.append(sample["pixel_coordinates"][b, i, :2] - seen)
    assert len(errors) > 20
    assert np.abs(errors).max() < 0.4
    depth = sample["pixel_coordinates"][..., 2][sample["visibility"] == 1]
    assert 6 < depth.min() and depth.max() < 17


def test_other_layouts_and_numbers_of_targets(sample):
    layout = PropertyLayout(properties=("shape", "color"), coordinate_scale=2.0)
    dataset = clevr_scenes("test", NUM_SCENES, NUM_SCENES, layout=layout)
    _, target = next(dataset.as_numpy_iterator())
    assert target.shape == (NUM_SCENES, 10, layout.num_features)
    full = PropertyLayout().decode(sample["target"])
    short = layout.decode(target)
    real = full["real"] == 1
    np.testing.assert_array_equal(short["real"], full["real"])
    for name in ("shape", "color"):
        np.testing.assert_array_equal(short[name][real], full[name][real])
    np.testing.assert_allclose(
        short["coordinates"][real], full["coordinates"][real], atol=1e-5
    )
    wide = clevr_scenes("test", num_scenes=1, max_objects=4, num_targets=7)
    assert wide.element_spec[1].shape == (7, 19)
    narrow = clevr_scenes("test", num_scenes=1, max_objects=4)
    assert narrow.element_spec[1].shape == (4, 19)


def test_numbers_and_classes_are_restricted():
    data = everything(
        clevr_scenes(
            "train",
            10,
            30,
            as_dict=True,
            image_size=8,
            min_objects=1,
            max_objects=2,
            only={"size": ["large"], "color": ("red", "cyan")},
        )
    )
    real = data["visibility"] == 1
    assert set(real.sum(axis=1)) == {1, 2}
    assert set(data["size"][real]) == {PROPERTIES["size"].index("large")}
    expected = {PROPERTIES["color"].index(name) for name in ("red", "cyan")}
    assert set(data["color"][real]) == expected
    assert set(data["shape"][real]) == {0, 1, 2}


def test_same_seed_and_split_give_the_same_scenes(sample):
    again = everything(
        clevr_scenes("test", 7, NUM_SCENES, as_dict=True, shuffle=False)
    )
    for name in sample:
        np.testing.assert_array_equal(sample[name], again[name])
    fewer = everything(clevr_scenes("test", 7, 11, as_dict=True))
    np.testing.assert_array_equal(fewer["image"], sample["image"][:11])
    small = everything(clevr_scenes("test", 7, 11, as_dict=True, image_size=16))
    for name in ("target", "coordinates", "rotation"):
        np.testing.assert_array_equal(small[name], sample[name][:11])


def test_splits_and_seeds_share_no_scene():
    seen = []
    for split in SPLITS:
        for seed in (0, 1):
            dataset = clevr_scenes(
                split, 20, 20, seed, as_dict=True, shuffle=False, image_size=4
            )
            seen.append(everything(dataset)["coordinates"][:, 0])
    seen = np.concatenate(seen)
    assert len(np.unique(seen, axis=0)) == len(seen) == 120


def test_training_is_shuffled_anew_at_every_pass():
    def order(dataset):
        return [scene["rotation"][0] for scene in dataset.as_numpy_iterator()]

    options = {"num_scenes": 20, "as_dict": True, "image_size": 4}
    fixed = order(clevr_scenes("train", shuffle=False, **options))
    dataset = clevr_scenes("train", **options)
    first, second = order(dataset), order(dataset)
    assert first != second and fixed not in (first, second)
    assert sorted(first) == sorted(second) == sorted(fixed)
    assert order(clevr_scenes("train", **options)) == first
    test = clevr_scenes("test", **options)
    assert order(test) == order(test)
    shuffled = clevr_scenes("test", shuffle=True, **options)
    assert sorted(order(shuffled)) == sorted(order(test)) != order(shuffled)


@pytest.mark.parametrize("as_dict", [False, True])
def test_cached_scenes_are_the_live_ones(as_dict, tmp_path):
    options = {"num_scenes": 12, "as_dict": as_dict, "image_size": 24}
    options |= {"seed": 3, "num_targets": 11, "shuffle": False}
    for split in ("train", "test"):
        live = clevr_scenes(split, 5, **options)
        stored = clevr_scenes(split, 5, cache=tmp_path / "cache", **options)
        assert stored.element_spec == live.element_spec
        assert len(stored) == len(live) == 3
        # Twice, as the second run reads what the first has written.
        again = clevr_scenes(split, 5, cache=tmp_path / "cache", **options)
        for batches in (stored, again):
            for mine, other in zip(
                batches.as_numpy_iterator(),
                live.as_numpy_iterator(),
                strict=True,
            ):
                tf.nest.map_structure(
                    np.testing.assert_array_equal, mine, other
                )


def test_caches_of_other_settings_are_refused(tmp_path, monkeypatch):
    options = {"num_scenes": 2, "image_size": 8, "cache": str(tmp_path)}
    clevr_scenes("train", **options)
    # These do not bear on what is stored.
    clevr_scenes("test", 2, as_dict=True, num_targets=12, **options)
    clevr_scenes("train", layout=PropertyLayout(("color",)), **options)
    for other, message in (
        ({"seed": 1}, "seed=0 there, 1 here"),
        ({"image_size": 9}, "image_size=8 there, 9 here"),
        ({"max_objects": 6}, "max_objects=10 there, 6 here"),
        ({"only": {"size": ("small",)}}, "only="),
    ):
        with pytest.raises(ValueError, match=message) as error:
            clevr_scenes("train", **{**options, **other})
        assert str(tmp_path) in str(error.value)
    # The package has the function under the name of the module.
    module = sys.modules[clevr_scenes.__module__]
    monkeypatch.setattr(module, "_VERSION", "next")
    with pytest.raises(ValueError, match=r"version=\d+ there, 'next' here"):
        clevr_scenes("train", **options)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_fit_and_evaluate_take_the_dataset_as_it_is():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(10 * 19),
            keras.layers.Reshape((10, 19)),
        ]
    )
    model.compile("sgd", "mse")
    train = clevr_scenes("train", 4, 8, image_size=8)
    test = clevr_scenes("test", 4, 6, image_size=8)
    # Keras warns of its own shuffling otherwise.
    model.fit(train, epochs=2, shuffle=False, verbose=0)
    assert np.isfinite(model.evaluate(test, verbose=0))


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"split": "valid"}, "split='valid'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"num_scenes": 0}, "num_scenes=0"),
        ({"seed": -1}, "seed=-1"),
        ({"image_size": 6.4}, "image_size=6.4"),
        ({"min_objects": 0}, "min_objects=0"),
        (
            {"max_objects": 11},
            "min_objects=3, max_objects=11, num_targets=11",
        ),
        (
            {"min_objects": 5, "max_objects": 4},
            "min_objects=5, max_objects=4, num_targets=4",
        ),
        ({"num_targets": 9}, "min_objects=3, max_objects=10, num_targets=9"),
        ({"only": {"weight": ("heavy",)}}, "only='weight'"),
        ({"only": {"size": ("huge",)}}, "only['size']='huge'"),
        ({"only": {"size": "large"}}, "only['size']='large'"),
        ({"only": {"size": ()}}, "only={'size': ()}"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(options, received):
    with pytest.raises(ValueError) as error:
        clevr_scenes(**{"split": "train", **options})
    assert f"`{[*options][-1]}" in str(error.value)
    assert str(error.value).endswith(f"Received: {received}")
