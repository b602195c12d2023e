"""Runs the notebooks of this folder from top to bottom, and renders them.

```shell
pip install ".[notebooks]"  # in a clone of the repository
python examples/notebooks/render.py                        # run all
python examples/notebooks/render.py --write quick_start    # and keep one
```

Each notebook is a text file, `NAME.py`, that Jupytext reads. It is run by the
Python that runs this script, in a temporary copy of what it needs, and fails on
an error, on warnings, and on a file that it leaves behind.
With `--write`, `NAME.ipynb` is then replaced, whole or not at all, without what
differs from run to run and says nothing: times, versions, random names.
"""

import argparse
import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
SOURCES = sorted(set(FOLDER.glob("*.py")) - {Path(__file__).resolve()})
SECONDS = 600  # The longest that a single cell may take.
# What notebooks read of the repository beside the installed package.
NEEDED = ("examples/*.py", "examples/ablations/*.py", "docs/results/*.csv")
# TensorFlow's C++ logs that it has no GPU, whatever it is told. With this, that
# goes where it belongs and not into the notebook.
QUIET = ["--IPKernelApp.capture_fd_output=False", "--log-level=ERROR"]
METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


class ThisPython(AsyncKernelManager):
    """Starts one kernel: the Python that runs this script."""

    @property
    def kernel_spec(self):
        """That kernel, whatever Jupyter has installed elsewhere."""
        return KernelSpec(**get_kernel_dict())


@contextlib.contextmanager
def working_folder():
    """A temporary `examples/notebooks`, with what notebooks need around it.

    Raises:
        RuntimeError: At the end, if there is a file that was not there.
    """
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "examples", "notebooks")
        folder.mkdir(parents=True)
        for pattern in NEEDED:
            for path in ROOT.glob(pattern):
                copy = root / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        before = _files(root)
        yield folder
        left = _files(root) - before
        if left:
            raise RuntimeError(f"The notebook left files behind: {left}")


def _files(root):
    """All files below a folder but for Python's caches."""
    return {
        path.relative_to(root).as_posix()
        for path in Path(root).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def execute(source):
    """Runs a notebook.

    Args:
        source: Path of its text.

    Returns:
        The notebook with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell raises one.
        RuntimeError: If Python writes to stderr, or a file is left behind.
    """
    notebook = jupytext.read(source)
    with working_folder() as folder:
        NotebookClient(
            notebook,
            kernel_manager_class=ThisPython,
            extra_arguments=QUIET,
            timeout=SECONDS,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise RuntimeError(
                    f"{source.name} writes to stderr:\n{output.text}"
                )
    return notebook


def tidy(notebook):
    """The notebook without what differs from run to run and says nothing."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"
        cell.metadata = nbformat.from_dict({})
    return notebook


def write(notebook, path):
    """Replaces a file, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        nbformat.write(notebook, unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def processor_time():
    """Seconds that the cores have spent on kernels that are over."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main():
    """Runs the notebooks that the command line names, by default all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [source.stem for source in SOURCES]
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--write", action="store_true", help="keep the result")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no such notebook: {unknown}; there are {names}")
    failed = []
    for name in options.names or names:
        start, before = time.monotonic(), processor_time()
        try:
            notebook = execute(FOLDER / f"{name}.py")
        except Exception as error:  # Show all that fail, not the first alone.
            failed.append(name)
            print(f"{name}: failed\n{error}", file=sys.stderr, flush=True)
            continue
        if options.write:
            write(tidy(notebook), FOLDER / f"{name}.ipynb")
        print(
            f"{name}: {time.monotonic() - start:.0f} s, "
            f"{processor_time() - before:.0f} s of processor time",
            flush=True,
        )
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
