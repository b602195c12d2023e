"""How scripts are called, and call the examples and themselves."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def command_line(description):
    """Makes a parser that shows a script's docstring as it stands."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )


def run_example(name, *words):
    """Runs an example to its end, in a process of its own."""
    command = [sys.executable, EXAMPLES / name, *map(str, words)]
    subprocess.run(command, check=True)


def run_again(*words, backend="tensorflow", check=True, capture=False):
    """Runs this script with other words, in a process of one backend.

    Returns:
        String, what it printed, if that is to be captured.
    """
    return subprocess.run(
        [sys.executable, sys.argv[0], *map(str, words)],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=check,
        stdout=subprocess.PIPE if capture else None,
        text=True,
    ).stdout
