"""Presets with trained weights: what is shipped loads, scores, and is told."""

import keras
import numpy as np
import pytest

from keras_slots.datasets import clevr_scenes, multi_dsprites, tetrominoes
from keras_slots.metrics import adjusted_rand_index
from keras_slots.models import (
    DeepSetPrediction,
    ObjectDiscovery,
    SetPrediction,
    get_preset,
    list_presets,
    trained_weights,
)

TRAINED = [name for name, told in list_presets().items() if told["trained"]]
SCENES = 16


def masked_scenes(name):
    """Images and true masks of the test split that the card is about."""
    if name == "clevr_scenes":
        scenes = clevr_scenes(
            "test", SCENES, SCENES, as_dict=True, max_objects=6
        )
        scene = next(iter(scenes))
        return scene["image"], scene["mask"]
    make = multi_dsprites if name == "multi_dsprites" else tetrominoes
    return next(iter(make("test", SCENES, SCENES)))


@pytest.mark.parametrize(
    "name",
    [name for name in TRAINED if get_preset(name).head is None],
)
def test_the_weights_score_about_what_the_card_says(name):
    model = ObjectDiscovery.from_preset(name)
    image, mask = masked_scenes(name)
    scores = adjusted_rand_index(
        mask, model.predict_on_batch(np.array(image))["masks"]
    )
    scores = keras.ops.convert_to_numpy(scores)
    # The card's are of twenty times as many scenes.
    error = np.std(scores) / np.sqrt(SCENES)
    told = list_presets()[name]["scores"]["fg_ari"]
    assert np.mean(scores) == pytest.approx(told, abs=4 * error)


def test_fresh_weights_on_request():
    trained, *fresh = [
        ObjectDiscovery.from_preset("clevr_scenes", load_weights=load)
        for load in (None, False, False)
    ]
    kernels = [
        keras.ops.convert_to_numpy(model.encoder.convs[0].kernel)
        for model in (trained, *fresh)
    ]
    assert not np.allclose(kernels[1], kernels[2])
    assert not np.allclose(kernels[0], kernels[1])
    again = ObjectDiscovery.from_preset("clevr_scenes", load_weights=True)
    np.testing.assert_array_equal(again.encoder.convs[0].kernel, kernels[0])


def test_trained_weights_in_half_precision():
    full = ObjectDiscovery.from_preset("clevr_scenes")
    half = ObjectDiscovery.from_preset("clevr_scenes", dtype="mixed_bfloat16")
    for weight, same in zip(half.weights, full.weights, strict=True):
        np.testing.assert_array_equal(weight, same)


def test_a_preset_without_weights():
    message = r"'clevr6' has no trained weights.*'clevr_scenes'"
    with pytest.raises(ValueError, match=message):
        ObjectDiscovery.from_preset("clevr6", load_weights=True)
    ObjectDiscovery.from_preset("clevr6")


def test_the_other_model_takes_no_weights():
    """DSPN has the encoder of a preset, but is another model."""
    DeepSetPrediction.from_preset("clevr_scenes_properties")
    with pytest.raises(ValueError, match=r"Choose one of `SetPrediction`"):
        SetPrediction.from_preset("clevr_scenes")


def test_every_preset_is_listed():
    presets = list_presets()
    assert presets["clevr6"] == {
        "model": "ObjectDiscovery",
        "image_shape": (128, 128, 3),
        "trained": False,
    }
    assert presets["clevr_properties"]["model"] == "SetPrediction"
    assert presets["clevr_scenes"]["scores"].keys() == {
        "fg_ari",
        "ari",
        "mbo",
        "mask_iou",
    }


def test_weights_and_cards_come_in_pairs_and_small():
    names = {path.name for path in trained_weights.FOLDER.iterdir()}
    assert names == {
        name + ending for name in TRAINED for ending in (".weights.h5", ".json")
    }
    for name in TRAINED:
        assert trained_weights.weights_path(name).stat().st_size < 2e6
        card = trained_weights.read_card(name)
        assert card["settings"]["preset"] == name
        # The paper's 500,000 steps were more than there was time for.
        steps = {"tetrominoes_paper": 133_000}
        assert card["steps"] == steps.get(name, get_preset(name).train_steps)
