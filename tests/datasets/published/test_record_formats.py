"""Every published dataset, from true files written here."""

import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets import multi_dsprites, multi_object_records
from keras_slots.property_layout import PROPERTIES
from tests.datasets.joined import everything
from tests.datasets.published_records import (
    CLEVR_CODES,
    OBJECTS_ROOM,
    cater_record,
    cater_scene,
    clevr_record,
    clevr_scene,
    multi_dsprites_record,
    objects_room_record,
    objects_room_scene,
    one_byte_each,
    write,
)
from tests.datasets.sprite_reference import VARIANTS


def read(path, **options):
    return everything(
        multi_object_records(path, batch_size=2, as_dict=True, **options)
    )


def to_pixels(image):
    return np.round((image + 1) * 127.5).astype("int64")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def clevr():
    """Scenes of 3 to 10 objects, and a file of them."""
    rng = np.random.default_rng(1)
    return [clevr_scene(rng, count) for count in (5, 10, 6, 3, 7)]


@pytest.fixture(scope="module")
def clevr_path(clevr, tmp_path_factory):
    path = tmp_path_factory.mktemp("clevr") / "clevr.tfrecords"
    return write(path, map(clevr_record, clevr))


def test_fixtures_hold_one_string_of_one_byte_for_every_value():
    values = np.arange(256)
    slowly = tf.train.BytesList(value=[bytes([v]) for v in range(256)])
    assert one_byte_each(values).bytes_list == slowly


@pytest.mark.parametrize("variant", VARIANTS)
def test_multi_dsprites_come_back_as_they_were_generated(variant, tmp_path):
    """The axes of their masks are in another order on disk."""
    options = {"num_scenes": 3, "variant": variant, "as_dict": True}
    generated = multi_dsprites("test", **options)
    scenes = list(generated.as_numpy_iterator())
    records = [multi_dsprites_record(variant, scene) for scene in scenes]
    path = write(tmp_path / "sprites.tfrecords", records)
    published = multi_object_records(path, as_dict=True)
    assert published.element_spec == generated.element_spec
    for name, values in read(path).items():
        expected = np.stack([scene[name] for scene in scenes])
        np.testing.assert_array_equal(values, expected)
    assert len(multi_object_records(path, f"multi_dsprites_{variant}")) == 3


@pytest.fixture(scope="module")
def data(clevr_path):
    """What is read of that file."""
    return read(clevr_path, validate=False)


def test_clevr_images_masks_and_places(clevr, data):
    for i, scene in enumerate(clevr):
        np.testing.assert_array_equal(
            to_pixels(data["image"][i]), scene["image"]
        )
        np.testing.assert_array_equal(data["mask"][i], scene["entity"])
        for name in ("x", "y", "z", "rotation", "visibility", "pixel_coords"):
            expected = scene[name].astype("float32")
            np.testing.assert_array_equal(data[name][i], expected)
    assert data["mask"].dtype == "int32"


def test_clevr_codes_become_the_classes_of_this_package(clevr, data):
    """The published order of the labels is not that of the targets."""
    for name, published in CLEVR_CODES.items():
        assert data[name].dtype == "int32"
        for i, scene in enumerate(clevr):
            for code, index in zip(scene[name], data[name][i], strict=True):
                if code == 0:
                    assert index == -1
                else:
                    assert PROPERTIES[name][index] == published[code - 1]


def test_the_background_is_visible_but_no_object(data):
    assert (data["visibility"][:, 0] == 1).all()
    counts = data["visibility"].sum(axis=1) - 1
    assert counts.tolist() == [5, 10, 6, 3, 7]
    assert (data["mask"].max(axis=(1, 2)) == counts).all()


@pytest.mark.parametrize("validate", [False, True])
def test_at_most_six_objects_are_six(data, clevr_path, validate):
    options = {"max_objects": 6, "validate": validate}
    dataset = multi_object_records(clevr_path, **options)
    unknown = tf.data.UNKNOWN_CARDINALITY
    assert dataset.cardinality() == (3 if validate else unknown)
    masks = [mask for _, mask in dataset.as_numpy_iterator()]
    np.testing.assert_array_equal(masks, data["mask"][[0, 2, 3]])


def test_slices_count_records_before_any_are_left_out(data, clevr_path):
    dataset = multi_object_records(
        clevr_path, skip=1, take=3, max_objects=6, validate=False
    )
    masks = [mask for _, mask in dataset.as_numpy_iterator()]
    np.testing.assert_array_equal(masks, data["mask"][[2, 3]])


def test_no_scene_left_is_an_error(clevr_path):
    with pytest.raises(ValueError, match="`max_objects` leaves none of 5"):
        multi_object_records(clevr_path, max_objects=2)


@pytest.mark.parametrize("name", OBJECTS_ROOM)
def test_objects_room_has_four_backgrounds(name, rng, tmp_path):
    scenes = [objects_room_scene(rng, name) for _ in range(3)]
    records = [objects_room_record(name, scene) for scene in scenes]
    path = write(tmp_path / "room.tfrecords", records)
    data = read(path)
    assert len(multi_object_records(path, name)) == 3
    assert set(data) == {"image", "mask"}
    for i, scene in enumerate(scenes):
        np.testing.assert_array_equal(
            to_pixels(data["image"][i]), scene["image"]
        )
        # Sky, floor and two walls; the objects are numbered from 1.
        expected = np.where(scene["entity"] < 4, 0, scene["entity"] - 3)
        np.testing.assert_array_equal(data["mask"][i], expected)
    assert data["mask"].max() == OBJECTS_ROOM[name] - 4


def test_cater_is_videos_compressed_with_zlib(rng, tmp_path):
    """One string for all values, and ZLIB where the others have GZIP."""
    scenes = [cater_scene(rng) for _ in range(3)]
    records = map(cater_record, scenes)
    path = write(tmp_path / "cater.tfrecords", records, "ZLIB")
    data = read(path)
    for i, scene in enumerate(scenes):
        np.testing.assert_array_equal(
            to_pixels(data["image"][i]), scene["image"]
        )
        np.testing.assert_array_equal(data["mask"][i], scene["entity"])
        for name in ("camera_matrix", "object_positions"):
            expected = scene[name].astype("float32")
            np.testing.assert_array_equal(data[name][i], expected)
    image, mask = multi_object_records(path, size=32).element_spec
    assert (image.shape, mask.shape) == ((33, 32, 32, 3), (33, 32, 32))
    small = read(path, size=32)
    frame = tf.image.resize(scenes[1]["image"][20], (32, 32), "bilinear")
    np.testing.assert_array_equal(
        to_pixels(small["image"][1, 20]), np.round(frame)
    )


def test_damaged_strings_of_videos_are_named(rng, tmp_path):
    record = tf.train.Example.FromString(cater_record(cater_scene(rng)))
    strings = record.features.feature["image"].bytes_list
    strings.value[0] = strings.value[0][:-1]
    for message in ("405503 bytes, not 405504", "2 strings, not one"):
        path = tmp_path / "cater.tfrecords"
        write(path, [record.SerializeToString()], "ZLIB")
        with pytest.raises(ValueError, match=message):
            multi_object_records(path, "cater_with_masks")
        strings.value.append(b"more")


def test_a_file_of_another_dataset_is_refused(clevr_path):
    message = "Record 0 of the file is not one of 'objects_room': .*'image'"
    with pytest.raises(ValueError, match=message):
        multi_object_records(clevr_path, "objects_room")


def test_objects_that_nobody_tells_are_not_counted(rng, tmp_path):
    record = objects_room_record(
        "objects_room", objects_room_scene(rng, "objects_room")
    )
    path = write(tmp_path / "room.tfrecords", [record])
    with pytest.raises(ValueError, match=r"^`max_objects` must be"):
        multi_object_records(path, max_objects=3)
