"""Python in Markdown pages: found, run, and what it prints compared."""

import re

# A block after a line `<!-- needs files -->` is for the reader alone.
BLOCK = re.compile(
    r"(?<!<!-- needs files -->\n)^```python\n(.*?)^```", re.M | re.S
)
PRINTED = re.compile(r"^ *print\(.*  # (.*)$", re.M)


def python_blocks(page: str) -> list[str]:
    """The blocks of a page that can be run, in order."""
    return BLOCK.findall(page)


def run_block(block, name, namespace, capsys):
    """Runs a block; each comment behind a `print` must be a printed line."""
    capsys.readouterr()
    exec(compile(block, name, "exec"), namespace)
    lines = iter(capsys.readouterr().out.splitlines())
    for printed in PRINTED.findall(block):
        assert printed in lines  # Reads on from the last line found.
