"""A context to run a model during training without changing its noise."""

import contextlib

import numpy as np
from keras import ops


@contextlib.contextmanager
def same_noise(model):
    """Runs the block with fresh noise, then restores the training's noise."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    before = [np.array(ops.convert_to_numpy(state)) for state in states]
    try:
        for state, (seed, _) in zip(states, before, strict=True):
            state.assign(np.array([seed, 0], before[0].dtype))
        yield
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)
