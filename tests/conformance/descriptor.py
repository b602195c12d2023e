"""What the conformance tests know of a class."""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np


@dataclass(frozen=True)
class Descriptor:
    """How to make an object of a class, and how to use it.

    Attributes:
        cls: The class.
        required: Arguments of a small object with defaults otherwise.
        variants: Further arguments. Over all variants together, every
            argument of the class has a value that is not its default.
        inputs: Arrays by the names of call arguments, that make the result
            deterministic. The first one is the one differentiated.
        shapes: The symbolic shapes of `inputs`, unknown where they may be.
        weights: The numbers of trainable weights and of seed generators.
        call: How the object is called, by default `instance(**inputs)`.
        output_dtype: That of the outputs, where it is not the policy's.
        label: The name in the reports of tests, by default the class's.
    """

    cls: type
    required: dict = field(default_factory=dict)
    variants: tuple[dict, ...] = ()
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    shapes: dict[str, tuple] = field(default_factory=dict)
    weights: tuple[int, int] = (0, 0)
    call: Callable = lambda instance, **inputs: instance(**inputs)
    output_dtype: str = ""
    label: str = ""

    def __str__(self):
        return self.label or self.cls.__name__

    def create(self, **arguments):
        arguments = {**self.required, **arguments}
        return self.cls(
            **{
                name: value() if isinstance(value, Fresh) else value
                for name, value in arguments.items()
            }
        )

    def keras_inputs(self):
        return {
            name: keras.Input(
                batch_shape=shape, dtype=self.inputs[name].dtype, name=name
            )
            for name, shape in self.shapes.items()
        }


@dataclass(frozen=True)
class Fresh:
    """An argument that each object needs one of its own of: a layer."""

    make: Callable

    def __call__(self):
        return self.make()


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, size=shape).astype("float32")
