"""The published record format: true files, written here, and broken ones."""

import gzip
import pathlib
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets import multi_object_records, tetrominoes
from keras_slots.datasets.generated import tetromino_scenes
from tests.datasets.joined import everything
from tests.datasets.published_records import (
    floats,
    one_byte_each,
    tetrominoes_record,
    write,
)
from tests.published_scenes import published_tetrominoes

NUM_RECORDS = 10


@pytest.fixture(scope="module")
def scenes():
    dataset = tetrominoes("test", num_scenes=NUM_RECORDS, as_dict=True)
    return list(dataset.as_numpy_iterator())


@pytest.fixture(scope="module")
def records(scenes):
    return [tetrominoes_record(scene) for scene in scenes]


@pytest.fixture(scope="module")
def path(records, tmp_path_factory):
    return write(tmp_path_factory.mktemp("records") / "t.tfrecords", records)


@pytest.fixture
def real():
    """Ten scenes of the published file."""
    return str(published_tetrominoes())


def render_again(data):
    """Renders scenes from their published factors alone."""
    palette = tetromino_scenes.COLORS.tolist()
    colors = data["color"][:, 1:].tolist()
    color = [[palette.index(c) for c in scene] for scene in colors]
    pieces = np.stack(
        [
            data["shape"][:, 1:] - 1,
            color,
            data["x"][:, 1:],
            data["y"][:, 1:],
        ],
        axis=-1,
    )
    return tetromino_scenes.render(pieces.astype("uint8"))


def test_published_scenes_are_rendered_exactly(real):
    data = everything(multi_object_records(real, batch_size=4, as_dict=True))
    assert len(data["image"]) == 10
    image, mask = render_again(data)
    np.testing.assert_array_equal(image, data["image"])
    np.testing.assert_array_equal(mask, data["mask"])
    assert data["visibility"].tolist() == [[1, 1, 1, 1]] * 10
    # `x` is the top row and `y` the left column of each piece.
    for i in range(10):
        for k in (1, 2, 3):
            rows, columns = np.nonzero(data["mask"][i] == k)
            assert rows.min() == data["x"][i, k]
            assert columns.min() == data["y"][i, k]


def test_published_bytes_are_written_back(real):
    """The files that these tests write are true to the published format."""
    raw = next(tf.data.TFRecordDataset(real, "GZIP").as_numpy_iterator())
    scene = next(multi_object_records(real, as_dict=True).as_numpy_iterator())
    published, ours = tf.train.Example(), tf.train.Example()
    published.ParseFromString(raw)
    ours.ParseFromString(tetrominoes_record(scene))
    assert published == ours
    assert len(published.features.feature["image"].bytes_list.value) == 3675
    assert len(published.features.feature["mask"].bytes_list.value) == 4900


def test_scenes_come_back_as_they_were_generated(path, scenes):
    data = everything(multi_object_records(path, batch_size=3, as_dict=True))
    for name, values in data.items():
        expected = np.stack([scene[name] for scene in scenes])
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("validate", [False, True])
def test_elements_are_those_of_tetrominoes(path, batch_size, as_dict, validate):
    dataset = multi_object_records(
        path, batch_size=batch_size, as_dict=as_dict, validate=validate
    )
    generated = tetrominoes("test", batch_size, as_dict=as_dict)
    assert dataset.element_spec == generated.element_spec


def test_slices_and_sizes(path, scenes):
    expected = np.stack([scene["mask"] for scene in scenes])

    def masks(**options):
        dataset = multi_object_records(path, batch_size=4, **options)
        batches = [mask for _, mask in dataset.as_numpy_iterator()]
        assert len(batches) == dataset.cardinality()
        return np.concatenate(batches)

    np.testing.assert_array_equal(masks(skip=7), expected[7:])
    np.testing.assert_array_equal(masks(skip=6, take=3), expected[6:9])
    lazy = masks(skip=6, take=3, validate=False)
    np.testing.assert_array_equal(lazy, expected[6:9])
    whole = masks(take=7, drop_remainder=True)
    np.testing.assert_array_equal(whole, expected[:4])
    assert multi_object_records(path).cardinality() == 10
    unknown = multi_object_records(path, validate=False).cardinality()
    assert unknown == tf.data.UNKNOWN_CARDINALITY


def test_cache_and_shuffle(path, scenes):
    dataset = multi_object_records(path, shuffle=True, cache=True, as_dict=True)
    passes = [
        [scene["image"].tobytes() for scene in dataset.as_numpy_iterator()]
        for _ in range(3)
    ]
    assert passes[0] != passes[1] or passes[1] != passes[2]
    for images in passes:
        assert sorted(images) == sorted(s["image"].tobytes() for s in scenes)
    again = multi_object_records(path, shuffle=True, as_dict=True)
    assert passes[0] == [
        s["image"].tobytes() for s in again.as_numpy_iterator()
    ]


def make_model():
    model = keras.Sequential(
        [
            keras.Input((35, 35, 3)),
            keras.layers.Conv2D(4, 1, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_fit_and_evaluate_take_the_datasets_as_they_are(path):
    model = make_model()
    history = model.fit(
        tetrominoes("train", 8, 16),
        validation_data=multi_object_records(path, batch_size=8),
        epochs=2,
        shuffle=False,  # Keras warns of its own shuffling otherwise.
        verbose=0,
    )
    assert np.isfinite(history.history["val_loss"]).all()
    assert np.isfinite(model.evaluate(tetrominoes("test", 8, 12), verbose=0))


# Broken files. Each error names the file, and the record where there is one.


def assert_refused(path, message, error=ValueError, **options):
    with pytest.raises(error, match=message) as caught:
        multi_object_records(path, **options)
    assert str(caught.value).endswith(f"Received: path={str(path)!r}")


def test_missing_file_is_named(tmp_path):
    assert_refused(
        tmp_path / "no.tfrecords", "`path` must name a file", FileNotFoundError
    )
    assert_refused(tmp_path, "`path` must name a file", FileNotFoundError)


@pytest.mark.parametrize("validate", [False, True])
def test_files_without_compression_are_refused(records, tmp_path, validate):
    message = "must name a TFRecord file compressed by GZIP or ZLIB"
    for name, content in {
        "text": b"a page that says: not found\n",
        "letter": b"x",
        "empty": b"",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert_refused(path, message, validate=validate)
    plain = write(tmp_path / "plain", records, compression="")
    assert_refused(plain, message, validate=validate)


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_something_else_compressed_is_refused(tmp_path, validate, compress):
    path = tmp_path / "text"
    path.write_bytes(compress(b"some text that holds no records\n" * 99))
    assert_refused(
        path, "Record 0 of the file cannot be read", validate=validate
    )
    path.write_bytes(compress(b""))
    assert_refused(path, "Record 0 of the file", validate=validate)


def test_cut_stream_names_the_record(path, tmp_path):
    whole = pathlib.Path(path).read_bytes()
    cut = tmp_path / "cut.tfrecords"
    cut.write_bytes(whole[: len(whole) // 2])
    message = r"Record [1-9] of the file cannot be read: .*truncated"
    assert_refused(cut, message)
    assert_refused(cut, message, skip=9)
    # What comes before the cut can still be read, if no more is asked for.
    assert len(multi_object_records(cut, take=1)) == 1


def test_cut_record_names_the_record(path, tmp_path):
    plain = gzip.decompress(pathlib.Path(path).read_bytes())
    size = len(plain) // NUM_RECORDS
    cut = tmp_path / "cut.tfrecords"
    cut.write_bytes(gzip.compress(plain[: 3 * size + 100]))
    assert_refused(cut, "Record 3 of the file cannot be read: .*truncated")


@pytest.mark.parametrize("wbits", [31, 15], ids=["GZIP", "ZLIB"])
def test_stream_cut_between_records_is_noticed(path, tmp_path, wbits):
    """TensorFlow by itself reads such a file without a word."""
    plain = gzip.decompress(pathlib.Path(path).read_bytes())
    size = len(plain) // NUM_RECORDS
    cut = tmp_path / "cut.tfrecords"
    stream = zlib.compressobj(wbits=wbits)
    cut.write_bytes(
        stream.compress(plain[: 4 * size]) + stream.flush(zlib.Z_FULL_FLUSH)
    )
    message = "The file is truncated or damaged from record 4 on: "
    for options in ({}, {"skip": 2}, {"skip": 2, "take": 3}, {"skip": 7}):
        assert_refused(cut, message, **options)
    assert len(multi_object_records(cut, take=4)) == 4


def test_damaged_record_is_named(path, tmp_path):
    plain = bytearray(gzip.decompress(pathlib.Path(path).read_bytes()))
    plain[5 * len(plain) // NUM_RECORDS + 999] ^= 1
    damaged = tmp_path / "damaged.tfrecords"
    damaged.write_bytes(gzip.compress(plain))
    assert_refused(damaged, "Record 5 of the file cannot be read: .*damaged")


OTHERS = {
    "sizes": (
        {"image": one_byte_each(np.zeros((64, 64, 3)))},
        r"'image' holds 12288 values, not 3675 of shape \(35, 35, 3\)",
    ),
    "entities": (
        {"x": floats(np.zeros(11))},
        r"'x' holds 11 values, not 4 of shape \(4,\)",
    ),
    "features": ({"shape": None}, "it has no feature 'shape'"),
    "kinds": (
        {"color": one_byte_each(np.zeros(12))},
        "'color' is of kind bytes_list, not float_list",
    ),
    "packed": (
        {
            "image": tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[b"\0\0"] * 3675)
            )
        },
        "'image' holds strings that are not of one byte each",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_records_of_another_dataset_are_named(case, scenes, tmp_path):
    replaced, message = OTHERS[case]
    stranger = tetrominoes_record(scenes[0], **replaced)
    path = write(tmp_path / "first", [stranger])
    assert_refused(path, "Record 0 of the file fits no published dataset")
    start = "Record 0 of the file is not one of 'tetrominoes'"
    asked = {"dataset": "tetrominoes"}
    assert_refused(path, f"{start}: .*{message}", **asked)
    assert_refused(path, f"{start}: .*{message}", validate=False, **asked)


def test_a_later_record_of_another_dataset_is_named(records, scenes, tmp_path):
    replaced, message = OTHERS["sizes"]
    stranger = tetrominoes_record(scenes[0], **replaced)
    path = write(tmp_path / "later", [*records[:7], stranger, *records[8:]])
    start = "Record 7 of the file is not one of 'tetrominoes'"
    assert_refused(path, f"{start}: .*{message}")
    assert_refused(path, f"{start}: .*{message}", skip=5, take=4)
    assert len(multi_object_records(path, take=7)) == 7


def test_record_that_is_no_example_is_named(records, tmp_path):
    path = write(tmp_path / "other", [*records[:2], b"\xff no example"])
    assert_refused(path, "Record 2 .* not a serialized `tf.train.Example`")
    # Nor is the first record of those asked for another one.
    assert_refused(path, "^Record 2 of the file is not", skip=2)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)
def test_error_in_fit_names_file_and_record(records, scenes, tmp_path):
    stranger = tetrominoes_record(scenes[0], shape=None)
    path = write(tmp_path / "later", [*records[:7], stranger])
    dataset = multi_object_records(path, batch_size=2, validate=False)
    with pytest.raises(tf.errors.OpError, match=f"{path}, record 7"):
        make_model().fit(dataset, shuffle=False, verbose=0)


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"dataset": "clevr"}, "dataset='clevr'"),
        ({"dataset": ["tetrominoes"]}, "dataset=['tetrominoes']"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"skip": -1}, "skip=-1"),
        ({"take": 0}, "take=0"),
        ({"seed": -1}, "seed=-1"),
    ],
    ids=["dataset", "datasets", "batch_size", "skip", "take", "seed"],
)
def test_bad_arguments_are_named(path, options, received):
    name = received.split("=")[0]
    with pytest.raises(ValueError, match=f"^`{name}` must be") as error:
        multi_object_records(path, **options)
    assert str(error.value).endswith(f"Received: {received}")


@pytest.mark.parametrize(
    "options", [{"take": 11}, {"skip": 8, "take": 3}, {"skip": 10}]
)
def test_too_few_records_are_refused(path, options):
    with pytest.raises(ValueError, match="beyond the end of the file") as error:
        multi_object_records(path, **options)
    assert path in str(error.value)


def test_nothing_is_written(path):
    folder = pathlib.Path(path).parent
    before = sorted(folder.iterdir())
    list(multi_object_records(path, cache=True))
    assert sorted(folder.iterdir()) == before
