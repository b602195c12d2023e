# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Ablations
#
# What in Slot Attention matters? Section 2 of the paper's supplement takes it
# apart piece by piece, in Figures 1 to 13.
# `examples/ablations/ablations.py` repeats all
# of it in a small setting, three seeds each, and leaves one CSV file. This
# notebook reads that file, draws from it, and runs two of the settings live for
# a moment.
#
# It needs a clone of the repository, and is run in its own folder there.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import collections
import csv
import dataclasses
import sys
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_slots.datasets import tetrominoes

sys.path += ["..", "../ablations"]
from ablation_settings import SETTINGS
from ablation_tasks import make_tasks

# %% [markdown]
# ## The file
#
# A row for each task, setting, seed and step at which the model was scored on
# held-out scenes. The command for all of it is
# `python examples/ablations/ablations.py`;
# what it runs is told on the documentation's page of the ablations.

# %%
with open(Path("../../docs/results/ablations.csv"), newline="") as file:
    rows = list(csv.DictReader(file))
print(f"{len(rows)} rows; the first:")
for name, value in rows[0].items():
    print(f"  {name:16} {value}")
runs = {(row["task"], row["setting"], row["seed"]) for row in rows}
print(
    f"{len(runs)} curves of {len({setting for _, setting, _ in runs})} settings"
)


# %%
def curves(task, setting, score):
    """What each seed scored: steps, and an array (seeds, steps)."""
    seeds = collections.defaultdict(dict)
    for row in rows:
        if (row["task"], row["setting"]) == (task, setting):
            if not row["test_iterations"]:  # these have a figure of their own
                seeds[row["seed"]][int(row["step"])] = float(row[score])
    steps = sorted(next(iter(seeds.values())))
    return steps, np.array(
        [[seed[s] for s in steps] for seed in seeds.values()]
    )


# %% [markdown]
# ## What each piece is worth
#
# Object discovery at the end of training: the FG-ARI of each setting. A dot is
# a seed, a bar the mean; the dashed line is the default.

# %%
shown = {
    "default": "default",
    "weighted_sum": "a sum in place of the mean (1)",
    "no_position_embedding": "no positions (2)",
    "softmax_over_inputs": "softmax over inputs (4)",
    "no_gru": "no GRU (5)",
    "iterations_1": "a single iteration (6)",
    "no_layer_norm": "no LayerNorm (7)",
    "no_mlp": "no MLP (8)",
    "temperature_1": "temperature 1 (9)",
    "no_warmup": "no warm-up (12)",
    "soft_k_means": "soft k-means",
}
ends = {
    title: curves("object_discovery", setting, "fg_ari")[1][:, -1]
    for setting, title in shown.items()
}
figure, axis = plt.subplots(figsize=(7, 4), dpi=100, layout="constrained")
for row, (title, scores) in enumerate(ends.items()):
    color = "#0072B2" if title == "default" else "#E69F00"
    axis.barh(row, max(scores.mean(), 0), color=color, alpha=0.75, height=0.7)
    axis.plot(scores, [row] * len(scores), "o", color="0.15", ms=4)
axis.axvline(ends["default"].mean(), color="#0072B2", ls="--", lw=1)
axis.set_yticks(range(len(ends)), ends)
axis.invert_yaxis()
axis.set(xlabel="FG-ARI on 320 scenes (figure of the supplement in brackets)")
axis.spines[["top", "right"]].set_visible(False)
for title, scores in ends.items():
    print(f"{title:31} {scores.mean():6.3f}  seeds {np.round(scores, 3)}")

# %% [markdown]
# The sum and the missing positions fail; the softmax over the inputs, which
# takes the competition away, costs every seed. Without the MLP this small model
# does better, not worse. Three seeds of the default lie far apart, so that a
# difference smaller than their spread says little: look at the dots.
#
# ## Who learns when
#
# The same runs as curves, for the softmax and for the number of iterations.
# Thin lines are seeds.

# %%
compared = {
    "softmax (Figure 4)": {
        "default": "over slots",
        "softmax_over_inputs": "over inputs",
    },
    "iterations in training (Figure 6)": {
        "iterations_1": "1",
        "default": "3",
        "iterations_5": "5",
    },
}
figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.4), dpi=100, sharey=True, layout="constrained"
)
for axis, (title, settings) in zip(axes, compared.items(), strict=True):
    colors = {"default": "#0072B2"}
    others = iter(("#D55E00", "#009E73"))
    for setting, label in settings.items():
        color = colors.get(setting) or next(others)
        steps, scores = curves("property_prediction", setting, "ap_inf")
        axis.plot(steps, scores.T, color=color, lw=0.6, alpha=0.7)
        axis.plot(steps, scores.mean(axis=0), color=color, lw=2.2, label=label)
    axis.set_title(title, fontsize=10)
    axis.set(xlabel="step", ylim=(0, 1))
    axis.grid(color="0.92")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
axes[0].set_ylabel("properties: average precision")
plt.show()

# %% [markdown]
# ## Two settings, live
#
# The examples' own tasks and settings, so that this is the same model as above:
# a setting changes a task, and the task makes the model. Here a few steps of
# the default and of the plain sum, on the same scenes. In the first, what a
# slot receives is a mean; in the second it grows with the number of tokens,
# hundreds here.

# %%
task = make_tasks("small")["object_discovery"]
scenes = tetrominoes("train", batch_size=16, num_scenes=1_600, shuffle=False)
losses = {}
for setting in ("default", "weighted_sum"):
    keras.utils.set_random_seed(0)
    changed = task.changed(SETTINGS[setting])
    # A warm-up that fits so few steps.
    preset = dataclasses.replace(changed.preset, warmup_steps=30)
    model = dataclasses.replace(changed, preset=preset).make_model()
    history = model.fit(
        scenes.map(lambda image, mask: image),
        epochs=4,
        steps_per_epoch=25,
        shuffle=False,
        verbose=0,
    )
    losses[setting] = history.history["loss"]
    print(f"{setting:13} loss", [f"{x:.3f}" for x in losses[setting]])

# %% [markdown]
# A hundred steps are far too few to tell settings apart: see where the curves
# above begin to rise. But this is all that it takes to try a setting of your
# own. Give it a name in `examples/ablations/ablation_settings.py`, or pass the
# argument
# to `SlotAttention`:

# %%
for name in ("weighted_sum", "softmax_over_inputs", "no_gru", "soft_k_means"):
    print(f"{name:20} {SETTINGS[name].slot_attention}")
