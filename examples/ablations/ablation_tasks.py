"""The two tasks that every setting is tried on: model, scenes and score.

A task is a value: what of it a setting changes gives another task, equal to
the first where it changes nothing, and a dict that fits a JSON file.
"""

import dataclasses
import functools
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf
from discovery_scenes import generate

from keras_slots import HungarianHuberLoss
from keras_slots.datasets import clevr, clevr_scenes
from keras_slots.losses import HungarianCrossEntropyLoss
from keras_slots.metrics import adjusted_rand_index, set_average_precision
from keras_slots.models import ObjectDiscovery, SetPrediction, get_preset
from keras_slots.models.presets import Preset
from keras_slots.property_layout import PropertyLayout

SCORED_BATCH = 80
LOSSES = {
    "huber": HungarianHuberLoss,  # The paper's.
    "cross_entropy": HungarianCrossEntropyLoss,
}


@dataclass(frozen=True)
class Task:
    """What the tasks have in common."""

    preset: Preset
    steps: int
    epoch_steps: int  # Between two points of a curve.
    scenes: str
    train_scenes: int
    eval_scenes: int  # None of them trained on.
    max_objects: int
    figure_13: tuple[int, int, int]  # Most objects; slots for them, and more.
    run_eagerly: bool = False  # A few steps end before they would be traced.

    def changed(self, setting):
        """Gives the task as a `Setting` has it."""
        preset, objects = setting.change(self.preset), self.max_objects
        if setting.slots != "usual":
            objects, exact, more = self.figure_13
            number = exact if setting.slots == "exact" else more
            slots = {**preset.slot_attention, "num_slots": number}
            preset = dataclasses.replace(preset, slot_attention=slots)
        return dataclasses.replace(self, preset=preset, max_objects=objects)

    @property
    def epochs(self):
        """Counts the points of a curve."""
        return self.steps // self.epoch_steps


class ObjectDiscoveryTask(Task):
    """Images alone to train on; scored by the foreground ARI."""

    name = "object_discovery"
    scores = ("fg_ari",)

    def make_model(self):
        """Makes a model with fresh weights, built and compiled."""
        preset = self.preset
        model = ObjectDiscovery(*map(preset.make, ObjectDiscovery.PARTS))
        model.build((None, *preset.image_shape))
        model.compile(preset.make_optimizer(), run_eagerly=self.run_eagerly)
        return model

    def open_scenes(self, cache, data_dir):
        """Opens batches to train on, and lists those to score."""
        preset = self.preset
        size, most = preset.image_shape[0], self.max_objects
        make = functools.partial(
            generate, self.scenes, cache=cache, size=size, most=most
        )
        train = make(
            "train", preset.batch_size, self.train_scenes, drop_remainder=True
        )
        scored = make("validation", SCORED_BATCH, self.eval_scenes)
        return train.map(lambda image, mask: image), as_list(scored)

    def score(self, model, scenes, iterations=None):
        """Measures the mean FG-ARI; `None` iterations are as in training.

        Run eagerly: tracing would take longer than these few batches.
        """
        scores = [
            adjusted_rand_index(
                mask, model(image, num_iterations=iterations)["masks"]
            )
            for image, mask in scenes
        ]
        return {"fg_ari": float(np.mean(np.concatenate(scores)))}


@dataclass(frozen=True)
class PropertyPredictionTask(Task):
    """Images and sets of properties to train on; scored by AP."""

    layout: PropertyLayout = field(default_factory=PropertyLayout)
    loss: str = "huber"  # Or "cross_entropy".

    name = "property_prediction"
    scores = ("ap_inf", "ap_1", "ap_0.5", "ap_0.25", "ap_0.125")

    def make_model(self):
        """Makes a model with fresh weights, built and compiled."""
        preset = self.preset
        model = SetPrediction(
            *map(preset.make, SetPrediction.PARTS),
            loss_at_every_iteration=preset.loss_at_every_iteration,
        )
        model.build((None, *preset.image_shape))
        model.compile(
            preset.make_optimizer(),
            loss=LOSSES[self.loss](),
            run_eagerly=self.run_eagerly,
        )
        return model

    def open_scenes(self, cache, data_dir):
        """Opens batches to train on, and lists those to score."""
        size, most = self.preset.image_shape[0], self.max_objects
        sets = {"image_size": size, "max_objects": most, "num_targets": most}
        sets["layout"] = self.layout
        if self.scenes == "clevr":
            train = clevr("train", None, data_dir, **sets)
            # Of the training scenes those that are set apart.
            scored = clevr("train_eval", None, data_dir, **sets)
            scored = scored.take(self.eval_scenes)
        else:
            sets["cache"] = cache / f"{size}-large-1-{most}"
            train = _render("train", self.train_scenes, **sets)
            train = train.shuffle(self.train_scenes, seed=0)
            scored = _render("validation", self.eval_scenes, **sets)
        train = train.batch(self.preset.batch_size, drop_remainder=True)
        return train, as_list(scored.batch(SCORED_BATCH))

    def score(self, model, scenes, iterations=None):
        """Measures AP by threshold; `None` iterations are as in training.

        Run eagerly: tracing would take longer than these few batches.
        """
        predictions = [
            model(image, num_iterations=iterations) for image, _ in scenes
        ]
        precision = set_average_precision(
            np.concatenate([target for _, target in scenes]),
            keras.ops.concatenate(predictions),
            category_sizes=self.layout.category_sizes,
            distance_scale=self.layout.distance_scale,
        )
        return dict(zip(self.scores, np.array(precision).tolist(), strict=True))


@functools.cache
def _render(split, num_scenes, **options):
    """Renders all scenes, once for every run to come.

    The easy ones, which can be learned from small pictures within a minute.
    """
    options |= {"min_objects": 1, "only": {"size": ("large",)}}
    scenes = clevr_scenes(
        split, num_scenes, num_scenes, shuffle=False, **options
    )
    return tf.data.Dataset.from_tensor_slices(next(iter(scenes)))


def as_list(scenes):
    """Lists batches of arrays."""
    return list(scenes.as_numpy_iterator())


# Scales ----------------------------------------------------------------------

COLORS = PropertyLayout(("color",))
SMALL_ENCODER = {
    "filters": (32, 32),
    "mlp_sizes": (32, 32),
    "num_frequencies": 4,
}
# The paper's Slot Attention, half as wide, with an encoder and a decoder that
# learn in about a minute on two processor cores; places are told by octaves, as
# in the small presets. What made it learn, with one seed each and 1,500 steps
# of 16 scenes: 18 x 18 tokens (FG-ARI 0.45) in place of 9 x 9 (0.04); and half
# the width with twice the learning rate, 4e-3 (0.74).
SMALL_DISCOVERY = ObjectDiscoveryTask(
    preset=Preset(
        image_shape=(35, 35, 3),
        encoder={**SMALL_ENCODER, "kernel_sizes": 3, "strides": (2, 1)},
        slot_attention={"num_slots": 4, "slot_size": 32, "mlp_hidden_size": 64},
        decoder={
            "grid_size": 7,
            "filters": (128, 128),
            "kernel_sizes": 1,
            "output_kernel_size": 1,
            "patch_size": 5,
            "num_frequencies": 4,
        },
        learning_rate=4e-3,
        warmup_steps=150,
        decay_steps=2_000,
        batch_size=16,
    ),
    steps=1_750,
    epoch_steps=175,
    scenes="tetrominoes",
    train_scenes=20_000,
    eval_scenes=320,
    max_objects=3,
    figure_13=(3, 4, 6),
)
# One to three large objects and their color. The cross-entropy is beyond the
# paper, whose Huber loss needs longer before it begins to learn.
SMALL_PREDICTION = PropertyPredictionTask(
    preset=Preset(
        image_shape=(32, 32, 3),
        encoder={**SMALL_ENCODER, "strides": (2, 2)},
        slot_attention={"num_slots": 3, "slot_size": 32},
        head={"num_features": COLORS.num_features},
        learning_rate=2e-3,
        warmup_steps=100,
        decay_steps=2_000,
        batch_size=32,
    ),
    steps=1_750,
    epoch_steps=175,
    scenes="clevr_scenes",
    train_scenes=8_000,
    eval_scenes=320,
    max_objects=3,
    figure_13=(3, 3, 6),
    layout=COLORS,
    loss="cross_entropy",
)
# Section 2: CLEVR6 on the left, 320 images scored; CLEVR10 on the right, 500,
# and CLEVR6 in Figure 13.
PAPER_DISCOVERY = ObjectDiscoveryTask(
    preset=get_preset("clevr6"),
    steps=500_000,
    epoch_steps=10_000,
    scenes="clevr_scenes",
    train_scenes=35_000,
    eval_scenes=320,
    max_objects=6,
    figure_13=(6, 7, 11),
)
PAPER_PREDICTION = PropertyPredictionTask(
    preset=get_preset("clevr_properties"),
    steps=150_000,
    epoch_steps=5_000,
    scenes="clevr",
    train_scenes=69_488,
    eval_scenes=500,
    max_objects=10,
    figure_13=(6, 6, 10),
)
SMOKE = {
    "steps": 2,
    "epoch_steps": 1,
    "train_scenes": 16,
    "eval_scenes": 8,
    "run_eagerly": True,
}


def make_tasks(scale):
    """Makes the tasks at `"small"`, `"paper"` or `"smoke"` scale."""
    if scale == "paper":
        tasks = (PAPER_DISCOVERY, PAPER_PREDICTION)
    else:
        tasks = (SMALL_DISCOVERY, SMALL_PREDICTION)
    if scale == "smoke":
        tasks = [
            dataclasses.replace(
                task,
                preset=dataclasses.replace(task.preset, batch_size=8),
                **SMOKE,
            )
            for task in tasks
        ]
    return {task.name: task for task in tasks}
