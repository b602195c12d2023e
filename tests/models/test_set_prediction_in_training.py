"""SetPrediction in training: losses, metrics, precision, and going on."""

import keras
import numpy as np
import pytest

from keras_slots.layers import PropertyHead, SlotCenters, SlotMLP
from keras_slots.losses import HungarianCrossEntropyLoss, HungarianHuberLoss
from keras_slots.metrics import SetAveragePrecision
from tests.backends import EAGERLY, WITH_XLA, dtype_of
from tests.models.small_set_prediction import (
    SIZE,
    D,
    F,
    K,
    losses,
    scenes,
    small_model,
)
from tests.weights import assert_every_weight_moved, assert_same_weights


@pytest.mark.parametrize("num_targets", [K, 2])
def test_the_default_loss_is_the_papers(num_targets):
    image, targets = scenes(num_targets=num_targets)
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    score = model.evaluate(image, targets, verbose=0)
    predictions = model.predict(image, verbose=0)
    expected = losses(HungarianHuberLoss(), targets, predictions).mean()
    np.testing.assert_allclose(score, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        HungarianHuberLoss,
        pytest.param(HungarianCrossEntropyLoss, marks=pytest.mark.slow),
    ],
)
def test_fit_lowers_the_loss(loss):
    image, targets = scenes(16)
    model = small_model()
    model.compile(keras.optimizers.Adam(1e-2), loss=loss())
    logs = model.fit(image, targets, epochs=30, batch_size=16, verbose=0)
    assert logs.history["loss"][-1] < 0.7 * logs.history["loss"][0]


@pytest.mark.parametrize("weights", ["none", "(B,)", "(B, 1)"])
def test_loss_at_every_iteration_is_the_mean_over_iterations(weights):
    image, targets = scenes(4)
    model = small_model(loss_at_every_iteration=True)
    model.compile(loss=HungarianHuberLoss())
    weight = np.array([0.5, 0.0, 2.0, 1.0], "float32")
    sample_weight = {"none": None, "(B,)": weight, "(B, 1)": weight[:, None]}
    predictions = model(image, training=True)
    assert predictions.shape == (4, 2, K, F)
    loss = model.compute_loss(
        x=image,
        y=targets,
        y_pred=predictions,
        sample_weight=sample_weight[weights],
    )
    # From the first slots once more, with so many iterations.
    separate = [
        losses(HungarianHuberLoss(), targets, model(image, num_iterations=t))
        for t in (1, 2)
    ]
    assert not np.allclose(*separate, rtol=1e-3)
    expected = np.mean(separate, axis=0) * (1 if weights == "none" else weight)
    np.testing.assert_allclose(loss, expected.mean(), rtol=1e-4)


class Last(keras.metrics.Mean):
    """The mean of the predictions, which must have no axis of iterations."""

    def __init__(self):
        super().__init__(name="last")

    def update_state(self, y_true, y_pred, sample_weight=None):
        assert y_pred.shape[1:] == y_true.shape[1:] == (K, F)
        super().update_state(y_pred)


def test_loss_at_every_iteration_in_fit_and_evaluate():
    image, targets = scenes()
    model = small_model(loss_at_every_iteration=True)
    optimizer = keras.optimizers.SGD(0.0)
    model.compile(optimizer, metrics=[Last()], run_eagerly=EAGERLY)
    expected = [
        losses(HungarianHuberLoss(), targets, model(image, num_iterations=t))
        for t in (1, 2)
    ]
    logs = model.fit(image, targets, verbose=0, batch_size=5).history
    np.testing.assert_allclose(logs["loss"], np.mean(expected), rtol=1e-4)
    scores = model.evaluate(image, targets, verbose=0, return_dict=True)
    np.testing.assert_allclose(scores["loss"], np.mean(expected[1]), rtol=1e-4)
    # In training too, metrics see the last iteration.
    mean = np.mean(np.array(model(image)))
    shorter = np.array(model(image, num_iterations=1))
    assert not np.allclose(mean, np.mean(shorter))
    np.testing.assert_allclose(
        [logs["last"][0], scores["last"]], mean, rtol=1e-4
    )


def test_average_precision_as_a_metric():
    data = scenes()
    metric = SetAveragePrecision(category_sizes=(3,), distance_scale=6.0)
    model = small_model()
    model.compile(metrics=[metric], run_eagerly=EAGERLY)
    logs = model.fit(*data, validation_data=data, verbose=0).history
    assert {"loss", "ap_0.125", "val_loss", "val_ap_0.125"} <= set(logs)


def test_sample_weight():
    image, targets = scenes()
    model = small_model()
    model.compile(weighted_metrics=[], run_eagerly=EAGERLY)
    weight = np.linspace(0, 2, 8)
    expected = losses(HungarianHuberLoss(), targets, model(image)) * weight
    score = model.evaluate(image, targets, sample_weight=weight, verbose=0)
    np.testing.assert_allclose(score, expected.mean(), rtol=1e-4)


@pytest.mark.parametrize("loss", ["huber", "cross-entropy"])
@pytest.mark.parametrize("every", [False, True], ids=["last", "every"])
def test_nan_targets_make_the_loss_nan(loss, every):
    """In one number of one example: the loss must not look finite."""
    image, targets = scenes()
    targets[5, 0, 1] = np.nan
    model = small_model(loss_at_every_iteration=every)
    model.compile(
        "sgd",
        loss=HungarianHuberLoss()
        if loss == "huber"
        else HungarianCrossEntropyLoss(),
        run_eagerly=EAGERLY,
    )
    assert np.isnan(model.evaluate(image, targets, verbose=0))
    assert np.isnan(model.fit(image, targets, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("slots", [None, 2], ids="slots {}".format)
@pytest.mark.parametrize("head", [None, 2], ids="head {}".format)
def test_slots_and_head_may_have_centers_or_not(slots, head):
    model = small_model(
        head=PropertyHead(F, 8, center_frequencies=head),
        centers=slots and SlotCenters(slots),
        loss_at_every_iteration=True,
    )
    model.compile(run_eagerly=EAGERLY)
    image, targets = scenes()
    before = model.get_weights()
    logs = model.fit(image, targets, epochs=2, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert_every_weight_moved(model, before)


@pytest.mark.slow
def test_slot_mlp_trains_in_place_of_slot_attention(tmp_path):
    model = small_model(SlotMLP(K, D, mlp_sizes=(16,), map_size=3))
    model.compile(keras.optimizers.Adam(1e-2))
    image, targets = scenes(16)
    logs = model.fit(image, targets, epochs=30, verbose=0).history["loss"]
    assert logs[-1] < 0.7 * logs[0]
    assert model.predict(image, verbose=0).shape == (16, K, F)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(image), model(image))


@pytest.mark.slow
def test_saved_training_goes_on_as_if_not_saved(tmp_path):
    image, targets = scenes()
    model = small_model(loss_at_every_iteration=True)
    loss = HungarianCrossEntropyLoss(coordinate_weight=2.0)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(image, targets, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss_at_every_iteration
    assert loaded.loss.coordinate_weight == 2.0
    assert loaded.image_shape == (*SIZE, 3)
    assert int(loaded.optimizer.iterations) == 1
    for continued in (model, loaded):
        continued.fit(image, targets, verbose=0, shuffle=False, epochs=2)
    assert_same_weights(loaded, model, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@WITH_XLA
@pytest.mark.parametrize("every", [False, True], ids=["last", "every"])
def test_fit_compiled_by_xla(every):
    image, targets = scenes()
    model = small_model(loss_at_every_iteration=every)
    model.compile(loss=HungarianCrossEntropyLoss(), jit_compile=True)
    before = model.get_weights()
    logs = model.fit(image, targets, verbose=0, batch_size=8).history
    assert np.isfinite(logs["loss"]).all()
    assert_every_weight_moved(model, before)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_fit_in_half_precision(policy):
    image, targets = scenes()
    model = small_model(dtype=policy)
    model.compile(keras.optimizers.Adam(1e-3), loss=HungarianCrossEntropyLoss())
    logs = model.fit(image, targets, verbose=0, epochs=2).history
    assert np.isfinite(logs["loss"]).all()
    assert dtype_of(model(image)) == "float32"
    for weight in model.weights:
        assert weight.dtype == "float32"
        assert np.all(np.isfinite(np.array(weight)))


@pytest.mark.parametrize("every", [False, True], ids=["last", "every"])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (None, "Received: y of type NoneType"),
        (np.zeros((8, 4, F)), "4 targets and only 3 slots"),
        (np.zeros((8, 3, 6)), r"`y` must .*\(8, 3, 7\).*\(8, 3, 6\)"),
        (np.zeros((8, F)), r"`y` must have shape \(B, n, d\)"),
    ],
    ids=["none", "more than slots", "features", "rank"],
)
def test_targets_are_checked(every, targets, message):
    model = small_model(loss_at_every_iteration=every)
    model.compile(run_eagerly=EAGERLY)
    with pytest.raises(ValueError, match=message):
        model.fit(scenes()[0], targets, verbose=0)
