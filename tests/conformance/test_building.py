"""Weights, seed generators and shapes are known before the first call."""

import keras
import pytest

from tests.conformance.descriptors import (
    LAYERS,
    MODELS,
    arrays,
    build_by_call,
    each,
    is_variant,
)


def number_of_seed_generators(layer):
    states = {
        variable.path
        for variable in layer.variables
        if "seed_generator_state" in variable.path
    }
    return len(states)


@each(LAYERS + MODELS)
def test_build_makes_all_weights(descriptor):
    instance = descriptor.create()
    instance.build(next(iter(descriptor.shapes.values())))
    trainable, generators = descriptor.weights
    before = len(instance.trainable_weights), len(instance.weights)
    assert before == (trainable, trainable)
    assert number_of_seed_generators(instance) == generators
    descriptor.call(instance, **descriptor.inputs)
    after = len(instance.trainable_weights), len(instance.weights)
    assert after == before


@each(LAYERS + MODELS)
def test_weight_paths_are_unique_and_begin_with_the_name(descriptor):
    instance = build_by_call(descriptor, name="mine")
    paths = [weight.path for weight in instance.weights]
    assert len(set(paths)) == len(paths)
    if not isinstance(instance, keras.Model):
        assert all(path.startswith("mine/") for path in paths)


@each(LAYERS + MODELS, slow=is_variant)
def test_symbolic_shapes_are_eager_shapes(descriptor):
    """Those of unknown inputs where they are known, those of others all."""
    instance = descriptor.create()
    known = {name: a.shape for name, a in descriptor.inputs.items()}
    unknown_specs, known_specs = (
        keras.tree.flatten(
            instance(
                **{
                    name: keras.Input(batch_shape=shape)
                    for name, shape in shapes.items()
                }
            )
        )
        for shapes in (descriptor.shapes, known)
    )
    eager = arrays(descriptor.call(instance, **descriptor.inputs))
    assert [spec.shape for spec in known_specs] == [x.shape for x in eager]
    for spec, output in zip(unknown_specs, eager, strict=True):
        for expected, size in zip(spec.shape, output.shape, strict=True):
            assert expected in (size, None)


@each(LAYERS)
def test_compute_output_shape_is_the_shape_of_a_call(descriptor):
    instance = descriptor.create()
    first = next(iter(descriptor.inputs.values()))
    shapes = instance.compute_output_shape(first.shape)
    outputs = arrays(descriptor.call(instance, **descriptor.inputs))
    if not isinstance(shapes[0], tuple):
        shapes = (shapes,)
    assert [output.shape for output in outputs] == list(map(tuple, shapes))


@each(LAYERS + MODELS)
def test_unknown_argument_is_an_error(descriptor):
    with pytest.raises((TypeError, ValueError), match="unheard_of"):
        descriptor.create(unheard_of=1)
