"""The descriptors list every public class, and every argument of each."""

import inspect

import keras

import keras_slots
from tests.conformance.descriptors import DESCRIPTORS, each

MODULES = (
    keras_slots.layers,
    keras_slots.losses,
    keras_slots.metrics,
    keras_slots.models,
    keras_slots.schedules,
)
# Not Keras objects: nothing to save, compile or export.
PLAIN_CLASSES = {keras_slots.models.Preset}


def test_every_public_class_has_a_descriptor():
    public = {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value)
    }
    assert public - PLAIN_CLASSES == {d.cls for d in DESCRIPTORS}


@each(DESCRIPTORS)
def test_every_argument_has_a_value_that_is_not_its_default(descriptor):
    parameters = inspect.signature(descriptor.cls.__init__).parameters
    given = set(descriptor.required)
    for variant in descriptor.variants:
        for name, value in variant.items():
            if name not in parameters:
                continue
            default = parameters[name].default
            if name in descriptor.required:
                default = descriptor.required[name]
            if value != default:
                given.add(name)
    own = {
        name
        for name, parameter in parameters.items()
        if name != "self" and parameter.kind != parameter.VAR_KEYWORD
    }
    missing = {
        name
        for name in own
        if not any(name in variant for variant in descriptor.variants)
        and not issubclass(descriptor.cls, keras.Model)
    }
    assert own <= given
    assert not missing


@each(DESCRIPTORS)
def test_an_attribute_holds_each_argument(descriptor):
    instance = descriptor.create(**descriptor.variants[0])
    for name, value in descriptor.variants[0].items():
        if name == "dtype" and isinstance(instance, keras.Layer):
            assert instance.dtype_policy.name == value
        else:
            assert getattr(instance, name) == value
