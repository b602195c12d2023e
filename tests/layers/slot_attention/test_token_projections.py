import keras
import numpy as np
import pytest
from keras import ops

from keras_slots.layers.slot_attention import token_projections
from keras_slots.layers.slot_attention.collected_tokens import CollectedTokens
from keras_slots.layers.slot_attention.token_projections import (
    AbsorbedProjections,
    FormedProjections,
    IdentityProjections,
    Projection,
    absorbing_is_cheaper,
    project_tokens,
)
from tests.backends import (
    DTYPE,
    EACH_MODE,
    HAS_FLOAT64,
    dtype_of,
    in_mode,
    outputs_and_gradients,
)

TOLERANCE = 1e-12 if HAS_FLOAT64 else 1e-3


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(DTYPE)


def sizes(heads):
    """Tokens (B, N, C), scales (B, N), kernels (C, H, F), biases, queries."""
    return [
        draw(2, 9, 5, seed=0),
        draw(2, 9, seed=6),
        draw(5, heads, 4, seed=1),
        draw(5, heads, 4, seed=2),
        draw(heads, 4, seed=3),
        draw(heads, 4, seed=4),
        draw(2, 3, heads, 4, seed=5),  # (B, K, H, F)
    ]


def formed(tokens, scale, key, value):
    return FormedProjections(tokens, scale, key, value)


def absorbed(tokens, scale, key, value, collect=True):
    num_rows = 3 * key.kernel.shape[1]
    collected = CollectedTokens(tokens, num_rows, 4, collect)
    return AbsorbedProjections(collected, scale, key, value)


def not_collected(tokens, scale, key, value):
    return absorbed(tokens, scale, key, value, collect=False)


def values_and_gradients(form, arrays, with_norm):
    """Of two iterations, as in Slot Attention, and of their gradient's norm."""

    def loss(tokens, scale, key, value, key_bias, value_bias, queries):
        projections = form(
            tokens,
            scale if with_norm else None,
            Projection(key, key_bias if with_norm else None),
            Projection(value, value_bias if with_norm else None),
        )
        results = []
        for _ in range(2):
            logits = projections.score(queries)  # (B, H, K, N)
            weights = ops.softmax(logits, axis=2)
            mass = ops.sum(weights, axis=-1)
            queries = projections.gather(weights, mass)
            results += [logits, queries]
        return ops.sum(ops.sin(queries)), results

    def norm_of_gradients(*arrays):
        results, gradients = outputs_and_gradients(loss, arrays)
        norm = sum(ops.sum(ops.square(gradient)) for gradient in gradients)
        return norm, [*results, *gradients]

    results, second = outputs_and_gradients(norm_of_gradients, arrays)
    return [*results, *second]


@pytest.mark.parametrize(
    "heads",
    [pytest.param(1, marks=pytest.mark.slow), 2],
    ids="{} heads".format,
)
@pytest.mark.parametrize("with_norm", [False, True], ids=["", "norm"])
@EACH_MODE
def test_both_forms_agree_in_values_and_gradients(heads, with_norm, mode):
    """And in second gradients, which go through those written by hand."""

    def run(form):
        def of_arrays(*arrays):
            return values_and_gradients(form, arrays, with_norm)

        return in_mode(of_arrays, mode)(*sizes(heads))

    for one, *others in zip(
        run(formed), run(absorbed), run(not_collected), strict=True
    ):
        assert dtype_of(one) == DTYPE
        for other in others:
            tolerance = TOLERANCE * max(1.0, np.abs(np.array(one)).max())
            np.testing.assert_allclose(
                one, other, rtol=TOLERANCE, atol=tolerance
            )


@pytest.mark.parametrize("form", [formed, absorbed], ids=lambda f: f.__name__)
def test_each_form_is_two_matrix_products(form):
    tokens, scale, key_kernel, value_kernel, *_, queries = sizes(heads=2)
    projections = form(
        ops.convert_to_tensor(tokens),
        ops.convert_to_tensor(scale),
        Projection(ops.convert_to_tensor(key_kernel)),
        Projection(ops.convert_to_tensor(value_kernel)),
    )
    logits = projections.score(ops.convert_to_tensor(queries))
    weights = draw(2, 2, 3, 9, seed=4)
    updates = projections.gather(
        ops.convert_to_tensor(weights), weights.sum(axis=-1)
    )
    tokens = tokens * scale[..., None]
    for head in range(2):
        keys = tokens @ key_kernel[:, head]  # (B, N, F)
        values = tokens @ value_kernel[:, head]
        np.testing.assert_allclose(
            logits[:, head],
            queries[:, :, head] @ keys.transpose(0, 2, 1),
            rtol=TOLERANCE,
            atol=TOLERANCE,
        )
        np.testing.assert_allclose(
            updates[:, :, head],
            weights[:, head] @ values,
            rtol=TOLERANCE,
            atol=TOLERANCE,
        )


def test_without_projections_tokens_are_keys_and_values():
    tokens, weights = draw(2, 9, 5, seed=0), draw(2, 1, 3, 9, seed=1)
    queries = draw(2, 3, 1, 5, seed=2)
    projections = IdentityProjections(ops.convert_to_tensor(tokens))
    np.testing.assert_allclose(
        projections.score(ops.convert_to_tensor(queries))[:, 0],
        queries[:, :, 0] @ tokens.transpose(0, 2, 1),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )
    np.testing.assert_allclose(
        projections.gather(ops.convert_to_tensor(weights), weights.sum(-1))[
            :, :, 0
        ],
        weights[:, 0] @ tokens,
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


@pytest.mark.parametrize(
    ("num_tokens", "num_slots", "kernel", "expected"),
    [
        (1225, 4, (32, 1, 64), True),  # Tetrominoes, table 4
        (16384, 7, (64, 1, 64), True),  # CLEVR6, table 3
        (None, 7, (64, 1, 64), True),
        (16384, 7, (64, 8, 8), False),  # Eight heads look eight times.
        (3, 7, (64, 1, 64), False),  # Fewer tokens than slots.
        (64, 100, (64, 1, 64), False),
    ],
    ids=str,
)
def test_the_cheaper_form_is_chosen(num_tokens, num_slots, kernel, expected):
    assert absorbing_is_cheaper(num_tokens, num_slots, 3, kernel) == expected
    tokens = keras.KerasTensor((None, num_tokens, kernel[0]))
    chosen = {True: "AbsorbedProjections", False: "FormedProjections"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_projections, "CollectedTokens", lambda *_: None)
        for name in chosen.values():
            patch.setattr(token_projections, name, lambda *_, name=name: name)
        form = project_tokens(
            tokens,
            None,
            Projection(keras.KerasTensor(kernel)),
            Projection(keras.KerasTensor(kernel)),
            num_slots,
            3,
            collect=True,
        )
    assert form == chosen[expected]
