import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.layers import token_projections
from keras_slots.layers.token_projections import (
    AbsorbedProjections,
    FormedProjections,
    IdentityProjections,
    absorbing_is_cheaper,
    project_tokens,
)


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def sizes(heads):
    """Tokens (B, N, C), two kernels (C, H, F) and queries (B, K, H, F)."""
    return [
        draw(2, 9, 5, seed=0),
        draw(5, heads, 4, seed=1),
        draw(5, heads, 4, seed=2),
        draw(2, 3, heads, 4, seed=3),
    ]


def values_and_gradients(form, arrays):
    arrays = [tf.constant(array) for array in arrays]
    tokens, key_kernel, value_kernel, queries = arrays
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        projections = form(tokens, key_kernel, value_kernel)
        logits = projections.score(queries)  # (B, H, K, N)
        updates = projections.gather(tf.nn.softmax(logits, axis=2))
        loss = tf.reduce_sum(tf.sin(updates))
    return [logits, updates, *tape.gradient(loss, arrays)]


@pytest.mark.parametrize("heads", [1, 2], ids="{} heads".format)
def test_both_forms_agree_in_values_and_gradients(heads):
    formed = values_and_gradients(FormedProjections, sizes(heads))
    absorbed = values_and_gradients(AbsorbedProjections, sizes(heads))
    for one, other in zip(formed, absorbed, strict=True):
        assert one.dtype == "float64"
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "form", [FormedProjections, AbsorbedProjections], ids=lambda f: f.__name__
)
def test_each_form_is_two_matrix_products(form):
    tokens, key_kernel, value_kernel, queries = sizes(heads=2)
    projections = form(*map(tf.constant, (tokens, key_kernel, value_kernel)))
    logits = projections.score(tf.constant(queries))
    weights = draw(2, 2, 3, 9, seed=4)
    updates = projections.gather(tf.constant(weights))
    for head in range(2):
        keys = tokens @ key_kernel[:, head]  # (B, N, F)
        values = tokens @ value_kernel[:, head]
        np.testing.assert_allclose(
            logits[:, head], queries[:, :, head] @ keys.transpose(0, 2, 1)
        )
        np.testing.assert_allclose(
            updates[:, :, head], weights[:, head] @ values
        )


def test_without_projections_tokens_are_keys_and_values():
    tokens, weights = draw(2, 9, 5, seed=0), draw(2, 1, 3, 9, seed=1)
    queries = draw(2, 3, 1, 5, seed=2)
    projections = IdentityProjections(tf.constant(tokens))
    np.testing.assert_allclose(
        projections.score(tf.constant(queries))[:, 0],
        queries[:, :, 0] @ tokens.transpose(0, 2, 1),
    )
    np.testing.assert_allclose(
        projections.gather(tf.constant(weights))[:, :, 0],
        weights[:, 0] @ tokens,
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
        for name in chosen.values():
            patch.setattr(
                token_projections, name, lambda *args, name=name: name
            )
        form = project_tokens(
            tokens,
            keras.KerasTensor(kernel),
            keras.KerasTensor(kernel),
            num_slots,
            3,
        )
    assert form == chosen[expected]
