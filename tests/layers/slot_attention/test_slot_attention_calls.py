"""Arguments of a call, randomness, gradients, shapes and errors."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_slots import SlotAttention
from tests.backends import (
    IN_FLOAT64,
    ON_TENSORFLOW,
    dtype_of,
    outputs_and_gradients,
)


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("float32")


def make_layer(**kwargs):
    return SlotAttention(**{"num_slots": 4, "slot_size": 6, **kwargs})


@pytest.mark.parametrize(
    ("arguments", "lead"),
    [
        ({"num_slots": 7, "num_iterations": 1}, (7,)),
        ({"return_all_iterations": True}, (3, 4)),
        ({"return_all_iterations": True, "num_iterations": 2}, (2, 4)),
    ],
    ids=str,
)
def test_symbolic_shapes_are_those_of_the_call(arguments, lead):
    """Of eager calls of every kind, `tests/properties` knows the shapes."""
    tokens = keras.Input(batch_shape=(None, None, 5))
    slots, attention = make_layer()(
        tokens, return_attention_scores=True, **arguments
    )
    assert slots.shape == (None, *lead, 6)
    assert attention.shape == (None, *lead, None)


def test_compute_output_shape():
    layer = make_layer()
    assert layer.compute_output_shape((None, None, 5)) == (None, 4, 6)


def test_iterations_of_a_call_are_iterations_of_a_layer():
    short, long = make_layer(num_iterations=1), make_layer(num_iterations=5)
    short.build((None, None, 5))
    long.build((None, None, 5))
    long.set_weights(short.get_weights())
    tokens, start = draw(2, 9, 5), draw(2, 4, 6)
    np.testing.assert_array_equal(
        short(tokens, initial_slots=start, num_iterations=5),
        long(tokens, initial_slots=start),
    )


def test_all_iterations_end_in_the_result():
    layer, tokens, start = make_layer(), draw(2, 9, 5), draw(2, 4, 6)
    slots, attention = layer(
        tokens, initial_slots=start, return_attention_scores=True
    )
    all_slots, all_attention = layer(
        tokens,
        initial_slots=start,
        return_attention_scores=True,
        return_all_iterations=True,
    )
    np.testing.assert_array_equal(all_slots[:, -1], slots)
    np.testing.assert_array_equal(all_attention[:, -1], attention)
    np.testing.assert_array_equal(
        all_slots[:, 0],
        layer(tokens, initial_slots=start, num_iterations=1),
    )


@pytest.mark.parametrize(
    ("kind", "num_slots"),
    [("shared_gaussian", 9), ("shared_gaussian", 2), ("learned", 2)],
    ids=str,
)
def test_another_number_of_slots_in_a_call(kind, num_slots):
    layer = make_layer(slot_initialization=kind)
    slots = layer(draw(2, 9, 5), num_slots=num_slots)
    assert tuple(slots.shape) == (2, num_slots, 6)


def test_initial_slots_say_how_many_slots():
    slots = make_layer()(draw(2, 9, 5), initial_slots=draw(2, 7, 6))
    assert tuple(slots.shape) == (2, 7, 6)


@ON_TENSORFLOW
def test_initial_slots_of_unknown_number_are_refused():
    import tensorflow as tf

    layer, tokens = make_layer(), draw(2, 9, 5)
    call = tf.function(
        lambda start: layer(tokens, initial_slots=start),
        input_signature=[tf.TensorSpec((2, None, 6))],
    )
    with pytest.raises(ValueError, match=r"`num_slots` must be .*=None"):
        call(draw(2, 7, 6))


def test_initial_slots_make_the_layer_deterministic():
    layer, tokens, start = make_layer(), draw(2, 9, 5), draw(2, 4, 6)
    first = layer(tokens, initial_slots=start)
    np.testing.assert_array_equal(layer(tokens, initial_slots=start), first)
    unseen = make_layer(seed=1)
    unseen.build(tokens.shape)
    state = np.array(unseen.initial.seed_generator.state)
    unseen(tokens, initial_slots=start)
    np.testing.assert_array_equal(unseen.initial.seed_generator.state, state)


def test_a_seed_reproduces_the_sequence_of_draws():
    tokens = draw(2, 9, 5)
    layers = [make_layer(seed=seed) for seed in (1, 1, 2)]
    for layer in layers:
        layer.build(tokens.shape)
        layer.set_weights(layers[0].get_weights())
    first, again, other = ([layer(tokens) for _ in "12"] for layer in layers)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[0], first[1])
    assert not np.allclose(first[0], other[0])


def test_examples_and_slots_are_drawn_independently():
    layer = make_layer()
    layer.build((None, None, 5))
    drawn = np.array(layer.initial.draw(3, 4)).reshape(12, 6)
    assert len(np.unique(drawn.round(5), axis=0)) == 12


def gradients_of(gradient):
    """Output, and the gradient of each weight by name."""
    keras.utils.set_random_seed(0)
    layer = make_layer(gradient=gradient, seed=0)
    layer.build((None, None, 5))
    for seed, weight in enumerate(layer.weights):
        weight.assign(weight + 0.3 * draw(*weight.shape, seed=seed))

    def loss(tokens):
        slots = layer(tokens)
        return ops.sum(slots**2), slots

    weights = layer.trainable_weights
    slots, gradients = outputs_and_gradients(loss, [draw(2, 9, 5)], weights)
    names = [weight.path.removeprefix(f"{layer.name}/") for weight in weights]
    gradients = map(np.array, gradients[1:])
    return np.array(slots), dict(zip(names, gradients, strict=True))


def test_gradient_modes():
    full_slots, full = gradients_of("full")
    implicit_slots, implicit = gradients_of("implicit")
    bilevel_slots, bilevel = gradients_of("bilevel")
    np.testing.assert_array_equal(full_slots, implicit_slots)
    np.testing.assert_allclose(full_slots, bilevel_slots, rtol=1e-5, atol=1e-6)
    for name in ("initial/mu", "initial/log_sigma"):
        assert not np.any(implicit[name])
        assert np.any(bilevel[name] != 0)
        assert not np.allclose(bilevel[name], full[name])
    for name in set(full) - {"initial/mu", "initial/log_sigma"}:
        np.testing.assert_allclose(
            implicit[name], bilevel[name], rtol=1e-3, atol=1e-4, err_msg=name
        )
    kernel = "attention/query_kernel"
    assert not np.allclose(implicit[kernel], full[kernel])


def test_implicit_gradient_is_that_of_one_more_step():
    """Chang et al.: differentiate one step from slots held constant."""
    layer = make_layer(gradient="implicit")
    tokens, start = draw(2, 9, 5), draw(2, 4, 6)
    layer.build(tokens.shape)

    def gradients(**kwargs):
        def loss(tokens):
            return ops.sum(layer(tokens, **kwargs) ** 2), ()

        return outputs_and_gradients(loss, [tokens])[1][0]

    held = layer(tokens, initial_slots=start, num_iterations=2)
    np.testing.assert_allclose(
        gradients(initial_slots=start, num_iterations=3),
        gradients(initial_slots=np.array(held), num_iterations=1),
        rtol=1e-5,
        atol=1e-6,
    )


def test_every_weight_learns():
    _, gradients = gradients_of("full")
    for name, gradient in gradients.items():
        assert np.any(gradient != 0), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_slots": 0}, r"`num_slots` must be .* Received: num_slots=0"),
        ({"num_slots": 2.0}, "`num_slots` must be a positive integer"),
        ({"num_slots": True}, "`num_slots` must be a positive integer"),
        ({"slot_size": -1}, "`slot_size` must be a positive integer"),
        ({"num_iterations": 0}, "`num_iterations` must be a positive integer"),
        ({"mlp_hidden_size": 0}, "`mlp_hidden_size` must be a positive int"),
        ({"num_heads": 0}, "`num_heads` must be a positive integer"),
        ({"num_heads": 4}, "`slot_size` must be a multiple of `num_heads`"),
        (
            {"num_heads": 2, "use_projections": False},
            "`num_heads` needs projections",
        ),
        ({"epsilon": -1e-8}, "`epsilon` must be a non-negative number"),
        ({"epsilon": "1e-8"}, "`epsilon` must be .* Received: epsilon='1e-8'"),
        ({"epsilon": float("nan")}, "`epsilon` must be a non-negative"),
        ({"temperature": 0.0}, "`temperature` must be a positive number"),
        (
            {"aggregation": "sum"},
            "`aggregation` must be one of 'weighted_mean', 'weighted_sum', "
            ".* Received: aggregation='sum'",
        ),
        ({"softmax_axis": 1}, "`softmax_axis` must be one of 'slots', 'inpu"),
        ({"slot_initialization": None}, "`slot_initialization` must be one"),
        ({"update": "lstm"}, "`update` must be one of 'gru', 'none'"),
        ({"epsilon_position": ""}, "`epsilon_position` must be one of"),
        ({"gradient": "none"}, "`gradient` must be one of 'full', 'implicit'"),
        ({"slot_communication": True}, "`slot_communication` must be one of"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_layer(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"initial_slots": draw(4)},
            r"`initial_slots` must have shape \(B, K, D\)",
        ),
        (
            {"initial_slots": draw(2, 4)},
            r"`initial_slots` must have shape \(B, K, D\)",
        ),
        (
            {"initial_slots": draw(2, 4, 5)},
            r"`initial_slots` must have shape \(B, K, D\), here \(2, 4, 6\). "
            r"Received: initial_slots.shape=\(2, 4, 5\)",
        ),
        (
            {"initial_slots": draw(3, 4, 6)},
            r"`initial_slots` must have .*, here \(2, 4, 6\)",
        ),
        (
            {"initial_slots": draw(2, 4, 6), "num_slots": 5},
            r"`initial_slots` must have .*, here \(2, 5, 6\)",
        ),
        ({"mask": np.ones((2, 8))}, r"`mask` must have .*, here \(2, 9\)"),
        ({"mask": np.ones((1, 9))}, r"`mask` must have .*, here \(2, 9\)"),
        ({"mask": np.ones((2, 9, 1))}, r"`mask` must have shape \(B, N\)"),
        ({"slot_mask": np.ones((2, 5))}, r"`slot_mask` must .*, here \(2, 4\)"),
        ({"slot_mask": np.ones(4)}, r"`slot_mask` must have shape \(B, K\)"),
        ({"num_slots": 0}, "`num_slots` must be a positive integer"),
        ({"num_iterations": 0}, "`num_iterations` must be a positive integer"),
    ],
    ids=lambda value: str(value)[:40].replace("\n", " "),
)
def test_bad_calls(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_layer()(draw(2, 9, 5), **arguments)


@pytest.mark.parametrize("shape", [(9, 5), (2, 3, 3, 5)], ids=str)
def test_inputs_must_be_tokens(shape):
    with pytest.raises(ValueError, match="expected ndim=3"):
        make_layer()(draw(*shape))
    layer = make_layer()
    layer.build((None, None, 5))
    with pytest.raises(ValueError, match="expected ndim=3"):
        layer(draw(*shape))
    with pytest.raises(ValueError, match="expected ndim=3"):
        make_layer()(keras.Input(shape[1:]))


def test_another_number_of_token_features_is_an_error():
    layer = make_layer()
    layer(draw(2, 9, 5))
    with pytest.raises(ValueError, match=r"axis -1 .* to have value 5"):
        layer(draw(2, 9, 7))


def test_without_projections_tokens_need_the_size_of_slots():
    layer = make_layer(use_projections=False)
    with pytest.raises(ValueError, match=r"axis -1 .* to have value 6"):
        layer(draw(2, 9, 5))


@pytest.mark.parametrize("kind", ["per_slot_gaussian", "learned"])
def test_slots_of_their_own_cannot_be_added(kind):
    layer = make_layer(slot_initialization=kind)
    with pytest.raises(ValueError, match=r"cannot be added.*num_slots=5"):
        layer(draw(2, 9, 5), num_slots=5)
    with pytest.raises(ValueError, match=r"cannot be added.*num_slots=5"):
        layer(keras.Input((9, 5)), num_slots=5)
    slots = layer(draw(2, 9, 5), initial_slots=draw(2, 5, 6))
    assert tuple(slots.shape) == (2, 5, 6)


@IN_FLOAT64
@pytest.mark.parametrize(
    ("gradient", "masked"), [("full", True), ("implicit", False)]
)
def test_float64_has_gradients(gradient, masked):
    layer = SlotAttention(3, 6, gradient=gradient, dtype="float64")
    layer.build((2, 9, 6))
    tokens = np.random.default_rng(0).normal(size=(2, 9, 6))
    mask = np.arange(9) < [[9], [5]] if masked else None

    def loss(tokens):
        slots = layer(tokens, mask=mask)
        return ops.sum(ops.square(slots)), slots

    slots, gradients = outputs_and_gradients(
        loss, [tokens], [layer.attention.key_kernel]
    )
    assert dtype_of(slots) == "float64"
    for value in gradients:
        assert dtype_of(value) == "float64"
        assert np.isfinite(np.array(value)).all()
        assert np.any(np.array(value))
