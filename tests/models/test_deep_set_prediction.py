import keras
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from keras_slots.layers import ConvEncoder
from keras_slots.models import DeepSetPrediction, get_preset
from tests.backends import (
    BACKEND,
    EAGERLY,
    IN_FLOAT64,
    ON_TENSORFLOW,
    WITH_XLA,
    dtype_of,
)
from tests.weights import assert_every_weight_moved, assert_same_weights

SIZE = (8, 10)
N, D, T = 3, 6, 2


def small_model(dtype=None, **arguments):
    arguments = {
        "num_iterations": T,
        "latent_size": 16,
        "hidden_size": 16,
        **arguments,
    }
    model = DeepSetPrediction(
        ConvEncoder((8,), strides=2, mlp_sizes=(8,), dtype=dtype),
        N,
        D,
        dtype=dtype,
        **arguments,
    )
    model.build((None, *SIZE, 3))
    return model


def scenes(count=8, seed=0):
    """One to three 2x2 squares, and where they are, their color, and 1."""
    rng = np.random.default_rng(seed)
    image = np.full((count, *SIZE, 3), -1, "float32")
    target = np.zeros((count, N, D), "float32")
    for index in range(count):
        for row in range(rng.integers(1, N + 1)):
            top, left = rng.integers(SIZE[0] - 1), rng.integers(SIZE[1] - 1)
            color = rng.integers(3)
            where = (index, slice(top, top + 2), slice(left, left + 2))
            image[where] = 2 * np.eye(3)[color] - 1
            place = (top / (SIZE[0] - 2), left / (SIZE[1] - 2))
            target[index, row] = (*place, *np.eye(3)[color], 1)
    return image, target


def set_losses(target, prediction):
    """Huber averaged over features, summed over SciPy's matching: (B,)."""
    losses = []
    for rows, columns in zip(target, np.array(prediction), strict=True):
        error = np.abs(rows[:, None] - columns[None])
        cost = np.where(error < 1, error**2 / 2, error - 0.5).mean(axis=2)
        losses.append(cost[linear_sum_assignment(cost)].sum())
    return np.array(losses)


def distances(model, target, latent):
    """Huber between the vectors of true sets and `latent`, (B,)."""
    vector = np.array(model.set_descent.set_encoder(target))
    error = np.abs(vector - np.array(latent))
    return np.where(error < 1, error**2 / 2, error - 0.5).mean(axis=1)


def test_explicit_loss_is_that_of_all_sets_and_of_the_vector():
    image, target = scenes()
    model = small_model(representation_weight=0.3)
    model.compile(run_eagerly=EAGERLY)
    outputs = model(image, training=True)
    assert outputs["sets"].shape == (8, T + 1, N, D)
    expected = np.mean(
        [set_losses(target, outputs["sets"][:, step]) for step in range(T + 1)]
    ) + 0.3 * N * np.mean(distances(model, target, outputs["latent"]))
    loss = model.compute_loss(x=image, y=target, y_pred=outputs)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_implicit_loss_is_that_of_the_last_set():
    image, target = scenes()
    model = small_model(implicit=True)
    model.compile(run_eagerly=EAGERLY)
    outputs = model(image, training=True)
    expected = set_losses(target, outputs["sets"][:, -1]).mean()
    loss = model.compute_loss(x=image, y=target, y_pred=outputs)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


@pytest.mark.parametrize("implicit", [False, True])
def test_sample_weight_weighs_images(implicit):
    image, target = scenes()
    model = small_model(implicit=implicit, representation_weight=0.3)
    model.compile(run_eagerly=EAGERLY)
    outputs = model(image, training=True)
    weights = np.arange(8.0)
    steps = [T] if implicit else range(T + 1)
    losses = np.mean(
        [set_losses(target, outputs["sets"][:, step]) for step in steps],
        axis=0,
    ) + 0.3 * N * distances(model, target, outputs["latent"])
    loss = model.compute_loss(
        x=image, y=target, y_pred=outputs, sample_weight=weights
    )
    np.testing.assert_allclose(loss, np.mean(weights * losses), rtol=1e-4)


def test_evaluate_reports_the_loss_and_metrics_of_the_last_set():
    image, target = scenes()
    model = small_model()
    model.compile(metrics=["mae"], run_eagerly=EAGERLY)
    logs = model.evaluate(
        image, target, batch_size=4, verbose=0, return_dict=True
    )
    prediction = model.predict(image, verbose=0)
    assert prediction.shape == (8, N, D)
    np.testing.assert_allclose(
        logs["loss"], set_losses(target, prediction).mean(), rtol=1e-4
    )
    np.testing.assert_allclose(
        logs["mae"], np.abs(prediction - target).mean(), rtol=1e-4
    )


def test_metrics_in_training_are_those_of_the_last_set():
    image, target = scenes()
    model = small_model()
    optimizer = keras.optimizers.SGD(0.0)
    model.compile(optimizer, metrics=["mae"], run_eagerly=EAGERLY)
    logs = model.fit(image, target, verbose=0).history
    prediction = model.predict(image, verbose=0)
    np.testing.assert_allclose(
        logs["mae"], [np.abs(prediction - target).mean()], rtol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize("implicit", [False, True])
def test_it_learns_and_its_steps_help(implicit):
    image, target = scenes(256)
    model = small_model(
        implicit=implicit, num_iterations=10, latent_size=64, hidden_size=64
    )
    model.compile(keras.optimizers.Adam(3e-3))
    before = set_losses(target, model(image)).mean()
    model.fit(image, target, batch_size=32, epochs=12, verbose=0)
    sets = model(image, return_all_iterations=True)
    start, middle, last = (
        set_losses(target, sets[:, step]).mean() for step in (0, 2, 10)
    )
    assert last < 0.8 * middle < 0.8 * start
    # Other backends draw other weights.
    assert last < (0.3 if BACKEND == "tensorflow" else 0.4) * before


@pytest.mark.parametrize("implicit", [False, True])
def test_every_weight_trains(implicit):
    model = small_model(implicit=implicit)
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=EAGERLY)
    before = model.get_weights()
    model.fit(*scenes(), verbose=0)
    assert_every_weight_moved(model, before)


def test_rows_that_are_missing_are_padding():
    image, target = scenes()
    target[:, 2] = 0
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    for outputs in (model(image, training=True), model(image)):
        short = model.compute_loss(x=image, y=target[:, :2], y_pred=outputs)
        full = model.compute_loss(x=image, y=target, y_pred=outputs)
        np.testing.assert_array_equal(short, full)


def test_other_numbers_of_iterations():
    model, image = small_model(), scenes(2)[0]
    sets = model(image, num_iterations=9, return_all_iterations=True)
    assert sets.shape == (2, 10, N, D)
    few = model(image, return_all_iterations=True)
    np.testing.assert_allclose(few, sets[:, : T + 1], rtol=1e-5, atol=1e-6)
    model.num_iterations = 9
    np.testing.assert_allclose(model(image), sets[:, -1], rtol=1e-4, atol=1e-5)
    assert model.get_config()["num_iterations"] == 9


def test_published_settings():
    explicit, implicit = small_model(), small_model(implicit=True)
    assert explicit.inner_momentum == 0.0
    assert explicit.representation_weight == 0.1
    assert implicit.inner_momentum == 0.9
    assert implicit.representation_weight == 0.0
    assert small_model(implicit=True, inner_momentum=0.5).inner_momentum == 0.5


@pytest.mark.slow
def test_saved_training_goes_on_as_if_not_saved(tmp_path):
    image, target = scenes()
    model = small_model(implicit=True)
    model.compile(keras.optimizers.Adam(1e-3), loss="mae")
    model.fit(image, target, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss == "mae"
    for continued in (model, loaded):
        continued.fit(image, target, verbose=0, shuffle=False, epochs=2)
    assert_same_weights(loaded, model, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@ON_TENSORFLOW
def test_export(tmp_path):
    import tensorflow as tf

    model, image = small_model(), scenes(3)[0]
    expected = model(image)
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(
        served.serve(image), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
@WITH_XLA
@pytest.mark.parametrize("implicit", [False, True])
def test_fit_compiled_by_xla_is_fit(implicit):
    image, target = scenes()
    logs = []
    for compiled in (False, True):
        keras.utils.set_random_seed(1)
        model = small_model(implicit=implicit)
        # Matching under XLA is slow to compile, and tested elsewhere.
        model.compile(
            keras.optimizers.SGD(0.1), loss="mse", jit_compile=compiled
        )
        logs.append(
            model.fit(
                image, target, verbose=0, epochs=3, shuffle=False
            ).history["loss"]
        )
    np.testing.assert_allclose(*logs, rtol=1e-3)
    assert logs[0][2] < logs[0][0]


@IN_FLOAT64
def test_fit_in_another_float_of_keras():
    keras.config.set_floatx("float64")
    try:
        model = small_model()
        model.compile(run_eagerly=True)
        assert np.isfinite(model.fit(*scenes(), verbose=0).history["loss"][0])
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_fit_in_half_precision(policy):
    image, target = scenes()
    model = small_model(dtype=policy)
    model.compile(keras.optimizers.Adam(1e-3), loss="mse")
    logs = model.fit(image, target, verbose=0, epochs=2).history
    assert np.all(np.isfinite(logs["loss"]))
    assert dtype_of(model(image)) == "float32"
    for weight in model.weights:
        assert weight.dtype == "float32"
        assert np.all(np.isfinite(np.array(weight)))


@pytest.mark.parametrize("training", [False, True])
def test_values_that_are_not_finite_show_in_the_loss(training):
    image, target = scenes()
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    outputs = model(image, training=training)
    target[0, 0, 0] = np.nan
    assert np.isnan(model.compute_loss(x=image, y=target, y_pred=outputs))


def test_bad_targets():
    image, _ = scenes()
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    with pytest.raises(ValueError, match=r"at most `set_size`, 3\..*, 4, 6"):
        model.fit(image, np.zeros((8, 4, D)), verbose=0)
    with pytest.raises(ValueError, match=r"`y` must .*, 3, 6\).*, 3, 5\)"):
        model.fit(image, np.zeros((8, N, 5)), verbose=0)
    with pytest.raises(ValueError, match=r"`y` must have shape \(B, m, d\)"):
        model.fit(image, np.zeros((8, D)), verbose=0)
    with pytest.raises(ValueError, match="Received: y of type NoneType"):
        model.fit(image, verbose=0)


def test_bad_images():
    model = small_model()
    with pytest.raises(ValueError, match=r"here \(2, 8, 10, 3\)"):
        model(np.zeros((2, 9, 10, 3)))
    with pytest.raises(ValueError, match=r"here \(2, 8, 10, 3\)"):
        model(np.zeros((2, 8, 9, 3)))
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        model(np.zeros((8, 10, 3)))
    fresh = DeepSetPrediction(ConvEncoder(), N, D)
    with pytest.raises(ValueError, match="size of the image must be known"):
        fresh.build((None, None, 10, 3))


def test_bad_arguments():
    with pytest.raises(ValueError, match="`set_size` must be a positive int"):
        DeepSetPrediction(ConvEncoder(), 0, D)
    with pytest.raises(ValueError, match="`representation_weight` must be a"):
        small_model(representation_weight=-1.0)
    with pytest.raises(ValueError, match="`num_iterations` must be a positi"):
        small_model()(np.zeros((1, *SIZE, 3)), num_iterations=0)


def test_from_preset():
    model = DeepSetPrediction.from_preset(
        "clevr_scenes_properties", latent_size=16, hidden_size=16, set_size=5
    )
    image = np.zeros((1, 64, 64, 3), "float32")
    assert model(image).shape == (1, 5, 19)
    preset = get_preset("clevr_scenes_properties")
    assert model.encoder.filters == preset.encoder["filters"]
    with pytest.raises(ValueError, match="has no head"):
        DeepSetPrediction.from_preset("tetrominoes_paper")
