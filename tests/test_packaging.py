"""What is shipped, and what importing it brings in."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import keras_slots

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "keras_slots").rglob("*.py"))
MAY_IMPORT_TENSORFLOW = ("keras_slots/datasets/",)
# Inside a function, for file formats of its own: checkpoints, and what
# TensorBoard reads; and for the number of a replica of its own.
MAY_IMPORT_TENSORFLOW_LATE = (
    "keras_slots/layers/slot_attention/replica_noise.py",
    "keras_slots/models/reference_checkpoint.py",
    "keras_slots/callbacks/slot_pictures.py",
)


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imports(tree):
    """Names of modules that a syntax tree imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports(path):
    tree = ast.parse(path.read_text())
    everywhere = set(imports(tree))
    at_the_top = {
        name
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in imports(node)
    }
    assert not any(name.startswith("keras.src") for name in everywhere)
    tensorflow = {n for n in everywhere if n.split(".")[0] == "tensorflow"}
    if relative(path) in MAY_IMPORT_TENSORFLOW_LATE:
        assert not tensorflow & at_the_top
    elif not relative(path).startswith(MAY_IMPORT_TENSORFLOW):
        assert not tensorflow


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_private_or_old_parts_of_keras(path):
    assert not re.search(r"keras\.(src|backend)\b", path.read_text())


def test_importing_the_package_is_light():
    """Its data sets and pictures come in when they are first used."""
    script = """
import sys
import keras_slots
heavy = {"keras_slots.datasets", "keras_slots.visualization"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
keras_slots.callbacks.TrainingCheckpoint
keras_slots.datasets.tetrominoes
assert "keras_slots.datasets" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_the_version_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == (
        "keras_slots/__init__.py"
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?\w+)?", keras_slots.__version__)
    for path in SOURCES:
        if path.name != "__init__.py":
            assert f'"{keras_slots.__version__}"' not in path.read_text()


@pytest.mark.parametrize("extra", ["datasets", "dev"])
def test_what_tensorflow_datasets_forgets_is_asked_for(extra):
    """It imports `importlib_resources` without requiring it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = project["optional-dependencies"][extra]
    names = {re.split("[<>=]", requirement)[0] for requirement in requirements}
    assert {"tensorflow-datasets", "importlib_resources"} <= names


def test_the_list_of_tested_versions_fits_what_is_asked_for():
    """It is what to look up known holes for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / ".ci" / "tested-versions.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if line[0] != "#")
    for text in project["dependencies"]:
        asked = Requirement(text)
        assert asked.specifier.contains(tested[asked.name]), text


def test_types_are_shipped():
    assert (ROOT / "keras_slots" / "py.typed").exists()


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet"]
    subprocess.run([*pip, str(ROOT), "-w", str(tmp_path)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {relative(path) for path in SOURCES} <= names
    assert "keras_slots/py.typed" in names
    folders = {name.split("/")[0] for name in names}
    assert folders == {
        "keras_slots",
        f"keras_slots-{keras_slots.__version__}.dist-info",
    }
