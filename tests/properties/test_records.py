"""Any slice of published records, of a file or of shards, is that slice."""

import numpy as np
import pytest
from hypothesis import strategies as st

from keras_slots.datasets import (
    convert_records,
    multi_object_records,
    record_shards,
    tetrominoes,
)
from tests.examples.records import write_records
from tests.properties.cases import cases
from tests.properties.draws import some

NUM_SCENES = 7


@pytest.fixture(scope="module")
def images():
    images, _ = next(iter(tetrominoes("validation", NUM_SCENES, NUM_SCENES)))
    return np.array(images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    path = write_records(folder / "scenes.tfrecords", NUM_SCENES)
    convert_records(path, folder / "shards")
    return folder


def read(folder, shards, **options):
    if shards:
        return record_shards(folder / "shards", **options)
    return multi_object_records(folder / "scenes.tfrecords", **options)


SLICE = {
    "shards": st.booleans(),
    "skip": st.integers(0, NUM_SCENES + 1),
    "take": some(st.integers(1, NUM_SCENES + 1)),
    "batch_size": some(st.integers(1, 4)),
}


@cases(8, drop_remainder=st.booleans(), **SLICE)
def test_a_slice_is_that_of_a_list(
    folder, images, shards, skip, take, batch_size, drop_remainder
):
    options = {"skip": skip, "take": take, "batch_size": batch_size}
    if skip + (take or 1) > NUM_SCENES:
        with pytest.raises(ValueError, match=r"records.*Received: "):
            read(folder, shards, **options)
        return
    scenes = read(folder, shards, drop_remainder=drop_remainder, **options)
    found = [image for image, _ in scenes.as_numpy_iterator()]
    expected = images[skip:][:take]
    if batch_size is not None:
        stops = range(batch_size, len(expected) + batch_size, batch_size)
        expected = [expected[stop - batch_size : stop] for stop in stops]
        if drop_remainder:
            expected = [x for x in expected if len(x) == batch_size]
    assert len(found) == len(expected) == scenes.cardinality()
    for image, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(image, other)


@cases(4, seed=st.integers(0, 99), **SLICE)
def test_shuffled_it_holds_the_same_scenes(
    folder, images, shards, skip, take, batch_size, seed
):
    if skip + (take or 1) > NUM_SCENES:
        return
    options = {"skip": skip, "take": take, "batch_size": batch_size}
    scenes = read(folder, shards, shuffle=True, seed=seed, **options)
    found = [image for image, _ in scenes.as_numpy_iterator()]
    found = np.stack(found) if batch_size is None else np.concatenate(found)
    same = (found[:, None] == images).all(axis=(2, 3, 4))
    indices = np.arange(NUM_SCENES)[skip:][:take]
    assert sorted(same.argmax(axis=1)) == indices.tolist()
