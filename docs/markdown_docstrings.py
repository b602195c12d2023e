"""A Sphinx extension: docstrings in Keras-style Markdown, turned into reST.

Sphinx reads docstrings as reStructuredText, and napoleon takes their sections
(`Args:`, `Returns:`) apart. What is left of Markdown is turned here, before
napoleon runs: fenced code, links, and code in backticks, which becomes a link
where it names something public. Doctests stay as they are.
"""

import importlib
import inspect
import re

from sphinx.util.inspect import stringify_signature

SUB_PACKAGES = (
    "callbacks",
    "datasets",
    "export",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "schedules",
    "visualization",
)
FENCE = re.compile(r"^( *)```(\w*)$")
LINK = re.compile(r"\[([^\]`]+)\]\(\s*([^)\s]+)\s*\)")
CODE = re.compile(r"`([^`]+)`")
# Napoleon would take what precedes a colon on the first line for a type.
RETURNS = re.compile(r"^( *Returns:\n +)(?=\S)", re.M)
# It knows a section by what is indented below it. These are not always.
FLAT_SECTION = re.compile(r"^(Example|References):\n+(?=\S)", re.M)


def public_targets() -> dict[str, str]:
    """Every way to write a public name, and where it is documented."""
    targets = {}
    for package in SUB_PACKAGES:
        path = f"keras_slots.{package}"
        module = importlib.import_module(path)
        for name in getattr(module, "__all__", vars(module)):
            home = getattr(vars(module)[name], "__module__", "")
            if home.startswith("keras_slots"):
                target = f"{path}.{name}"
                for prefix in ("", f"{package}.", "keras_slots.", f"{home}."):
                    targets[prefix + name] = target
                targets[target] = target
    return targets


def to_rest(text: str, targets: dict[str, str]) -> str:
    """A docstring in Markdown as reStructuredText, sections left alone."""
    done, prose = [], []

    def finish_prose():
        done.append(_prose_to_rest("\n".join(prose), targets))
        prose.clear()

    text = FLAT_SECTION.sub(r"\n.. rubric:: \1\n\n", text)
    lines = iter(text.split("\n"))
    for line in lines:
        fence = FENCE.match(line)
        if fence:
            finish_prose()
            done += _code_block(fence, lines)
        elif line.lstrip().startswith(">>>"):
            finish_prose()
            done.append(line)
            for line in lines:  # A doctest ends with a blank line.
                done.append(line)
                if not line.strip():
                    break
        else:
            prose.append(line)
    finish_prose()
    return "\n".join(done)


def _code_block(fence, lines):
    """The lines of a fenced block, up to and with its last fence."""
    indent, language = fence.groups()
    block = ["", f"{indent}.. code-block:: {language or 'text'}", ""]
    for line in lines:
        if line.strip() == "```":
            break
        block.append(f"    {line}")
    return [*block, ""]


def _prose_to_rest(text, targets):
    text = RETURNS.sub(r"\1: ", text)
    # Links first: the reST of one has backticks of its own.
    parts = re.split(r"(\[[^\]`]+\]\(\s*[^)\s]+\s*\))", text)
    return "".join(
        LINK.sub(_link, part)
        if LINK.fullmatch(part)
        else CODE.sub(lambda code: _code(code, targets), part)
        for part in parts
    )


def _link(match):
    text, url = match.groups()
    return f"`{text} <{url}>`__"


def _code(match, targets):
    code = match[1]
    role = f":py:obj:`{code} <{targets[code]}>`" if code in targets else ""
    # A letter that follows must be parted from the end of the markup.
    following = match.string[match.end() : match.end() + 1]
    return (role or f"``{code}``") + ("\\ " if following.isalnum() else "")


def _process_docstring(app, what, name, obj, options, lines):
    if what != "module":
        text = to_rest("\n".join(lines), app.keras_slots_targets)
        lines[:] = text.split("\n")


def _process_signature(app, what, name, obj, options, signature, returns):
    """The arguments of a class are its constructor's.

    Sphinx would show those of `__new__`, which Keras gives to every layer.
    """
    if what != "class":
        return None
    _self, *arguments = inspect.signature(obj.__init__).parameters.values()
    arguments = inspect.Signature(arguments)
    return stringify_signature(arguments, show_annotation=False), None


def setup(app):
    """Called by Sphinx."""
    app.keras_slots_targets = public_targets()
    # Before napoleon, whose priority is 500.
    app.connect("autodoc-process-docstring", _process_docstring, priority=400)
    app.connect("autodoc-process-signature", _process_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
