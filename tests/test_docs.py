"""The docs name all that is public, run as they stand, and build."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.markdown_blocks import python_blocks, run_block
from tests.test_public_api import PUBLIC_NAMES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    DOCS / "quick_start.md",
    DOCS / "pretrained.md",
    *sorted((DOCS / "guides").glob("*.md")),
]
# Shorter, for a test: tracing a graph takes longer than what it then does.
SHORTER = {
    "num_scenes=320": "num_scenes=32",
    ".make_optimizer())\nmodel.fit": ".make_optimizer(), run_eagerly=True)\n"
    "model.fit",
    'compile("adam", loss="mse")': 'compile("adam", "mse", run_eagerly=True)',
    'compile("adam")': 'compile("adam", run_eagerly=True)',
    # What a reader has made, and a picture of the reader's.
    'keras.saving.load_model("runs/own_images/model.keras")': (
        'keras_slots.models.ObjectDiscovery.from_preset("clevr_scenes")'
    ),
    'tf.io.read_file("one.jpg")': (
        "tf.io.encode_jpeg(tf.zeros((90, 120, 3), tf.uint8))"
    ),
}
DOCUMENTED = re.compile(r"^\.\. auto(?:class|function):: (\w+)$", re.M)


def relative(path):
    return path.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("path", sorted(set(PUBLIC_NAMES) - {"keras_slots"}))
def test_every_public_name_is_on_its_api_page(path):
    package = path.split(".")[1]
    page = (DOCS / "api" / f"{package}.md").read_text()
    assert f".. currentmodule:: {path}\n" in page
    names = DOCUMENTED.findall(page)
    assert sorted(names) == sorted(PUBLIC_NAMES[path])
    if len(names) > 1:  # The table at the top has them in the same order.
        assert re.findall(r"^   (\w+)$", page, re.M) == names
    assert f"]({package}.md)" in (DOCS / "api" / "index.md").read_text()


def test_names_at_the_top_of_the_package_are_on_the_first_api_page():
    page = (DOCS / "api" / "index.md").read_text()
    named = re.findall(r"^\| `keras_slots\.(\w+)`", page, re.M)
    assert set(named) == PUBLIC_NAMES["keras_slots"]


@pytest.mark.parametrize(
    "path",
    [
        # A strategy of devices needs a graph.
        pytest.param(path, marks=pytest.mark.slow)
        if path.name == "distributed_training.md"
        else path
        for path in PAGES
    ],
    ids=relative,
)
def test_python_blocks_of_a_page_run(path, tmp_path, monkeypatch, capsys):
    blocks = python_blocks(path.read_text())
    assert blocks
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks:
        for line, shorter in SHORTER.items():
            block = block.replace(line, shorter)
        run_block(block, relative(path), namespace, capsys)


def test_every_shortening_is_of_a_line_in_the_docs():
    text = "".join(path.read_text() for path in PAGES)
    assert all(line in text for line in SHORTER)


def test_drawings_are_those_of_their_script():
    spec = importlib.util.spec_from_file_location(
        "drawings", DOCS / "drawings.py"
    )
    drawings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawings)
    for name, draw in drawings.DRAWINGS.items():
        assert (DOCS / "images" / name).read_text() == draw()


@pytest.mark.parametrize(
    "path",
    [*DOCS.glob("*.py"), *DOCS.glob("*.md"), *DOCS.glob("[!_]*/*.md")],
    ids=relative,
)
def test_pages_are_short(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx")
    site = tmp_path / "html"
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    result = subprocess.run(
        [*sphinx, "-b", "html", "-d", tmp_path / "cache", DOCS, site],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    for path, names in PUBLIC_NAMES.items():
        if path == "keras_slots":
            continue
        page = (site / "api" / f"{path.split('.')[1]}.html").read_text()
        for name in names:
            assert f'id="{path}.{name}"' in page
