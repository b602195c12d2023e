"""SortPool, SetEncoder and SetDescent against NumPy and autodiff."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.optimize import approx_fprime

from keras_slots.layers.set_decoding.image_vector import ImageVector
from keras_slots.layers.set_decoding.set_descent import SetDescent
from keras_slots.layers.set_decoding.set_encoder import SetEncoder
from keras_slots.layers.set_decoding.sort_pool import SortPool
from tests.backends import outputs_and_gradients

B, N, D, L, H = 3, 5, 4, 6, 7


def draw(*shape, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return (scale * rng.normal(size=shape)).astype("float32")


def randomize(layer, scale=0.7):
    """Weights, biases too, that leave no structure of their initializers."""
    for index, weight in enumerate(layer.weights):
        weight.assign(draw(*weight.shape, seed=100 + index, scale=scale))


def make_encoder():
    encoder = SetEncoder(L, H)
    encoder.build((None, N, D))
    randomize(encoder)
    return encoder


def make_descent(**arguments):
    descent = SetDescent(
        **{
            "set_size": N,
            "num_features": D,
            "latent_size": L,
            "hidden_size": H,
            "num_iterations": 4,
            "inner_learning_rate": 0.3,
            "inner_momentum": 0.0,
            "implicit": False,
            **arguments,
        }
    )
    descent.build((None, L))
    randomize(descent)
    return descent


def autodiff_encoder(encoder, sets):
    """The set encoder in few words, with a sort to differentiate."""
    hidden = encoder.hidden.kernel, encoder.hidden.bias
    project = encoder.project.kernel, encoder.project.bias
    features = ops.relu(ops.matmul(sets, hidden[0]) + hidden[1])
    features = ops.matmul(features, project[0]) + project[1]
    ranked = ops.flip(ops.sort(features, axis=1), axis=1)
    return ops.sum(ranked * encoder.pool.rank_weights, axis=1)


def objective(descent, sets, latent, start):
    """What the descent minimizes: one value per example."""
    latent, start = map(ops.convert_to_tensor, (latent, start))
    error = autodiff_encoder(descent.set_encoder, sets) - latent
    half_square = 0.5 * error**2
    if not descent.implicit:
        distance = ops.abs(error)
        huber = ops.where(distance < 1, half_square, distance - 0.5)
        return ops.mean(huber, axis=1)
    drift = 0.5 * ops.mean((sets - start) ** 2, axis=(1, 2))
    return ops.mean(half_square, axis=1) + 0.1 * drift


def autodiff_gradient(descent, sets, latent, start):
    def total(sets):
        return ops.sum(objective(descent, sets, latent, start)), ()

    return outputs_and_gradients(total, [sets])[1][0]


def autodiff_descent(descent, latent, start):
    """All sets of the descent, differentiable, by nested derivatives."""
    sets, velocity = [ops.convert_to_tensor(start)], 0.0
    momentum = descent.inner_momentum
    for _ in range(descent.num_iterations):
        gradient = autodiff_gradient(descent, sets[-1], latent, start)
        velocity = momentum * velocity + gradient
        step = gradient + momentum * velocity
        sets.append(sets[-1] - descent.inner_learning_rate * step)
    return sets


def test_sort_pool_is_sorting_and_weighting():
    features = draw(B, N, L)
    pool = SortPool()
    pool.build(features.shape)
    weights = np.array(pool.rank_weights)
    expected = (np.sort(features, axis=1)[:, ::-1] * weights).sum(axis=1)
    np.testing.assert_allclose(pool(features), expected, rtol=1e-5, atol=1e-6)


def test_sort_pool_gives_equal_elements_different_weights():
    """In the order of the set, so that they part in a descent."""
    pool = SortPool()
    pool.build((None, N, L))
    weights = pool.element_weights(np.ones((B, N, L), "float32"))
    expected = np.broadcast_to(np.array(pool.rank_weights), (B, N, L))
    np.testing.assert_array_equal(weights, expected)


def test_encoder_is_that_of_the_definition():
    encoder, sets = make_encoder(), draw(B, N, D)
    expected = autodiff_encoder(encoder, sets)
    np.testing.assert_allclose(encoder(sets), expected, rtol=1e-4, atol=1e-5)


def test_encoder_does_not_see_the_order():
    encoder, sets = make_encoder(), draw(B, N, D)
    order = [3, 0, 4, 2, 1]
    np.testing.assert_allclose(
        encoder(sets[:, order]), encoder(sets), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("implicit", [False, True])
def test_written_gradient_is_that_of_autodiff(implicit):
    descent = make_descent(implicit=implicit)
    # Errors on either side of 1, where the Huber loss turns.
    sets, latent, start = draw(B, N, D), draw(B, L, seed=1), draw(B, N, D)
    error = np.abs(
        np.array(autodiff_encoder(descent.set_encoder, sets)) - latent
    )
    assert np.any(error < 1) and np.any(error > 1)
    np.testing.assert_allclose(
        descent.gradient(
            *map(ops.convert_to_tensor, (sets, latent, start + 1.0))
        ),
        autodiff_gradient(descent, sets, latent, start + 1.0),
        rtol=1e-4,
        atol=1e-6,
    )


def test_written_gradient_is_the_numeric_one():
    encoder = make_encoder()
    sets, latent = draw(1, N, D), draw(1, L, seed=1)
    kernels = [np.array(weight, "float64") for weight in encoder.weights]
    (hidden, hidden_bias, project, bias, rank_weights) = kernels

    def mismatch(flat):
        element = np.maximum(flat.reshape(N, D) @ hidden + hidden_bias, 0)
        ranked = np.sort(element @ project + bias, axis=0)[::-1]
        error = np.abs((ranked * rank_weights).sum(axis=0) - latent[0])
        return np.where(error < 1, error**2 / 2, error - 0.5).mean()

    numeric = approx_fprime(sets.ravel().astype("float64"), mismatch, 1e-7)
    written = encoder.mismatch_gradient(
        *map(ops.convert_to_tensor, (sets, latent)), huber=True
    )
    np.testing.assert_allclose(np.ravel(written), numeric, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("implicit", [False, True])
def test_descent_is_gradient_descent(implicit, momentum):
    descent = make_descent(implicit=implicit, inner_momentum=momentum)
    latent, start = draw(B, L), draw(B, N, D, seed=1)
    expected = autodiff_descent(descent, latent, start)
    sets = descent(latent, initial_set=start)
    assert tuple(sets.shape) == (B, 5, N, D)
    np.testing.assert_allclose(
        sets, ops.stack(expected, axis=1), rtol=1e-3, atol=1e-5
    )


def test_momentum_is_that_of_nesterov():
    """Two steps by hand: velocity v = m v + g, and a step of g + m v."""
    descent = make_descent(inner_momentum=0.5, num_iterations=2)
    latent = draw(1, L)
    start = ops.convert_to_tensor(draw(1, N, D, seed=1))
    one = autodiff_gradient(descent, start, latent, start)
    middle = start - 0.3 * 1.5 * one
    two = autodiff_gradient(descent, middle, latent, start)
    velocity = 0.5 * one + two
    last = middle - 0.3 * (two + 0.5 * velocity)
    sets = descent(latent, initial_set=start)
    np.testing.assert_allclose(sets[:, 1], middle, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sets[:, 2], last, rtol=1e-4, atol=1e-6)


def test_gradient_through_the_descent_is_that_of_nested_autodiff():
    descent = make_descent(num_iterations=3, inner_momentum=0.5)
    sources = [draw(B, L), draw(B, N, D, seed=1)]
    # The encoder's weights; the learned start takes no part here.
    weights = descent.set_encoder.trainable_variables

    def outer_gradient(sets_of):
        def loss(latent, start):
            sets = ops.stack(sets_of(latent, start), axis=1)
            return ops.sum(ops.sin(sets)), sets

        return outputs_and_gradients(loss, sources, weights)[1]

    written = outer_gradient(
        lambda latent, start: ops.unstack(
            descent(latent, initial_set=start), axis=1
        )
    )
    expected = outer_gradient(
        lambda latent, start: autodiff_descent(descent, latent, start)
    )
    names = ["latent", "start", *(weight.path for weight in weights)]
    assert_gradients_agree(names, written, expected)


def assert_gradients_agree(names, written, expected):
    for name, one, other in zip(names, written, expected, strict=True):
        one, other = np.array(one), np.array(other)
        scale = np.abs(other).max()
        assert scale > 0, name
        np.testing.assert_allclose(
            one, other, rtol=1e-3, atol=1e-4 * scale, err_msg=name
        )


def test_implicit_gradient_is_the_stated_approximation():
    """u d(-gradient)/dp at the set before the last step, which is held."""
    descent = make_descent(implicit=True, inner_momentum=0.9)
    latent = draw(B, L)
    weights = descent.trainable_variables
    upstream = ops.convert_to_tensor(draw(B, N, D, seed=3))

    def loss(latent):
        return ops.sum(descent(latent)[:, -1] * upstream), ()

    start = ops.repeat(descent.start.value, B, axis=0)
    held = np.array(autodiff_descent(descent, latent, start)[-2])

    def loss_of_one_step(latent):
        start = ops.repeat(descent.start.value, B, axis=0)
        descend = -autodiff_gradient(descent, held, latent, start)
        return ops.sum(descend * upstream), ()

    _, written = outputs_and_gradients(loss, [latent], weights)
    _, expected = outputs_and_gradients(loss_of_one_step, [latent], weights)
    names = ["latent", *(weight.path for weight in weights)]
    assert_gradients_agree(names, written, expected)


def test_implicit_gradient_reaches_no_earlier_set():
    descent = make_descent(implicit=True)

    def loss(latent):
        return ops.sum(descent(latent)[:, :-1]), ()

    _, (gradient,) = outputs_and_gradients(loss, [draw(B, L)])
    assert not np.any(np.array(gradient))


@pytest.mark.parametrize("implicit", [False, True])
def test_every_step_lowers_the_objective(implicit):
    descent = make_descent(
        implicit=implicit, num_iterations=20, inner_learning_rate=0.005
    )
    latent = draw(B, L)
    sets = descent(latent)
    start = sets[:, 0]
    values = np.array(
        [
            np.array(objective(descent, sets[:, step], latent, start))
            for step in range(21)
        ]
    )  # (T + 1, B)
    assert np.all(np.diff(values, axis=0) <= 1e-6)
    assert np.all(values[-1] < 0.9 * values[0])


@pytest.mark.parametrize("implicit", [False, True])
def test_permuted_start_gives_permuted_set(implicit):
    descent = make_descent(implicit=implicit, inner_momentum=0.9)
    latent, start = draw(B, L), draw(B, N, D, seed=1)
    order = [3, 0, 4, 2, 1]
    sets = np.array(descent(latent, initial_set=start))
    permuted = descent(latent, initial_set=start[:, order])
    np.testing.assert_allclose(
        permuted, sets[:, :, order], rtol=1e-3, atol=1e-5
    )


def test_equal_elements_part():
    """What no sum over the set allows, and a set of objects needs."""
    sets = make_descent()(draw(B, L), initial_set=np.zeros((B, N, D)))
    last = np.array(sets)[:, -1]
    assert np.abs(last[:, 0] - last[:, 1]).max() > 1e-3


@pytest.mark.parametrize("implicit", [False, True])
def test_sets_stay_finite_however_long_the_step(implicit):
    descent = make_descent(
        implicit=implicit,
        num_iterations=50,
        inner_learning_rate=1e4,
        inner_momentum=0.9 if implicit else 0.0,
    )
    assert np.all(np.isfinite(np.array(descent(draw(B, L, scale=100.0)))))


def test_inner_arithmetic_is_float32_under_every_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        descent = make_descent()
        half = descent(draw(B, L))
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_array_equal(half, make_descent()(draw(B, L)))


def test_image_vector_tells_where_things_are():
    vector = ImageVector(L, (9, 8))
    tokens = draw(1, 72, 5)
    moved = np.roll(tokens.reshape(1, 9, 8, 5), 3, axis=2).reshape(1, 72, 5)
    assert tuple(vector(tokens).shape) == (1, L)
    assert len(vector.convs) == 2  # 9 x 8, 5 x 4, 3 x 2
    assert np.abs(np.array(vector(tokens) - vector(moved))).max() > 1e-2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"set_size": 0}, "`set_size` must be a positive integer"),
        ({"num_features": 1.5}, "`num_features` must be a positive integer"),
        ({"latent_size": 0}, "`latent_size` must be a positive integer"),
        ({"hidden_size": -1}, "`hidden_size` must be a positive integer"),
        ({"num_iterations": 0}, "`num_iterations` must be a positive integer"),
        ({"inner_learning_rate": 0.0}, "`inner_learning_rate` must be a posi"),
        ({"inner_momentum": -0.1}, "`inner_momentum` must be a non-negative"),
        ({"inner_momentum": 1.0}, "`inner_momentum` must be less than 1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_descent(**arguments)


def test_bad_calls():
    descent = make_descent()
    with pytest.raises(
        ValueError, match=r"`initial_set` must .*here \(., 5, 4\)"
    ):
        descent(draw(B, L), initial_set=draw(B, 4, D))
    with pytest.raises(
        ValueError, match=r"`initial_set` must .*here \(., 5, 4\)"
    ):
        descent(draw(B, L), initial_set=draw(B, N, 3))
    with pytest.raises(ValueError, match="`num_iterations` must be a posit"):
        descent(draw(B, L), num_iterations=0)
