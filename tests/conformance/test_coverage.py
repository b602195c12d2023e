"""The descriptors list every public class, and every argument of each."""

import inspect

import keras

import keras_slots
from tests.conformance.descriptor import Fresh
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
    """Or, where the argument is required, not that of `required`."""
    parameters = inspect.signature(descriptor.cls.__init__).parameters
    own = {
        name: descriptor.required.get(name, parameter.default)
        for name, parameter in parameters.items()
        if name != "self" and parameter.kind != parameter.VAR_KEYWORD
    }
    # A class with several descriptors needs a value in any of them.
    variants = [
        variant
        for other in DESCRIPTORS
        if other.cls is descriptor.cls
        for variant in other.variants
    ]
    varied = {
        name
        for variant in variants
        for name, value in variant.items()
        if name in own and value != own[name]
    }
    # The layers that a model is made of vary in descriptors of their own.
    parts = {name for name in own if isinstance(own[name], Fresh)}
    assert varied == set(own) - parts
    classes = {d.cls for d in DESCRIPTORS}
    assert {type(own[name]()) for name in parts} <= classes
    assert bool(parts) == issubclass(descriptor.cls, keras.Model)


@each(DESCRIPTORS)
def test_an_attribute_holds_each_argument(descriptor):
    instance = descriptor.create(**descriptor.variants[0])
    for name, value in descriptor.variants[0].items():
        if name == "dtype" and isinstance(instance, keras.Layer):
            assert instance.dtype_policy.name == value
        else:
            assert getattr(instance, name) == value
