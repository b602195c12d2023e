"""What CLEVR cannot be read from. Each error says what to do."""

import importlib.util
import shutil
import sys

import pytest

from keras_slots.datasets import clevr
from keras_slots.datasets.published import clevr_files
from keras_slots.property_layout import PROPERTIES

pytest.importorskip("tensorflow_datasets")
from tests.datasets import clevr_miniature as miniature


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return miniature.prepare(tmp_path_factory.mktemp("clevr"))[0]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    miniature.refuse_network(monkeypatch)


@pytest.mark.parametrize("inside", [None, "clevr", "clevr/3.1.0"])
def test_missing_files_are_not_downloaded(data_dir, tmp_path, inside):
    folder = tmp_path / "no" if inside is None else data_dir / inside
    with pytest.raises(FileNotFoundError, match=r"^`data_dir` must") as error:
        clevr("train", data_dir=folder)
    message = str(error.value)
    assert message.endswith(f"Received: data_dir={folder!r}")
    assert f"tfds.builder('clevr', data_dir={str(folder)!r})" in message
    assert "19,021,600,724 bytes" in message
    assert not (tmp_path / "no").exists()


def test_default_folder_is_that_of_tensorflow_datasets(
    data_dir, tmp_path, monkeypatch
):
    constant = "tensorflow_datasets.core.constants.DATA_DIR"
    monkeypatch.setattr(constant, str(data_dir))
    assert clevr("validation").cardinality() == 12
    monkeypatch.setattr(constant, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"builder\('clevr'\)") as error:
        clevr("validation")
    assert str(error.value).endswith("Received: data_dir=None")


def test_home_is_expanded(data_dir, monkeypatch):
    monkeypatch.setenv("HOME", str(data_dir.parent))
    assert clevr("validation", data_dir="~/prepared").cardinality() == 12


def test_tensorflow_datasets_is_needed_only_when_called(monkeypatch):
    for name in list(sys.modules):
        if name.split(".")[0] == "tensorflow_datasets":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    spec = importlib.util.spec_from_file_location("fresh", clevr_files.__file__)
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    with pytest.raises(ImportError, match=r"'keras-slots\[datasets\]'"):
        fresh.ClevrFiles(None)


@pytest.mark.parametrize("name", PROPERTIES)
def test_another_order_of_labels_is_refused(data_dir, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(data_dir, copy)
    path = copy / "clevr" / "3.1.0" / f"objects-{name}.labels.txt"
    labels = path.read_text().split()
    path.write_text("\n".join(labels[::-1]) + "\n")
    message = f"`data_dir` must .*{name!r}.*{labels[-1]}', '{labels[-2]}"
    with pytest.raises(ValueError, match=message) as error:
        clevr("validation", data_dir=copy)
    assert str(error.value).endswith(f"Received: data_dir={copy!r}")


def test_scenes_without_annotations_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(miniature, "SIZES", {"train": 513, "val": 3, "test": 3})
    data_dir, _ = miniature.prepare(tmp_path, annotated=("train",))
    assert clevr("train", data_dir=data_dir).cardinality() == 1
    with pytest.raises(ValueError, match="'validation' have no obj") as error:
        clevr("validation", data_dir=data_dir)
    assert str(error.value).endswith(f"Received: data_dir={data_dir!r}")
