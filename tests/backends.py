"""Derivatives and compiled functions, on each backend of Keras.

Tests are written in `keras.ops` and NumPy; what Keras has no word for is here.
"""

from functools import partial

import keras
import numpy as np
import pytest

BACKEND = keras.config.backend()
MODES = {
    "tensorflow": ["eager", "graph", "xla"],
    "jax": ["eager", "xla"],
    "torch": ["eager"],
}[BACKEND]
# To trace a graph takes longer than a few steps of a small model without one.
EAGERLY = BACKEND == "tensorflow"


def _mode(mode, value, slow):
    """A parameter; `tests/conformance/test_xla.py` compiles each class once."""
    slow = BACKEND == "tensorflow" and mode in slow
    marks = [pytest.mark.slow] if slow else []
    return pytest.param(value, id=mode, marks=marks)


EACH_MODE = pytest.mark.parametrize(
    "mode", [_mode(mode, mode, slow=["xla"]) for mode in MODES]
)
# Those in which values are not known while Python runs.
EACH_TRACED_MODE = pytest.mark.parametrize(
    "mode",
    [_mode(mode, mode, slow=["xla"]) for mode in MODES if mode != "eager"],
)
# For `jit_compile` in `compile`; torch would call a C++ compiler, for minutes.
EACH_JIT = pytest.mark.parametrize(
    "jit_compile",
    {
        "tensorflow": [False, pytest.param(True, marks=pytest.mark.slow)],
        "jax": [True],
        "torch": [False],
    }[BACKEND],
    ids=str,
)
# On the others, products, means and activations of Keras become float32.
HAS_FLOAT64 = BACKEND == "tensorflow"
# The most precise that there is.
DTYPE = "float64" if HAS_FLOAT64 else "float32"
# One that is not the default.
OTHER_DTYPE = "float64" if HAS_FLOAT64 else "float16"
IN_FLOAT64 = pytest.mark.skipif(
    not HAS_FLOAT64, reason="Keras has float64 on TensorFlow alone"
)
WITH_XLA = pytest.mark.skipif(
    "xla" not in MODES, reason="PyTorch does not use XLA"
)
ON_TENSORFLOW = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="of TensorFlow alone"
)


def in_mode(function, mode):
    """A function of tensors as it is, in a graph, or compiled."""
    if mode == "eager":
        return function
    if BACKEND == "jax":
        return partial(_call_compiled, function)
    import tensorflow as tf

    return tf.function(function, jit_compile=mode == "xla")


def _call_compiled(function, *arguments, **options):
    import jax

    static = tuple(
        index
        for index, argument in enumerate(arguments)
        if not isinstance(argument, np.ndarray | jax.Array)
    )
    compiled = jax.jit(
        function, static_argnums=static, static_argnames=tuple(options)
    )
    return compiled(*arguments, **options)


def ways_to_run(function):
    """Runs a test with the function `run` in every mode.

    Tests with it are of many shapes, each of which is traced anew.
    """
    return pytest.mark.parametrize(
        "run",
        [
            _mode(mode, in_mode(function, mode), slow=["graph", "xla"])
            for mode in MODES
        ],
    )


def outputs_and_gradients(function, inputs, variables=()):
    """What a function gives, and the gradients of its loss.

    Args:
        function: Takes `inputs` and gives a pair: a scalar to differentiate,
            and outputs.
        inputs: List of float arrays.
        variables: Variables of Keras.

    Returns:
        The outputs, and a list of gradients as tensors, for inputs and then
        variables: zeros where the loss does not depend on one. They can be
        differentiated in turn.
    """
    inputs = [keras.ops.convert_to_tensor(x) for x in inputs]
    differentiate = {
        "tensorflow": _with_tape,
        "jax": _with_transformation,
        "torch": _with_autograd,
    }[BACKEND]
    return differentiate(function, inputs, list(variables))


def _with_tape(function, inputs, variables):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss, outputs = function(*inputs)
    sources = [*inputs, *(variable.value for variable in variables)]
    gradients = tape.gradient(
        loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return outputs, [tf.convert_to_tensor(each) for each in gradients]


def _with_transformation(function, inputs, variables):
    import jax

    def of_values(inputs, values):
        if not variables:  # A scope would hide one around it.
            return function(*inputs)
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(mapping, collect_losses=True):
            return function(*inputs)

    transformed = jax.value_and_grad(of_values, argnums=(0, 1), has_aux=True)
    values = [variable.value for variable in variables]
    (_, outputs), gradients = transformed(inputs, values)
    return outputs, [*gradients[0], *gradients[1]]


def _with_autograd(function, inputs, variables):
    import torch

    for tensor in inputs:
        tensor.requires_grad_(True)
    loss, outputs = function(*inputs)
    sources = [*inputs, *(variable.value for variable in variables)]
    gradients = torch.autograd.grad(
        loss, sources, create_graph=True, materialize_grads=True
    )
    return outputs, list(gradients)


def dtype_of(tensor):
    """By its name in Keras, which PyTorch's own differs from."""
    return keras.backend.standardize_dtype(tensor.dtype)


if BACKEND == "torch":
    import torch

    _to_numpy = torch.Tensor.__array__

    def _detached_to_numpy(tensor, dtype=None, copy=None):
        """For `np.array(...)` and NumPy's assertions, as elsewhere."""
        tensor = tensor.detach().cpu()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        array = _to_numpy(tensor)
        return array if dtype is None else array.astype(dtype)

    torch.Tensor.__array__ = _detached_to_numpy
    # NumPy 2 hands over more than PyTorch's own takes.
    torch.Tensor.__array_wrap__ = lambda self, array, *_: array
