"""Examples in docstrings run, and defaults in docstrings are the defaults."""

import doctest
import importlib
import inspect
import re

import keras
import numpy as np
import pytest

import keras_slots
from tests.test_public_api import PUBLIC_NAMES

SYMBOLS = {
    f"{path}.{name}": getattr(importlib.import_module(path), name)
    for path, names in PUBLIC_NAMES.items()
    for name in names
    if path != "keras_slots"  # The same symbols once more.
}
# Examples that write files, or need some: in fences, for the reader.
WITHOUT_EXAMPLES = {
    "keras_slots.callbacks.TrainingCheckpoint",
    "keras_slots.datasets.multi_object_records",
    "keras_slots.export.export_saved_model",
    "keras_slots.models.Preset",
    "keras_slots.models.load_reference_checkpoint",
}
DEFAULT = re.compile(r"^ {4}(\w+): (.*?)(?=^ {4}\S|\Z)", re.M | re.S)


@pytest.mark.parametrize("name", sorted(set(SYMBOLS) - WITHOUT_EXAMPLES))
def test_examples_run(name):
    names = {"keras": keras, "keras_slots": keras_slots, "np": np}
    tests = doctest.DocTestFinder(recurse=False).find(
        SYMBOLS[name], name, globs=names
    )
    assert tests and tests[0].examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in tests:
        runner.run(test)
    assert runner.failures == 0


@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_defaults_are_those_of_the_signature(name):
    documented = inspect.getdoc(SYMBOLS[name])
    assert documented
    _, _, arguments = documented.partition("\nArgs:\n")
    arguments = re.split(r"\n\n(?=\S)", arguments)[0]
    parameters = inspect.signature(SYMBOLS[name]).parameters
    for argument, text in DEFAULT.findall(arguments):
        stated = re.search(r"Defaults\s+to\s+`([^`]*)`", text)
        default = parameters[argument].default
        if stated:
            assert eval(stated[1]) == default, argument
        else:
            assert default is inspect.Parameter.empty, argument
