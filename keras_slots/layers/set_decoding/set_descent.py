"""SetDescent: a vector to a set, by gradient descent on the set."""

import keras
from keras import ops

from keras_slots.checks import as_integer, as_number, check_shapes
from keras_slots.layers.set_decoding.set_encoder import SetEncoder
from keras_slots.types import Tensor

# For the implicit form, as published: the weight of the distance from the
# start, and the largest norm of the gradient of one set.
START_WEIGHT = 0.1
LARGEST_NORM = 10.0


class SetDescent(keras.layers.Layer):
    """Decodes a vector into a set that is encoded to nearly the same vector.

    From a learned start, every iteration takes one step of gradient descent
    on the mismatch between the set's vector and the given vector (see
    `SetEncoder`), optionally with Nesterov momentum.

    The outer training differentiates through all iterations (Zhang et al.,
    2019), or, if `implicit`, through none: the set is assumed to minimize the
    objective, and the implicit function theorem gives the gradient, with the
    identity in place of the Hessian (Zhang et al., 2022). This takes one more
    evaluation of the inner gradient for any number of iterations.

    The objective is a Huber loss. If `implicit`, it is a squared error with
    each set's gradient clipped to a norm of 10, plus the squared error from the
    start with a tenth of the weight, by which the start learns. As the set
    encoder is piecewise linear, both objectives bound the steps for given
    weights: sets stay finite in descents of any length.

    Everything is float32 under every policy.

    A part of `DeepSetPrediction`, which documents the arguments. The call
    takes vectors `(B, L)` and gives `(B, T + 1, n, d)`: the start, and the set
    after every iteration. If `implicit`, gradients only flow through the last
    set.

    References:
        - [Zhang et al., 2019](https://arxiv.org/abs/1906.06565)
        - [Zhang et al., 2022](https://arxiv.org/abs/2111.12193)
    """

    # Letters: B batch, T iterations, n elements, d features, L latent.

    ARGUMENTS = (
        "set_size",
        "num_features",
        "latent_size",
        "hidden_size",
        "num_iterations",
        "inner_learning_rate",
        "inner_momentum",
        "implicit",
    )

    def __init__(
        self,
        set_size: int,
        num_features: int,
        latent_size: int,
        hidden_size: int,
        num_iterations: int,
        inner_learning_rate: float,
        inner_momentum: float,
        implicit: bool,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.inner_learning_rate = as_number(
            "inner_learning_rate", inner_learning_rate, above=True
        )
        self.inner_momentum = as_number("inner_momentum", inner_momentum)
        if self.inner_momentum >= 1:
            raise ValueError(
                "`inner_momentum` must be less than 1. "
                f"Received: inner_momentum={inner_momentum}"
            )
        self.set_size = as_integer("set_size", set_size)
        self.num_features = as_integer("num_features", num_features)
        self.latent_size = as_integer("latent_size", latent_size)
        self.hidden_size = as_integer("hidden_size", hidden_size)
        self.num_iterations = as_integer("num_iterations", num_iterations)
        self.implicit = implicit

    def build(self, input_shape):
        self.set_encoder = SetEncoder(
            self.latent_size,
            self.hidden_size,
            name="set_encoder",
            dtype=self.dtype_policy,
        )
        self.set_encoder.build((None, self.set_size, self.num_features))
        self.start = self.add_weight(
            name="start",
            shape=(1, self.set_size, self.num_features),
            initializer=keras.initializers.RandomUniform(0.0, 1.0),
        )

    def call(self, latent, initial_set=None, num_iterations=None):
        if num_iterations is None:
            num_iterations = self.num_iterations
        num_iterations = as_integer("num_iterations", num_iterations)
        start = self._start(latent, initial_set)  # (B, n, d)
        descend = self._descend_implicitly if self.implicit else self._descend
        sets = descend(latent, start, num_iterations)
        return ops.stack(sets, axis=1)  # (B, T + 1, n, d)

    def gradient(self, sets: Tensor, latent: Tensor, start: Tensor) -> Tensor:
        """Computes the gradient of the objective for `sets`: `(B, n, d)`."""
        gradient = self.set_encoder.mismatch_gradient(
            sets, latent, huber=not self.implicit
        )
        if self.implicit:
            size = self.set_size * self.num_features
            gradient = gradient + START_WEIGHT * (sets - start) / size
        return gradient

    def _start(self, latent, initial_set):
        if initial_set is None:
            return ops.repeat(self.start, ops.shape(latent)[0], axis=0)
        sizes = {"n": self.set_size, "d": self.num_features}
        check_shapes({"initial_set": (initial_set, "(B, n, d)")}, **sizes)
        return ops.cast(initial_set, self.dtype)

    def _descend(self, latent, start, num_iterations):
        """Returns the start and the set after each iteration, all (B, n, d)."""
        sets, velocity = [start], ops.zeros_like(start)
        for _ in range(num_iterations):
            gradient = self.gradient(sets[-1], latent, start)
            if self.implicit:
                gradient = _clip(gradient)
            velocity = self.inner_momentum * velocity + gradient
            step = gradient + self.inner_momentum * velocity
            sets.append(sets[-1] - self.inner_learning_rate * step)
        return sets

    def _descend_implicitly(self, latent, start, num_iterations):
        """Returns the same sets, the last set with the implicit gradient.

        A minimum Y of the objective f moves with a parameter p by
        dY/dp = -(d2f/dY2)^-1 d2f/dYdp. With the identity for the Hessian
        this is the derivative of minus the gradient for p at fixed Y.
        """
        sets = self._descend(
            ops.stop_gradient(latent), ops.stop_gradient(start), num_iterations
        )
        sets = [ops.stop_gradient(each) for each in sets]
        # From the set before the last iteration, as published.
        descent = -self.gradient(sets[-2], latent, start)
        # Adds zero with a derivative.
        sets[-1] = sets[-1] + (descent - ops.stop_gradient(descent))
        return sets


def _clip(gradient):
    """Clips each example's gradient (B, n, d) to a norm of `LARGEST_NORM`."""
    square = ops.sum(ops.square(gradient), axis=(1, 2), keepdims=True)
    return gradient * (
        LARGEST_NORM / ops.maximum(ops.sqrt(square), LARGEST_NORM)
    )
