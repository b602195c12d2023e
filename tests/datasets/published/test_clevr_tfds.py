"""CLEVR by TensorFlow Datasets, from true files of random scenes."""

import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_slots
from keras_slots.datasets import clevr
from keras_slots.property_layout import PropertyLayout

pytest.importorskip("tensorflow_datasets")
from tests.datasets import clevr_miniature as miniature

# The order of the authors' targets, written down once more.
ORDERS = {
    "size": "small large",
    "material": "rubber metal",
    "shape": "cube sphere cylinder",
    "color": "gray blue brown yellow red green purple cyan",
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return miniature.prepare(tmp_path_factory.mktemp("clevr"))


@pytest.fixture(scope="module")
def data_dir(prepared):
    return prepared[0]


@pytest.fixture(scope="module")
def contents(prepared):
    return prepared[1]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    miniature.refuse_network(monkeypatch)


def class_index(name, value):
    return ORDERS[name].split().index(value)


def expected_target(scene, names=tuple(ORDERS), scale=1.0, rows=10):
    target = []
    for thing in scene["objects"]:
        row = [scale * (c + 3) / 6 for c in thing["3d_coords"]]
        for name in names:
            code = [0.0] * len(ORDERS[name].split())
            code[class_index(name, thing[name])] = 1.0
            row += code
        target.append([*row, 1.0])
    target += [[0.0] * len(target[0])] * (rows - len(target))
    return np.array(target, "float32")


def resize(pixels, size):
    """Bilinear, between the four nearest pixel centers, in float64."""
    result = pixels.astype("float64")
    for axis in (0, 1):
        length = result.shape[axis]
        center = (np.arange(size) + 0.5) * length / size - 0.5
        low = np.floor(center).astype(int)
        weight = (center - low).reshape((-1, 1) if axis else (-1, 1, 1))
        before = result.take(np.clip(low, 0, length - 1), axis)
        after = result.take(np.clip(low + 1, 0, length - 1), axis)
        result = before * (1 - weight) + after * weight
    return result


def scenes_of(dataset):
    return list(dataset.as_numpy_iterator())


def names_of(dataset):
    return [scene["file_name"].decode() for scene in dataset]


def load_names(data_dir, split, **options):
    options = {"data_dir": data_dir, "image_size": 1, **options}
    dataset = clevr(split, as_dict=True, **options)
    return names_of(scenes_of(dataset))


def test_every_factor_of_every_scene(data_dir, contents):
    dataset = clevr("validation", data_dir=data_dir, image_size=7, as_dict=True)
    scenes = scenes_of(dataset)
    assert len(scenes) == 12 == dataset.cardinality()
    for scene in scenes:
        pixels, published = contents[scene["file_name"].decode()]
        things = published["objects"]
        n = len(things)
        expected = (resize(pixels, 7) / 255 - 0.5) * 2
        np.testing.assert_allclose(scene["image"], expected, atol=5e-6)
        np.testing.assert_allclose(
            scene["target"], expected_target(published), atol=1e-6
        )
        for ours, theirs in {
            "coordinates": "3d_coords",
            "rotation": "rotation",
            "pixel_coordinates": "pixel_coords",
        }.items():
            np.testing.assert_allclose(
                scene[ours][:n], [t[theirs] for t in things], rtol=1e-6
            )
            assert not scene[ours][n:].any()
        for name in ORDERS:
            assert scene[name][:n].tolist() == [
                class_index(name, t[name]) for t in things
            ]
            assert (scene[name][n:] == -1).all()
    counts = {len(contents[n][1]["objects"]) for n in names_of(scenes)}
    assert {3, 10} <= counts


@pytest.mark.parametrize("size", [5, 10, 31], ids=["less", "some", "more"])
def test_images_are_scaled_as_a_whole(data_dir, contents, size):
    """Also where pixels are left out, as from 480x320 to 128x128."""
    options = {"data_dir": data_dir, "image_size": size}
    names = load_names(data_dir, "validation")
    images = [image for image, _ in scenes_of(clevr("validation", **options))]
    for name, image in zip(names, images, strict=True):
        expected = resize(contents[name][0], size) / 127.5 - 1
        np.testing.assert_allclose(image, expected, atol=5e-6)
        assert image.min() >= -1 and image.max() <= 1


@pytest.mark.parametrize("batch_size", [None, 5])
def test_elements(data_dir, batch_size):
    lead = () if batch_size is None else (None,)
    options = {"batch_size": batch_size, "data_dir": data_dir}
    dataset = clevr("validation", **options)
    assert dataset.element_spec == (
        tf.TensorSpec((*lead, 128, 128, 3), tf.float32),
        tf.TensorSpec((*lead, 10, 19), tf.float32),
    )
    assert len(dataset) == (12 if batch_size is None else 3)
    shapes = {
        "image": ((128, 128, 3), tf.float32),
        "target": ((12, 19), tf.float32),
        "coordinates": ((12, 3), tf.float32),
        "rotation": ((12,), tf.float32),
        "pixel_coordinates": ((12, 3), tf.float32),
        "file_name": ((), tf.string),
        **{name: ((12,), tf.int32) for name in ORDERS},
    }
    dataset = clevr("validation", as_dict=True, num_targets=12, **options)
    assert dataset.element_spec == {
        name: tf.TensorSpec((*lead, *shape), dtype)
        for name, (shape, dtype) in shapes.items()
    }


def test_pairs_are_those_of_the_dictionaries(data_dir):
    options = {"batch_size": 5, "data_dir": data_dir, "image_size": 8}
    pairs = scenes_of(clevr("validation", drop_remainder=True, **options))
    dicts = scenes_of(clevr("validation", as_dict=True, **options))
    assert [len(d["image"]) for d in dicts] == [5, 5, 2]
    assert [len(image) for image, _ in pairs] == [5, 5]
    for (image, target), scene in zip(pairs, dicts[:2], strict=True):
        np.testing.assert_array_equal(image, scene["image"])
        np.testing.assert_array_equal(target, scene["target"])


def test_layout_and_number_of_targets(data_dir, contents):
    layout = PropertyLayout(("color", "shape"), coordinate_scale=2.0)
    options = {"data_dir": data_dir, "layout": layout, "num_targets": 11}
    scenes = scenes_of(clevr("validation", as_dict=True, **options))
    for scene in scenes:
        expected = expected_target(
            contents[scene["file_name"].decode()][1],
            names=("color", "shape"),
            scale=2.0,
            rows=11,
        )
        np.testing.assert_allclose(scene["target"], expected, atol=1e-6)


def test_splits_share_no_scene(data_dir):
    """The first 512 scenes in the files are held back from training."""
    stored = miniature.stored_names(data_dir, "train")
    assert sorted(stored) != stored
    train = load_names(data_dir, "train")
    train_eval = load_names(data_dir, "train_eval")
    assert sorted(train) == sorted(stored[512:])
    assert sorted(train_eval) == sorted(stored[:512])
    validation = load_names(data_dir, "validation")
    stored = miniature.stored_names(data_dir, "validation")
    assert sorted(validation) == sorted(stored)
    for split, size in (("train", 18), ("train_eval", 512)):
        assert clevr(split, data_dir=data_dir).cardinality() == size


@pytest.mark.parametrize("split", ["train", "train_eval", "validation"])
def test_only_training_is_shuffled_by_default(data_dir, split):
    dataset = clevr(split, data_dir=data_dir, image_size=1, as_dict=True)
    passes = [names_of(scenes_of(dataset)) for _ in range(3)]
    same = passes[0] == passes[1] == passes[2]
    assert same == (split != "train")
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])


@pytest.mark.parametrize("cache", [False, True])
def test_order_follows_the_seed(data_dir, cache):
    options = {"image_size": 1, "cache": cache}
    first = load_names(data_dir, "train", seed=1, **options)
    again = load_names(data_dir, "train", seed=1, **options)
    other = load_names(data_dir, "train", seed=2, **options)
    assert first == again != other
    plain = load_names(data_dir, "train", seed=1, shuffle=False, **options)
    assert plain == load_names(data_dir, "train", seed=2, shuffle=False)
    assert sorted(plain) == sorted(first) == sorted(other)


def test_cache_outlives_the_files(data_dir, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data_dir, copy)
    dataset = clevr("train", 6, copy, image_size=4, as_dict=True, cache=True)
    first = [n for b in scenes_of(dataset) for n in b["file_name"]]
    shutil.rmtree(copy)
    second = [n for b in scenes_of(dataset) for n in b["file_name"]]
    assert first != second and sorted(first) == sorted(second)


@pytest.mark.parametrize("most", [3, 6, 9])
def test_scenes_of_more_objects_are_left_out(data_dir, contents, most):
    options = {"max_objects": most, "num_targets": most}
    names = load_names(data_dir, "train_eval", **options)
    expected = [
        name
        for name in miniature.stored_names(data_dir, "train")[:512]
        if len(contents[name][1]["objects"]) <= most
    ]
    assert 0 < len(expected) < 512
    assert sorted(names) == sorted(expected)
    dataset = clevr("train_eval", data_dir=data_dir, **options)
    assert dataset.cardinality() == tf.data.UNKNOWN_CARDINALITY


@pytest.mark.parametrize("most", [None, 10, 11])
def test_ten_objects_or_no_limit_keeps_all_scenes(data_dir, most):
    options = {"max_objects": most, "num_targets": 11}
    dataset = clevr("validation", data_dir=data_dir, **options)
    assert dataset.cardinality() == len(scenes_of(dataset)) == 12


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_a_model_learns_from_the_datasets_as_they_are(data_dir):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(10 * 19, activation="sigmoid"),
            keras.layers.Reshape((10, 19)),
        ]
    )
    model.compile("adam", loss=keras_slots.HungarianHuberLoss())
    options = {"data_dir": data_dir, "image_size": 8}
    few = clevr("train", 4, max_objects=6, **options)
    before = model.get_weights()
    # Keras warns of its own shuffling otherwise.
    history = model.fit(
        few.repeat(), steps_per_epoch=2, shuffle=False, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    assert (before[0] != model.get_weights()[0]).any()
    loss = model.evaluate(clevr("validation", 4, **options), verbose=0)
    assert 0 < loss < 5


def test_more_objects_than_targets_in_a_scene_is_an_error(
    tmp_path, monkeypatch
):
    """No published scene has 11; if one had, no object would be dropped."""
    monkeypatch.setattr(miniature, "SIZES", {"train": 3, "val": 12, "test": 3})
    data_dir, _ = miniature.prepare(tmp_path, most_objects=11)
    with pytest.raises(tf.errors.InvalidArgumentError):
        scenes_of(clevr("validation", data_dir=data_dir))
    dataset = clevr("validation", data_dir=data_dir, num_targets=11)
    assert len(scenes_of(dataset)) == 12


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"split": "val"}, "split='val'"),
        ({"split": "test"}, "split='test'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"image_size": 0}, "image_size=0"),
        ({"max_objects": 0}, "max_objects=0"),
        ({"max_objects": 2}, "max_objects=2, num_targets=10"),
        ({"num_targets": 0}, "num_targets=0"),
        ({"num_targets": 9}, "max_objects=10, num_targets=9"),
        (
            {"max_objects": None, "num_targets": 9},
            "max_objects=10, num_targets=9",
        ),
        (
            {"max_objects": 6, "num_targets": 5},
            "max_objects=6, num_targets=5",
        ),
        ({"seed": -1}, "seed=-1"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(options, received):
    name = received.split("=")[0]
    with pytest.raises(ValueError, match=f"^`{name}` must be") as error:
        clevr(**{"split": "validation", "data_dir": pathlib.Path()} | options)
    assert str(error.value).endswith(f"Received: {received}")
