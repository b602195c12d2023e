"""A configuration, as JSON, makes an equal object again."""

import inspect
import json

import keras
import pytest

from tests.conformance.descriptors import DESCRIPTORS, each

VARIANTS = [
    pytest.param(descriptor, arguments, id=f"{descriptor}-{index}")
    for descriptor in DESCRIPTORS
    for index, arguments in enumerate(({}, *descriptor.variants))
]


@pytest.mark.parametrize(("descriptor", "arguments"), VARIANTS)
def test_config_round_trip_through_json(descriptor, arguments):
    instance = descriptor.create(**arguments)
    config = keras.saving.serialize_keras_object(instance)
    assert config["registered_name"] == f"keras_slots>{type(instance).__name__}"
    text = json.dumps(config)
    revived = keras.saving.deserialize_keras_object(json.loads(text))
    assert type(revived) is type(instance)
    assert revived.get_config() == instance.get_config()
    assert json.dumps(keras.saving.serialize_keras_object(revived)) == text
    assert sorted(dir(revived)) == sorted(dir(instance))


@each(DESCRIPTORS)
def test_the_config_has_every_argument(descriptor):
    """Else a default would take its place, in both configs alike."""
    parameters = inspect.signature(descriptor.cls.__init__).parameters
    arguments = {
        name
        for name, parameter in parameters.items()
        if name != "self" and parameter.kind != parameter.VAR_KEYWORD
    }
    assert arguments <= set(descriptor.create().get_config())


@pytest.mark.parametrize(("descriptor", "arguments"), VARIANTS)
def test_from_config_leaves_the_config_as_it_is(descriptor, arguments):
    instance = descriptor.create(**arguments)
    config = instance.get_config()
    before = repr(config)
    descriptor.cls.from_config(config)
    assert repr(config) == before
