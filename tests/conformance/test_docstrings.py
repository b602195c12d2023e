"""Examples in docstrings run, and defaults in docstrings are the defaults."""

import dataclasses
import doctest
import importlib
import inspect
import re

import keras
import numpy as np
import pytest

import keras_slots
from tests.backends import ON_TENSORFLOW
from tests.test_public_api import PUBLIC_NAMES

SYMBOLS = {
    f"{path}.{name}": getattr(importlib.import_module(path), name)
    for path, names in PUBLIC_NAMES.items()
    for name in names
    if path != "keras_slots"  # The same symbols once more.
}
# Examples that write files, or need some: in fences, for the reader.
WITHOUT_EXAMPLES = {
    "keras_slots.callbacks.SlotPictures",
    "keras_slots.callbacks.TrainingCheckpoint",
    "keras_slots.datasets.clevr",
    "keras_slots.export.export_litert",
    "keras_slots.export.export_onnx",
    "keras_slots.export.export_openvino",
    "keras_slots.export.export_saved_model",
    "keras_slots.models.Preset",
    "keras_slots.models.load_reference_checkpoint",
}
SECTION = re.compile(r"^(\w+):\n(.*?)(?=^\S|\Z)", re.M | re.S)
# One argument, or several that share a text: "a, b: Floats. ..."
ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*?)(?=^ {4}\S|\Z)", re.M | re.S)
# A value in backticks, or words for it where several share a text.
DEFAULT = re.compile(r"Defaults\s+to\s+(?:`([^`]*)`)?")


# Shapes are printed as TensorFlow prints them.
@ON_TENSORFLOW
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
    parameters = inspect.signature(SYMBOLS[name]).parameters
    with_default = {
        argument
        for argument, parameter in parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    sections = dict(SECTION.findall(inspect.getdoc(SYMBOLS[name])))
    # A dataclass is made with its attributes.
    plain = not dataclasses.is_dataclass(SYMBOLS[name])
    entries = sections.get("Args" if plain else "Attributes", "")
    stated, compared = set(), set()
    for names, text in ENTRY.findall(entries):
        arguments = names.split(", ")
        assert set(arguments) <= set(parameters), names
        default = DEFAULT.search(text)
        if not default:
            continue
        stated.update(arguments)
        assert default[1] or len(arguments) > 1, f"{names}: in words only"
        if default[1]:
            compared.update(arguments)
            for argument in arguments:
                assert eval(default[1]) == parameters[argument].default
    assert stated == with_default
    assert compared or not with_default
