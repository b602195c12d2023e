"""How scripts are called, and call the examples and other processes."""

import argparse
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def command_line(description, **defaults):
    """Makes a parser that shows a docstring, with flags and their defaults."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    for name, value in defaults.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=type(value), default=value)
    return parser


def require(*modules):
    """Exits if some modules are not installed, and names them."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"Not installed: {', '.join(missing)}. benchmarks/README.md says "
            "how to install what this script needs."
        )


def run_example(name, folder, *words):
    """Runs an example that writes to a folder, in a process of its own."""
    words = map(str, ("--output", folder, *words))
    subprocess.run([sys.executable, EXAMPLES / name, *words], check=True)


def run_if_unfinished(name, folder, *words):
    """Runs an example if the folder has no finished run of it."""
    if not (folder / "metrics.json").exists():
        run_example(name, folder, *words)


def in_own_process(function, *arguments, backend="tensorflow"):
    """Gives what a function gives in a fresh process, with a backend."""
    os.environ["KERAS_BACKEND"] = backend  # The process inherits it.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(function, *arguments).result()
