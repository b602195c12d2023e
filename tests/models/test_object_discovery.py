import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder, SlotCenters, SlotMLP
from keras_slots.metrics import AdjustedRandIndex
from keras_slots.models import ObjectDiscovery
from tests.backends import EAGERLY, WITH_XLA
from tests.golden_weights import (
    assert_close,
    initial_slots,
    load_golden,
    put_into_object_discovery,
)
from tests.weights import assert_every_weight_moved, assert_same_weights

SIZE = (5, 6)


def small_model(dtype=None, **slot_arguments):
    model = ObjectDiscovery(
        ConvEncoder((8,), mlp_sizes=(8,), dtype=dtype),
        SlotAttention(
            3,
            8,
            num_iterations=2,
            mlp_hidden_size=8,
            dtype=dtype,
            **{"seed": 0, **slot_arguments},
        ),
        SpatialBroadcastDecoder(SIZE, (8,), dtype=dtype),
        dtype=dtype,
    )
    model.build((None, *SIZE, 3))
    return model


def scenes(count=8):
    """Images (B, 5, 6, 3) and masks (B, 5, 6) of two squares on black."""
    rng = np.random.default_rng(0)
    image = np.full((count, *SIZE, 3), -1, "float32")
    mask = np.zeros((count, *SIZE), "int32")
    for index in range(count):
        for label, left in ((1, 0), (2, 3)):
            top = rng.integers(3)
            where = (index, slice(top, top + 2), slice(left, left + 2))
            image[where] = rng.uniform(-0.5, 1, 3)
            mask[where] = label
    return image, mask


def draw_slots(batch, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(batch, 3, 8)).astype("float32")


def fit(model, data, **kwargs):
    # The data is in batches already; Keras warns if told to shuffle it.
    history = model.fit(data, shuffle=False, verbose=0, **kwargs)
    return history.history


def images_alone(count=8):
    return tf.data.Dataset.from_tensor_slices(scenes(count)[0]).batch(4)


def with_masks(count=8):
    return tf.data.Dataset.from_tensor_slices(scenes(count)).batch(4)


def test_golden_outputs():
    golden = load_golden("object_discovery_35")
    model = ObjectDiscovery.from_preset("tetrominoes_paper")
    put_into_object_discovery(model, golden)
    outputs = model(golden["image"], initial_slots=initial_slots(golden))
    for name in ("reconstruction", "slot_reconstructions", "masks", "slots"):
        assert_close(outputs[name], golden[f"outputs/{name}"])
    assert_close(
        outputs["attention"],
        golden["outputs/attention"][-1].transpose(0, 2, 1),
    )


def test_golden_loss():
    golden = load_golden("object_discovery_35")
    image = golden["image"]
    expected = np.mean((golden["outputs/reconstruction"] - image) ** 2)
    model = ObjectDiscovery.from_preset("tetrominoes_paper")
    put_into_object_discovery(model, golden)
    model.compile(run_eagerly=EAGERLY)
    outputs = model(image, initial_slots=initial_slots(golden))
    loss = model.compute_loss(x=image, y_pred=outputs)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_it_learns_in_a_graph_that_is_traced_once(monkeypatch):
    model = small_model()
    model.compile(keras.optimizers.Adam(1e-2))
    traces = []
    compute_loss = model.compute_loss
    monkeypatch.setattr(
        model,
        "compute_loss",
        lambda *args, **kwargs: (
            traces.append(1) or compute_loss(*args, **kwargs)
        ),
    )
    logs = fit(model, with_masks(), epochs=20)
    assert logs["loss"][-1] < 0.7 * logs["loss"][0]
    assert len(logs["fg_ari"]) == 20
    assert len(traces) == 1 or not EAGERLY


def test_images_alone_train_without_metrics():
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    assert set(fit(model, images_alone(4))) == {"loss"}
    scores = model.evaluate(images_alone(4), verbose=0, return_dict=True)
    assert set(scores) == {"loss"}


def test_arrays_train_too():
    image, mask = scenes()
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    assert set(model.fit(image, verbose=0).history) == {"loss"}
    assert set(model.fit(image, mask, verbose=0).history) == {"loss", "fg_ari"}


def test_masks_are_reported_and_do_not_train():
    image, mask = scenes()
    changed = []
    for labels in (None, mask):
        keras.utils.set_random_seed(1)
        model = small_model()
        model.compile(run_eagerly=EAGERLY)
        model.fit(image, labels, verbose=0, shuffle=False)
        changed.append(model.get_weights())
    for weights in zip(*changed, strict=True):
        np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize(
    ("training", "validation"), [("masks", "images"), ("images", "masks")]
)
def test_metrics_appear_where_masks_are(training, validation):
    data = {"masks": with_masks(4), "images": images_alone(4)}
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    logs = fit(
        model, data[training], validation_data=data[validation], epochs=2
    )
    assert "val_loss" in logs
    assert ("val_fg_ari" in logs) == (validation == "masks")
    # Once known, the metric stays known; it is of use only with masks.
    if training == "masks":
        assert len(logs["fg_ari"]) == 2
    scores = model.evaluate(with_masks(4), verbose=0, return_dict=True)
    assert set(scores) == {"loss", "fg_ari"}


def test_reported_ari_is_that_of_the_masks():
    image, mask = scenes()
    model = small_model(slot_initialization="learned")  # No noise.
    model.compile(
        metrics=[AdjustedRandIndex(False), AdjustedRandIndex()],
        run_eagerly=EAGERLY,
    )
    scores = model.evaluate(
        image, mask, verbose=0, return_dict=True, batch_size=3
    )
    masks = model(image)["masks"]
    for metric in (AdjustedRandIndex(False), AdjustedRandIndex()):
        metric.update_state(mask, masks)
        np.testing.assert_allclose(
            scores[metric.name], metric.result(), rtol=1e-5
        )
    reconstruction = model(image)["reconstruction"]
    np.testing.assert_allclose(
        scores["loss"], np.mean((reconstruction - image) ** 2), rtol=1e-4
    )


def test_another_loss_and_no_metric():
    image, mask = scenes()
    model = small_model()
    model.compile(loss="mae", metrics=[], run_eagerly=EAGERLY)
    logs = model.evaluate(image, mask, verbose=0, return_dict=True)
    assert set(logs) == {"loss"}
    outputs = model(image, initial_slots=draw_slots(8))
    loss = model.compute_loss(x=image, y_pred=outputs)
    error = np.abs(outputs["reconstruction"] - image)
    np.testing.assert_allclose(loss, error.mean(), rtol=1e-5)


def test_sample_weight_weighs_images():
    image, _ = scenes(2)
    model = small_model()
    model.compile(run_eagerly=EAGERLY)
    outputs = model(image, initial_slots=draw_slots(2))
    errors = np.mean(
        (np.array(outputs["reconstruction"]) - image) ** 2, axis=(1, 2, 3)
    )
    for weights in ([1.0, 0.0], [0.5, 2.0]):
        loss = model.compute_loss(
            x=image, y_pred=outputs, sample_weight=np.array(weights)
        )
        np.testing.assert_allclose(loss, np.mean(errors * weights), rtol=1e-5)


def test_sample_weight_in_fit():
    image, mask = scenes()
    model = small_model()
    model.compile(weighted_metrics=[], metrics=None, run_eagerly=EAGERLY)
    logs = model.fit(image, mask, sample_weight=np.zeros(8), verbose=0)
    assert logs.history["loss"] == [0.0]


def test_predict_gives_every_output():
    model = small_model()
    outputs = model.predict(scenes()[0], verbose=0)
    assert {name: array.shape for name, array in outputs.items()} == {
        "reconstruction": (8, *SIZE, 3),
        "slot_reconstructions": (8, 3, *SIZE, 3),
        "masks": (8, 3, *SIZE, 1),
        "slots": (8, 3, 8),
        "attention": (8, 3, 30),
    }
    np.testing.assert_allclose(outputs["masks"].sum(axis=1), 1, rtol=1e-5)
    mixture = (outputs["masks"] * outputs["slot_reconstructions"]).sum(axis=1)
    assert_close(outputs["reconstruction"], mixture, 1e-5)


def test_other_numbers_of_slots_and_iterations():
    model, image = small_model(), scenes(2)[0]
    outputs = model(image, num_slots=5, num_iterations=1)
    assert outputs["masks"].shape == (2, 5, *SIZE, 1)
    start = draw_slots(2)
    few = model(image, initial_slots=start, num_iterations=1)
    more = model(image, initial_slots=start, num_iterations=4)
    assert not np.allclose(few["slots"], more["slots"])


def test_calls_are_random_unless_told_where_to_start():
    model, image = small_model(), scenes(2)[0]
    assert not np.allclose(model(image)["slots"], model(image)["slots"])
    start = draw_slots(2)
    np.testing.assert_array_equal(
        model(image, initial_slots=start)["slots"],
        model(image, initial_slots=start)["slots"],
    )


def test_saved_training_goes_on_as_if_not_saved(tmp_path):
    """Weights, the optimizer and its step; Keras does not save noise."""
    image, mask = scenes()

    model = small_model(slot_initialization="learned")
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=EAGERLY)
    model.fit(image, mask, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == 1
    for continued in (model, loaded):
        continued.fit(image, mask, verbose=0, shuffle=False, epochs=2)
    assert_same_weights(loaded, model, rtol=1e-5, atol=1e-6)


def test_compiled_choices_are_saved(tmp_path):
    model = small_model()
    model.compile(
        "sgd",
        loss="mae",
        metrics=[AdjustedRandIndex(False)],
        run_eagerly=EAGERLY,
    )
    model.fit(*scenes(), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, keras.optimizers.SGD)
    assert loaded.loss == "mae"
    scores = loaded.evaluate(*scenes(), verbose=0, return_dict=True)
    assert set(scores) == {"loss", "ari"}


@pytest.mark.slow
@WITH_XLA
@pytest.mark.parametrize("data", ["images", "masks"])
def test_fit_compiled_by_xla(data):
    image, mask = scenes()
    model = small_model()
    model.compile(jit_compile=True)
    before = model.get_weights()
    labels = mask if data == "masks" else None
    logs = model.fit(image, labels, verbose=0, batch_size=8).history
    assert np.all(np.isfinite(list(logs.values())))
    assert_every_weight_moved(model, before)


@pytest.mark.parametrize(
    "policy",
    ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)],
)
def test_fit_in_half_precision(policy):
    image, mask = scenes()
    model = small_model(dtype=policy)
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=EAGERLY)
    wrapped = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert wrapped == (policy == "mixed_float16")
    logs = model.fit(image, mask, verbose=0, epochs=2).history
    assert np.all(np.isfinite(list(logs.values())))
    for weight in model.weights:
        assert weight.dtype == "float32"
        assert np.all(np.isfinite(weight))


def test_parts_of_your_own():
    """Anything that gives tokens will do for an encoder."""
    model = ObjectDiscovery(
        keras.Sequential(
            [
                keras.layers.Conv2D(4, 3, padding="same"),
                keras.layers.Reshape((-1, 4)),
            ]
        ),
        SlotAttention(2, 8),
        SpatialBroadcastDecoder(SIZE, (4,)),
    )
    model.compile(run_eagerly=EAGERLY)
    model.fit(scenes()[0], verbose=0)
    assert model.predict(scenes()[0], verbose=0)["slots"].shape == (8, 2, 8)


@pytest.mark.parametrize("slots", [None, 2], ids="slots {}".format)
@pytest.mark.parametrize("drawing", [None, 2], ids="drawing {}".format)
def test_slots_and_drawing_may_have_centers_or_not(slots, drawing):
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(2, 8, centers=slots and SlotCenters(slots)),
        SpatialBroadcastDecoder(SIZE, (4,), center_frequencies=drawing),
    )
    outputs = model(scenes()[0])
    assert np.isfinite(np.array(outputs["reconstruction"])).all()


def slot_mlp_model(**drawing):
    model = ObjectDiscovery(
        ConvEncoder((8,), mlp_sizes=(8,)),
        SlotMLP.for_object_discovery(3, 8, map_size=2),
        SpatialBroadcastDecoder((4, 4), (8,), **drawing),
    )
    model.build((None, 4, 4, 3))
    return model


def test_slot_mlp_in_place_of_slot_attention(tmp_path):
    """It trains and saves; there is no attention to give, and no noise."""
    image, mask = (array[:, :4, :4] for array in scenes())
    model = slot_mlp_model()
    before = model.get_weights()
    model.compile(keras.optimizers.Adam(1e-3))
    logs = model.fit(image, mask, verbose=0, epochs=20).history
    assert set(logs) == {"loss", "fg_ari"}
    assert logs["loss"][-1] < 0.9 * logs["loss"][0]
    assert_every_weight_moved(model, before)
    outputs = model(image)
    assert set(outputs) == {
        "reconstruction",
        "slot_reconstructions",
        "masks",
        "slots",
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, target in loaded(image).items():
        np.testing.assert_array_equal(outputs[name], target)


def test_what_slot_mlp_cannot_do():
    image = scenes(2)[0][:, :4, :4]
    with pytest.raises(ValueError, match="`num_slots` is not for SlotMLP"):
        slot_mlp_model()(image, num_slots=4)
    with pytest.raises(ValueError, match="slots without attention have no cen"):
        slot_mlp_model(center_frequencies=2)(image)


def test_errors():
    model = small_model()
    with pytest.raises(ValueError, match=r"decoder draws, 5 x 6 pixels.*7, 6"):
        model(np.zeros((2, 7, 6, 3)))
    with pytest.raises(ValueError, match=r"decoder draws, 5 x 6 pixels"):
        model(np.zeros((2, 2, 2, 3)))
    with pytest.raises(ValueError, match=r"`image` must have shape \(B, H, W"):
        model(np.zeros((*SIZE, 3)))
    with pytest.raises(ValueError, match="`initial_slots` must have shape"):
        model(np.zeros((2, *SIZE, 3)), initial_slots=np.zeros((2, 3, 7)))
    with pytest.raises(ValueError, match=r"`image` must have shape"):
        small_model().build((None, 35, 3))
