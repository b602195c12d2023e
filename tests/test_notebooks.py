"""The notebooks are what their sources say, were run, and run."""

import base64
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
SOURCES = sorted(set(FOLDER.glob("*.py")) - {FOLDER / "render.py"})
NAMES = [source.stem for source in SOURCES]
LARGEST = 600_000  # bytes
SECONDS = 180
# Where a machine keeps its files, and nothing that a reader would know.
PATHS = re.compile(r"/(?:tmp|home|work|root|usr|Users|var)/|[A-Z]:\\\\")


def read(name):
    return jupytext.read(FOLDER / f"{name}.ipynb")


def outputs(notebook):
    return [o for cell in notebook.cells for o in cell.get("outputs", ())]


def test_there_are_eight_notebooks():
    assert NAMES == sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    assert len(NAMES) == 8


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_the_cells_of_its_source(name):
    source = jupytext.read(FOLDER / f"{name}.py")
    cells = [(cell.cell_type, cell.source) for cell in read(name).cells]
    assert cells == [(cell.cell_type, cell.source) for cell in source.cells]
    assert cells[0][1].startswith("# ")
    assert source.metadata["jupytext"]["formats"] == "ipynb,py:percent"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_was_run_from_top_to_bottom(name):
    code = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_results_and_no_error(name):
    shown = outputs(read(name))
    kinds = {output.output_type for output in shown}
    assert "stream" in kinds and "error" not in kinds
    assert all(output.get("name") != "stderr" for output in shown)
    pictures = [
        base64.b64decode(output.data["image/png"])
        for output in shown
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_tells_nothing_of_the_machine(name):
    notebook = read(name)
    assert set(notebook.metadata) <= {"jupytext", "kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    assert not any(cell.metadata for cell in notebook.cells)
    for output in outputs(notebook):
        text = output.get("text", "")
        text += str(output.get("data", {}).get("text/plain", ""))
        assert not PATHS.search(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_small(name):
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 400


def test_docs_show_every_notebook():
    page = (ROOT / "docs" / "notebooks.md").read_text()
    for name in NAMES:
        title = read(name).cells[0].source.splitlines()[0][2:]
        assert f"[{title}](notebooks/{name}.ipynb)" in page


def load_render():
    spec = importlib.util.spec_from_file_location(
        "render", FOLDER / "render.py"
    )
    render = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(render)
    return render


def test_what_differs_from_run_to_run_is_left_out():
    render = load_render()
    source = FOLDER / f"{NAMES[0]}.py"
    first, second = (render.tidy(jupytext.read(source)) for _ in range(2))
    assert first == second


def test_writing_leaves_a_whole_file_or_the_old_one(tmp_path, monkeypatch):
    render = load_render()
    path = tmp_path / "notebook.ipynb"
    path.write_text("old")
    notebook = render.tidy(jupytext.read(FOLDER / f"{NAMES[0]}.py"))

    def fail(notebook, unfinished):
        Path(unfinished).write_text("half")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(render.nbformat, "write", fail)
        with pytest.raises(OSError, match="no space"):
            render.write(notebook, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    render.write(notebook, path)
    assert jupytext.read(path).cells == notebook.cells


def test_a_file_left_behind_is_an_error():
    with (
        pytest.raises(RuntimeError, match=r"left files behind.*stray\.txt"),
        load_render().working_folder() as folder,
    ):
        (folder / "stray.txt").touch()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name):
    """By the command of `.ci/notebooks`, in a temporary working folder."""
    # Not of a clock, which would count what else the machine does.
    processor_time = load_render().processor_time
    before = processor_time()
    result = subprocess.run(
        [sys.executable, FOLDER / "render.py", name],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert result.returncode == 0, result.stderr
    assert processor_time() - before < SECONDS
