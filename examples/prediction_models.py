"""The models that set_prediction.py compares, and how each is called."""

import keras
import numpy as np

import keras_slots
from keras_slots.layers import PropertyHead, SlotMLP
from keras_slots.models import DeepSetPrediction, SetPrediction

# Slot Attention's test iterations: as in training, and more (supplement, 3.2).
TEST_ITERATIONS = (3, 5)
# Size of the vectors that sets are encoded into, half of the published.
LATENT_SIZE = 256


def make_model(options, preset):
    """A model with fresh weights, built."""
    encoder = preset.make("encoder")
    if options.model in ("dspn", "idspn"):
        model = DeepSetPrediction(
            encoder,
            set_size=options.max_objects,
            num_features=options.layout.num_features,
            num_iterations=options.inner_iterations,
            implicit=options.model == "idspn",
            latent_size=LATENT_SIZE,
            hidden_size=LATENT_SIZE,
        )
    elif options.model == "slot_mlp":
        slots = {
            name: preset.slot_attention[name]
            for name in ("num_slots", "slot_size")
        }
        head = {**preset.head, "center_frequencies": None}
        model = SetPrediction(encoder, SlotMLP(**slots), PropertyHead(**head))
    else:
        model = SetPrediction(
            encoder,
            preset.make("slot_attention"),
            preset.make("head"),
            loss_at_every_iteration=options.loss_at_every_iteration,
        )
    model.build((None, *preset.image_shape))
    return model


def make_loss(options):
    """The loss between sets: of DSPN its own, else what the options name."""
    if options.loss == "huber" or options.model in ("dspn", "idspn"):
        return keras_slots.HungarianHuberLoss()
    return keras_slots.losses.HungarianCrossEntropyLoss(
        coordinate_scale=options.coordinate_scale
    )


def test_iterations(options):
    """The numbers of iterations to test with; `None` if there are none."""
    if options.model == "slot_mlp":
        return (None,)
    if options.model == "slot_attention":
        return TEST_ITERATIONS
    # T = 30 is the model trained with T = 10 (Zhang et al., 2019).
    return (options.inner_iterations, 3 * options.inner_iterations)


def predict(model, image, iterations):
    """Predictions (B, K, d) after so many iterations."""
    if iterations is None:
        return model(image)
    return model(image, num_iterations=iterations)


def predict_every_iteration(model, image, options):
    """Predictions (B, T, K, d), T up to five, and attention or `None`."""
    if options.model == "slot_mlp":
        return model(image)[:, None], None
    if options.model == "slot_attention":
        return model(
            image,
            num_iterations=max(TEST_ITERATIONS),
            return_attention_scores=True,
            return_all_iterations=True,
        )
    sets = np.array(model(image, return_all_iterations=True))
    # Of ten or thirty inner steps, five evenly spaced ones.
    shown = np.ceil(np.linspace(0, sets.shape[1], 6)[1:]).astype(int) - 1
    return sets[:, np.unique(np.maximum(shown, 0))], None


def start(model, batch_size):
    """What makes a model's output deterministic, by argument name."""
    if isinstance(model, DeepSetPrediction):
        name, sizes = "initial_set", (model.set_size, model.num_features)
    elif isinstance(model.slot_attention, SlotMLP):
        return {}
    else:
        slots = model.slot_attention
        name, sizes = "initial_slots", (slots.num_slots, slots.slot_size)
    return {name: np.array(keras.random.uniform((batch_size, *sizes), seed=0))}
