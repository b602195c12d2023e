"""What training and saving do to the weights of a model."""

import numpy as np


def assert_every_weight_moved(model, before):
    """`before` are the arrays of `model.get_weights` before training."""
    for old, new in zip(before, model.weights, strict=True):
        assert np.any(old != np.array(new)), new.path


def assert_same_weights(model, expected, rtol, atol):
    """Of two models."""
    for weight, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_allclose(
            weight, other, rtol=rtol, atol=atol, err_msg=weight.path
        )
