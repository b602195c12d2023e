"""How scripts are called, and call the examples and themselves."""

import argparse
import os
import subprocess
import sys
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


def run_example(name, folder, *words):
    """Runs an example that writes to a folder, in a process of its own."""
    words = map(str, ("--output", folder, *words))
    subprocess.run([sys.executable, EXAMPLES / name, *words], check=True)


def run_if_unfinished(name, folder, *words):
    """Runs an example if the folder has no finished run of it."""
    if not (folder / "metrics.json").exists():
        run_example(name, folder, *words)


def run_again(*words, backend="tensorflow", check=True, capture=False):
    """Runs this script with other words, and gives what is captured of it."""
    return subprocess.run(
        [sys.executable, sys.argv[0], *map(str, words)],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=check,
        stdout=subprocess.PIPE if capture else None,
        text=True,
    ).stdout
