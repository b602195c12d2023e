"""The models with tiny parts: every output finite, every step of training."""

import numpy as np
from hypothesis import strategies as st

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder, PropertyHead, SlotCenters
from keras_slots.models import (
    DeepSetPrediction,
    ObjectDiscovery,
    SetPrediction,
)
from tests.backends import EAGERLY
from tests.properties.cases import cases
from tests.properties.draws import (
    POLICIES,
    SEEDS,
    assert_close,
    assert_is,
    numbers,
    order,
    run_finite,
    some,
)

HEIGHT, WIDTH, SIZE = 4, 6, 4
SHARED = {
    "seed": SEEDS,
    "policy": st.sampled_from(tuple(POLICIES)),
    "batch": st.integers(1, 3),
    "slots": st.integers(1, 5),
    "iterations": some(st.integers(1, 3)),
    "constant": st.booleans(),
}
CENTERS = some(st.integers(1, 2))


def make_encoder(policy):
    return ConvEncoder((3,), 3, (2,), mlp_sizes=(SIZE,), dtype=policy)


def make_slots(policy, centers=None, scales=False, **arguments):
    return SlotAttention(
        3,
        SIZE,
        mlp_hidden_size=3,
        centers=centers and SlotCenters(centers, scales),
        dtype=policy,
        **arguments,
    )


def images(seed, batch, constant):
    drawn = numbers(seed, batch, HEIGHT, WIDTH, 3, constant=constant)
    return drawn.clip(-1, 1)


def make_discovery(policy="float32", centers=None, scales=False):
    model = ObjectDiscovery(
        make_encoder(policy),
        make_slots(policy, centers, scales),
        SpatialBroadcastDecoder(
            (HEIGHT, WIDTH), (3,), 3, center_frequencies=centers, dtype=policy
        ),
        dtype=policy,
    )
    model.build((None, HEIGHT, WIDTH, 3))
    return model


@cases(3, centers=CENTERS, scales=st.booleans(), **SHARED)
def test_object_discovery(
    centers, scales, seed, policy, batch, slots, iterations, constant
):
    model = make_discovery(policy, centers, scales and centers is not None)
    start = numbers(seed, batch, slots, SIZE)

    def call(image):
        return model(image, initial_slots=start, num_iterations=iterations)

    image = images(seed, batch, constant)
    outputs = run_finite(call, [image], model.trainable_weights)
    dtype, drawn = POLICIES[policy], (batch, slots, HEIGHT, WIDTH)
    assert_is(outputs["reconstruction"], image.shape, dtype)
    assert_is(outputs["slot_reconstructions"], (*drawn, 3), dtype)
    assert_is(outputs["masks"], (*drawn, 1), dtype)
    assert_is(outputs["slots"], start.shape, dtype)
    tokens = HEIGHT * WIDTH // 4
    assert_is(outputs["attention"], (batch, slots, tokens), dtype)
    total = np.array(outputs["masks"], "float32").sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=0.02)


@cases(2, centers=CENTERS, seed=SEEDS, batch=st.integers(1, 3))
def test_the_order_of_initial_slots_changes_no_reconstruction(
    centers, seed, batch
):
    model = make_discovery(centers=centers)
    image, start = images(seed, batch, False), numbers(seed, batch, 3, SIZE)
    moved = order(seed, 3)
    outputs = model(image, initial_slots=start)
    again = model(image, initial_slots=start[:, moved])
    assert_close(again.pop("reconstruction"), outputs.pop("reconstruction"))
    for name, output in outputs.items():
        assert_close(again[name], np.array(output)[:, moved])
    alone = model(image[:1], initial_slots=start[:1])
    assert_close(alone["masks"], np.array(outputs["masks"])[:1])


@cases(3, centers=CENTERS, every=st.booleans(), scores=st.booleans(), **SHARED)
def test_set_prediction(
    centers, every, scores, seed, policy, batch, slots, iterations, constant
):
    model = SetPrediction(
        make_encoder(policy),
        make_slots(policy, centers),
        PropertyHead(5, 3, center_frequencies=centers, dtype=policy),
        dtype=policy,
    )
    model.build((None, HEIGHT, WIDTH, 3))
    start = numbers(seed, batch, slots, SIZE)

    def call(image):
        return model(
            image,
            initial_slots=start,
            num_iterations=iterations,
            return_attention_scores=scores,
            return_all_iterations=every,
        )

    image = images(seed, batch, constant)
    outputs = run_finite(call, [image], model.trainable_weights)
    sets = outputs[0] if scores else outputs
    steps = (iterations or 3,) if every else ()
    assert_is(sets, (batch, *steps, slots, 5), "float32")
    assert np.all(np.array(sets) >= 0) and np.all(np.array(sets) <= 1)


@cases(3, implicit=st.booleans(), every=st.booleans(), **SHARED)
def test_deep_set_prediction(
    implicit, every, seed, policy, batch, slots, iterations, constant
):
    model = DeepSetPrediction(
        make_encoder(policy),
        set_size=slots,
        num_features=4,
        num_iterations=2,
        implicit=implicit,
        latent_size=5,
        hidden_size=6,
        inner_learning_rate=0.5,
        dtype=policy,
    )
    model.build((None, HEIGHT, WIDTH, 3))
    start = numbers(seed, batch, slots, 4) if constant else None

    def call(image):
        return model(
            image,
            initial_set=start,
            num_iterations=iterations,
            return_all_iterations=every,
        )

    image = images(seed, batch, constant)
    sets = run_finite(call, [image], model.trainable_weights)
    steps = ((iterations or 2) + 1,) if every else ()
    assert_is(sets, (batch, *steps, slots, 4), "float32")


@cases(
    2,
    seed=SEEDS,
    batch=st.integers(1, 3),
    policy=st.sampled_from(("float32", "mixed_bfloat16")),
    weighted=st.booleans(),
)
def test_a_step_of_training_changes_weights_to_finite_ones(
    seed, batch, policy, weighted
):
    model = make_discovery(policy)
    model.compile("adam", run_eagerly=EAGERLY)
    image = images(seed, batch, False)
    mask = np.random.default_rng(seed).integers(0, 3, image.shape[:3])
    weight = np.ones(batch, "float32") if weighted else None
    before = model.get_weights()
    loss = model.train_on_batch(image, mask, sample_weight=weight)
    assert np.all(np.isfinite(loss))
    after = model.get_weights()
    assert all(np.all(np.isfinite(w)) for w in after)
    assert any(np.any(a != b) for a, b in zip(after, before, strict=True))
