"""Published files to shards: every scene once, whatever happens between."""

import gzip
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from keras_slots.datasets import (
    convert_records,
    multi_object_records,
    record_shards,
    tetrominoes,
)
from keras_slots.datasets.published import record_file, shard_folder
from tests.datasets.joined import everything
from tests.datasets.published_records import (
    clevr_record,
    clevr_scene,
    floats,
    tetrominoes_record,
    write,
)

NUM_RECORDS = 23
SHARDS = [
    "records-00000000-00000008-00000008.tfrecord",
    "records-00000008-00000016-00000008.tfrecord",
    "records-00000016-00000023-00000007.tfrecord",
]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shard_folder, "SHARD_RECORDS", 7)
    monkeypatch.setattr(record_file, "_PARSE_BATCH", 4)


@pytest.fixture(scope="module")
def records():
    """Scenes of 0 to 3 objects, by their visibility."""
    scenes = tetrominoes("test", num_scenes=NUM_RECORDS, as_dict=True)
    return [
        tetrominoes_record(scene, visibility=floats(np.arange(4) < 1 + i % 4))
        for i, scene in enumerate(scenes.as_numpy_iterator())
    ]


@pytest.fixture(scope="module")
def path(records, tmp_path_factory):
    return write(tmp_path_factory.mktemp("records") / "t.tfrecords", records)


def read(dataset):
    return everything(dataset.batch(50))


def assert_same(folder, path, **options):
    """A folder holds what is read from the file itself."""
    shards = record_shards(folder, as_dict=True)
    expected = multi_object_records(path, as_dict=True, **options)
    assert shards.element_spec == expected.element_spec
    assert shards.cardinality() == expected.cardinality()
    found, expected = read(shards), read(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def names(folder):
    return sorted(os.listdir(folder))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"skip": 3, "take": 10},
        {"max_objects": 2},
        {"skip": 5, "max_objects": 1, "crop": ((1, 33), (0, 35)), "size": 20},
    ],
    ids=["all", "slice", "filtered", "resized"],
)
def test_shards_hold_what_the_file_holds(path, tmp_path, options):
    number = convert_records(path, tmp_path, **options)
    assert number == len(record_shards(tmp_path))
    assert_same(tmp_path, path, **options)


def test_clevr_as_in_the_paper(tmp_path):
    rng = np.random.default_rng(0)
    records = [clevr_record(clevr_scene(rng, n)) for n in (6, 7, 3)]
    path = write(tmp_path / "clevr.tfrecords", records)
    paper = {"crop": ((29, 221), (64, 256)), "size": 128, "max_objects": 6}
    assert convert_records(path, tmp_path / "shards", **paper) == 2
    image, mask = record_shards(tmp_path / "shards").element_spec
    assert image == tf.TensorSpec((128, 128, 3), "float32")
    assert mask == tf.TensorSpec((128, 128), "int32")
    assert_same(tmp_path / "shards", path, **paper)
    size = sum(os.path.getsize(file) for file in tmp_path.glob("shards/rec*"))
    assert size < 2 * 67_000


def test_what_is_there_is_not_made_again(path, tmp_path, capsys):
    assert convert_records(path, tmp_path) == NUM_RECORDS
    told = capsys.readouterr().out
    assert f"Converting {path} into {tmp_path}, from record 0" in told
    assert names(tmp_path) == ["finished.json", *SHARDS, "settings.json"]
    times = [(tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)]
    assert convert_records(path, tmp_path) == NUM_RECORDS
    assert times == [
        (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)
    ]
    assert capsys.readouterr().out == ""


def break_off(monkeypatch, number):
    """Stops the next conversion after it has read so many batches."""
    read = record_file.RecordFile.read

    def until(*args):
        for i, batch in enumerate(read(*args)):
            if i == number:
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setattr(record_file.RecordFile, "read", until)


@pytest.mark.parametrize("options", [{}, {"max_objects": 2}])
def test_interrupted_run_goes_on(path, tmp_path, monkeypatch, capsys, options):
    with monkeypatch.context() as patched:
        break_off(patched, 3)
        with pytest.raises(KeyboardInterrupt):
            convert_records(path, tmp_path, **options)
    assert len(names(tmp_path)) == 2
    with pytest.raises(ValueError, match="shards are missing"):
        record_shards(tmp_path)
    # What a killed run leaves does no harm.
    (tmp_path / (SHARDS[1] + ".1.part")).write_bytes(b"half")
    (tmp_path / "finished.json.1.part").write_bytes(b"{")
    capsys.readouterr()
    convert_records(path, tmp_path, **options)
    assert "from record 8" in capsys.readouterr().out
    assert_same(tmp_path, path, **options)


@pytest.mark.parametrize("harm", ["deleted", "cut", "unfinished"])
def test_lost_shards_are_made_again(path, tmp_path, harm):
    convert_records(path, tmp_path)
    shard = tmp_path / SHARDS[1]
    before = shard.read_bytes()
    if harm == "deleted":
        shard.unlink()
    elif harm == "cut":
        shard.write_bytes(before[:-1])
    else:
        (tmp_path / "finished.json").unlink()
    message = "shards are missing; call `convert_records` again"
    with pytest.raises(ValueError, match=message) as error:
        record_shards(tmp_path)
    assert str(error.value).endswith(f"Received: folder={str(tmp_path)!r}")
    assert convert_records(path, tmp_path) == NUM_RECORDS
    assert shard.read_bytes() == before
    assert_same(tmp_path, path)


def test_disk_that_loses_scenes_is_noticed(path, tmp_path, monkeypatch):
    class LossyWriter(tf.io.TFRecordWriter):
        written = 0

        def write(self, record):
            self.written += 1
            if self.written != 3:
                super().write(record)

    monkeypatch.setattr(tf.io, "TFRecordWriter", LossyWriter)
    with pytest.raises(OSError, match="holds 7 scenes of 8 written"):
        convert_records(path, tmp_path)
    assert names(tmp_path) == ["settings.json"]


def test_cut_file_is_refused_after_its_records(path, tmp_path):
    whole = pathlib.Path(path).read_bytes()
    cut = tmp_path / "cut.tfrecords"
    cut.write_bytes(whole[: len(whole) // 2])
    message = r"Record [1-9]\d? of the file cannot be read: .*truncated"
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            convert_records(cut, tmp_path / "shards")
    assert "finished.json" not in names(tmp_path / "shards")


def test_too_few_records_are_refused(path, tmp_path):
    with pytest.raises(ValueError, match="beyond the end of the file"):
        convert_records(path, tmp_path, take=NUM_RECORDS + 1)
    assert "finished.json" not in names(tmp_path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 20}, r"size=\[35, 35\] there, \[20, 20\] here"),
        ({"max_objects": 2}, "max_objects=None there, 2 here"),
        ({"skip": 1}, "skip=0 there, 1 here"),
        ({"take": 4}, "take=None there, 4 here"),
    ],
    ids=["size", "max_objects", "skip", "take"],
)
def test_other_settings_are_refused(path, tmp_path, options, told):
    convert_records(path, tmp_path)
    before = names(tmp_path)
    message = rf"`folder` holds scenes of other settings \({told}\)"
    with pytest.raises(ValueError, match=message) as error:
        convert_records(path, tmp_path, **options)
    assert str(error.value).endswith(f"Received: folder={str(tmp_path)!r}")
    assert names(tmp_path) == before


def test_another_file_is_refused_but_not_a_moved_one(path, tmp_path, records):
    convert_records(path, tmp_path / "shards")
    (tmp_path / "moved").mkdir()
    moved = shutil.copy(path, tmp_path / "moved")
    assert convert_records(moved, tmp_path / "shards") == NUM_RECORDS
    other = write(moved, records[1:])
    with pytest.raises(ValueError, match=r"settings \(source_bytes="):
        convert_records(other, tmp_path / "shards")


def test_settings_are_for_people_too(path, tmp_path):
    convert_records(path, tmp_path, crop=((0, 35), (2, 30)), take=9)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == {
        "version": 1,
        "dataset": "tetrominoes",
        "source": "t.tfrecords",
        "source_bytes": os.path.getsize(path),
        "crop": [[0, 35], [2, 30]],
        "size": [35, 28],
        "max_objects": None,
        "skip": 0,
        "take": 9,
    }
    finished = json.loads((tmp_path / "finished.json").read_text())
    assert finished == {"records": 9, "scenes": 9}


def test_bad_arguments_write_nothing(path, tmp_path):
    folder = tmp_path / "shards"
    for options, message in [
        ({"skip": -1}, "^`skip` must be"),
        ({"take": 0}, "^`take` must be"),
        ({"dataset": "clevr"}, "^`dataset` must be"),
        ({"dataset": "clevr_with_masks"}, "not one of 'clevr_with_masks'"),
        ({"crop": ((0, 36), (0, 35))}, "^`crop` must be"),
        ({"size": 0}, "^`size` must be"),
        ({"max_objects": 0}, "^`max_objects` must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            convert_records(path, folder, **options)
        assert not folder.exists()
    with pytest.raises(FileExistsError):
        convert_records(path, path)
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ValueError, match="`folder` must name a folder of its"):
        convert_records(path, tmp_path)


def test_uncompressed_files_are_refused(path, tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(gzip.decompress(pathlib.Path(path).read_bytes()))
    with pytest.raises(ValueError, match="compressed by GZIP or ZLIB"):
        convert_records(plain, tmp_path / "shards")
