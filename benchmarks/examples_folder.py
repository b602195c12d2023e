"""Where the examples are, for benchmarks that run or import them."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(name, *words):
    """Runs one to its end, in a process of its own.

    Args:
        name: String, the name of its file.
        *words: Its command line.
    """
    words = map(str, words)
    subprocess.run([sys.executable, EXAMPLES / name, *words], check=True)
