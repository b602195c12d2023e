"""SlotDiagnosis: what the slots do is in the logs, and said once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.callbacks import SlotDiagnosis, measure_slots
from keras_slots.layers import ConvEncoder
from keras_slots.models import ObjectDiscovery
from tests.backends import EAGERLY

MEASURES = {
    "attention_entropy",
    "border_slots",
    "dead_slots",
    "duplicate_slots",
    "effective_slots",
    "largest_share",
    "mask_entropy",
    "place_bound",
    "slot_usage",
    "stripes",
}


def draw(*shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, size=shape).astype("float32")


IMAGES = draw(6, 5, 6, 3)


def make_model(**kwargs):
    keras.utils.set_random_seed(0)
    model = ObjectDiscovery(
        ConvEncoder((4,), mlp_sizes=(4,)),
        SlotAttention(3, 4, mlp_hidden_size=5, seed=1),
        SpatialBroadcastDecoder((5, 6), (4,)),
        **kwargs,
    )
    model.build((None, *IMAGES.shape[1:]))
    model.compile(run_eagerly=EAGERLY)
    return model


def fit(model, *callbacks, epochs=2):
    history = model.fit(
        IMAGES,
        epochs=epochs,
        callbacks=list(callbacks),
        shuffle=False,
        verbose=0,
    )
    return history.history


class Given(keras.Model):
    """A model that gives one prepared dict after the other."""

    def __init__(self, *outputs):
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.outputs_to_give = list(outputs)

    def predict_on_batch(self, x):
        return self.outputs_to_give.pop(0)


def run(model, epochs, **kwargs):
    """The logs of every epoch."""
    diagnosis = SlotDiagnosis(IMAGES, **kwargs)
    diagnosis.set_model(model)
    all_logs = []
    for epoch in range(epochs):
        logs = {"loss": 1.0}
        diagnosis.on_epoch_end(epoch, logs)
        all_logs.append(logs)
    return all_logs


def halves(height=4, width=4):
    """Slots that own the top and the bottom of every image."""
    top = (np.arange(height) < height / 2)[:, None] * np.ones((1, width))
    return np.stack([top, 1 - top])[None].repeat(6, axis=0)


def test_measures_are_in_the_logs_of_fit(tmp_path):
    path = tmp_path / "log.csv"
    diagnosis = SlotDiagnosis(IMAGES, verbose=False)
    history = fit(make_model(), diagnosis, keras.callbacks.CSVLogger(path))
    assert set(history) == {"loss", *MEASURES}
    last = {name: history[name][-1] for name in MEASURES}
    assert last == diagnosis.measures
    header = path.read_text().splitlines()[0].split(",")
    assert MEASURES < set(header)


def test_training_does_not_notice():
    watched, alone = make_model(), make_model()
    history = fit(watched, SlotDiagnosis(IMAGES, verbose=False))
    expected = fit(alone)
    assert history["loss"] == expected["loss"]
    for variable, target in zip(
        watched.variables, alone.variables, strict=True
    ):
        np.testing.assert_array_equal(variable, target)


def test_every_epoch_is_measured_with_the_same_noise():
    first, second = run(make_model(), 2, verbose=False)
    assert first == second


def test_a_dataset_gives_some_of_its_batches():
    images = tf.data.Dataset.from_tensor_slices((IMAGES, IMAGES[..., 0]))
    diagnosis = SlotDiagnosis(images.batch(2), num_batches=2, verbose=False)
    np.testing.assert_array_equal(np.concatenate(diagnosis.batches), IMAGES[:4])
    masks = np.random.default_rng(0).random((4, 2, 5, 6, 1))
    diagnosis.set_model(Given({"masks": masks[:2]}, {"masks": masks[2:]}))
    diagnosis.on_epoch_end(0)
    assert diagnosis.measures == pytest.approx(measure_slots(masks))


def test_half_precision():
    model = make_model(dtype="mixed_bfloat16")
    history = fit(model, SlotDiagnosis(IMAGES, verbose=False))
    assert np.all(np.isfinite([history[name] for name in MEASURES]))


def test_attention_stands_in_for_masks():
    flat = halves(3, 5).reshape(6, 2, 15)
    model = Given({"attention": flat})
    (logs,) = run(model, 1, grid_size=(3, 5), verbose=False)
    measures = measure_slots(halves(3, 5), flat)
    assert logs == {"loss": 1.0, **measures}


def test_a_finding_is_said_once_when_it_begins_and_once_when_it_is_over(capsys):
    uniform, striped = np.full((6, 2, 4, 4), 0.5), halves()
    masks = [uniform, uniform, striped, striped]
    printed = []
    diagnosis = SlotDiagnosis(IMAGES)
    diagnosis.set_model(Given(*({"masks": m[..., None]} for m in masks)))
    for epoch in range(len(masks)):
        diagnosis.on_epoch_end(epoch)
        printed.append(capsys.readouterr().out)
    assert "Slots after epoch 1:" in printed[0]
    assert "uniform masks: All slots share all pixels alike" in printed[0]
    assert printed[1] == printed[3] == ""
    assert "stripes: The masks are stripes" in printed[2]
    assert "uniform masks: no longer." in printed[2]
    assert [f.name for f in diagnosis.findings] == [
        "stripes",
        "bound to places",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_batches": 0}, "`num_batches` must be a positive integer"),
        ({"images": IMAGES[0]}, r"`images` must have shape \(B, H, W, C\)"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SlotDiagnosis(**{"images": IMAGES, **arguments})


def test_a_model_without_masks_and_attention():
    with pytest.raises(ValueError, match=r"'masks' or 'attention'\. Received"):
        run(Given(np.zeros((6, 2))), 1)


@pytest.mark.parametrize("grid_size", [None, (4, 4)], ids=str)
def test_tokens_that_are_no_such_map(grid_size):
    model = Given({"attention": np.ones((6, 2, 15))})
    with pytest.raises(ValueError, match=r"15 tokens.*Received: grid_size"):
        run(model, 1, grid_size=grid_size)


def test_what_cannot_be_measured_is_said_before_the_first_epoch():
    model = make_model()
    with pytest.raises(ValueError, match="size that the decoder draws"):
        fit(model, SlotDiagnosis(draw(2, 9, 9, 3)))
    assert int(model.optimizer.iterations) == 0
