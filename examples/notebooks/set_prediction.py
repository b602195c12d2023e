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
# # Set prediction
#
# Object discovery has no labels. Here the other half of the paper: say of every
# object in a picture where it is, how large, of what material, shape and color
# (section 4.2 of the paper, 5.4 of the supplement). What comes out is a *set*:
# its order means nothing, and that is what the loss has to know.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_slots import HungarianHuberLoss, ops
from keras_slots.datasets import PropertyLayout, clevr_scenes
from keras_slots.metrics import SetAveragePrecision
from keras_slots.models import SetPrediction
from keras_slots.visualization import plot_set_prediction

# %% [markdown]
# ## Targets
#
# A row for each object, and rows of zeros up to the largest number of objects.
# `PropertyLayout` says what the columns mean; the last one is 1 for an object
# and 0 for padding.

# %%
scenes = clevr_scenes("test", batch_size=50, num_scenes=200, max_objects=6)
layout = PropertyLayout()
image, target = next(iter(scenes))
print("targets:", target.shape)
for name in ("coordinates", *layout.properties, "real"):
    columns = layout.columns(name)
    print(f"{name:12} columns {columns.start} to {columns.stop - 1}")

# %% [markdown]
# ## A trained model
#
# The preset was trained on such scenes for a quarter of an hour; its weights
# come with the package. With `return_all_iterations=True` it says what every
# iteration of Slot Attention would have predicted.

# %%
model = SetPrediction.from_preset("clevr_scenes_properties")
predictions, attention = model(
    image, return_attention_scores=True, return_all_iterations=True
)
print("predictions:", predictions.shape)  # scenes, iterations, slots, features
print("attention:  ", attention.shape)  # scenes, iterations, slots, tokens

# %% [markdown]
# True objects are on the left. Beside them stands what the matched slot
# predicts after each iteration, marked by the color of the slot in the pictures
# of attention. Mistakes are bold, and so are distances above 0.5 (scenes are 6
# units wide).

# %%
plot_set_prediction(image, predictions, target, attention, num_scenes=2)

# %% [markdown]
# ## Average precision
#
# A prediction is right if *all* properties of an object are, and its place lies
# within a distance. Ranked by confidence, right and wrong ones make a curve of
# precision over recall; the average precision (AP) is the area below it. A
# smaller distance asks for more.

# %%
metric = SetAveragePrecision(capacity=6 * 200)
for images, targets in scenes:
    metric.update_state(targets, model(images))
scores = {name: float(x) for name, x in metric.result().items()}
for name, value in scores.items():
    print(f"{name:9} {value:.3f}")

# %%
figure, axis = plt.subplots(figsize=(5, 2.8), dpi=100, layout="constrained")
labels = ["any", "< 1", "< 0.5", "< 0.25", "< 0.125"]
bars = axis.bar(labels, scores.values(), color="#0072B2", width=0.65)
axis.bar_label(bars, fmt="%.2f", padding=2)
axis.set(xlabel="distance", ylabel="average precision", ylim=(0, 1))
axis.set_title("200 scenes that the model never saw", fontsize=10)
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# The model knows *what* is there better than exactly *where*: between any
# distance and the smallest, most of the precision goes.
#
# ## The loss, on one scene
#
# Every pair of a true row and a slot has a cost: the Huber loss of their
# difference, averaged over the features. The Hungarian algorithm then finds the
# pairing, one to one, whose sum is least. That sum is the loss.
#
# `ops.linear_sum_assignment` does this in the graph, and under XLA, for a whole
# batch. Below it is done by hand, for the second scene, which has fewer objects
# than slots.


# %%
def huber(error):
    """Squared near zero, linear beyond 1."""
    size = np.abs(error)
    return np.where(size <= 1, 0.5 * size**2, size - 0.5)


true = np.array(target[1])  # (n, d)
predicted = np.array(predictions[1, -1])  # (K, d), the last iteration
cost = huber(true[:, None] - predicted[None]).mean(axis=-1)  # (n, K)
partner = np.array(ops.linear_sum_assignment(cost[None]))[0]
by_hand = cost[np.arange(len(true)), partner].sum()
loss = float(HungarianHuberLoss()(true[None], predicted[None]))
print(f"by hand {by_hand:.6f}, HungarianHuberLoss {loss:.6f}")

# %%
objects = layout.decode(true)
names = [
    f"object {row + 1}" if real > 0.5 else "padding"
    for row, real in enumerate(objects["real"])
]
figure, axis = plt.subplots(figsize=(5.4, 4), dpi=100, layout="constrained")
picture = axis.imshow(cost, cmap="Blues")
figure.colorbar(picture, ax=axis, label="cost of the pair")
axis.set_xticks(range(len(predicted)), range(1, len(predicted) + 1))
axis.set_yticks(range(len(names)), names)
axis.set_xlabel("slot")
for row, column in enumerate(partner):
    box = plt.Rectangle(
        (column - 0.5, row - 0.5), 1, 1, fill=False, color="#D55E00", lw=2.5
    )
    axis.add_patch(box)
axis.set_title("Pairs that the matching chose", fontsize=10)
plt.show()

# %% [markdown]
# Each row has one pair, and so has each column. Padding takes part: it is
# matched to the slots that are left, which so learn to say that they hold
# nothing. A second slot for an object that is taken is left with padding too,
# at a high cost.
#
# The order of the slots makes no difference:

# %%
loss = float(HungarianHuberLoss()(true[None], predicted[None, ::-1]))
print(f"slots in reverse order: {loss:.6f}")

# %% [markdown]
# ## Training
#
# `fit` as ever. A few steps, to see it run; `examples/set_prediction.py` trains
# the preset. The paper's loss is `HungarianHuberLoss`, the default of
# `compile`. The preset was trained with `HungarianCrossEntropyLoss`, whose
# gradient does not fade where a prediction is confident and wrong.

# %%
train = clevr_scenes("train", batch_size=16, num_scenes=96, max_objects=6)
fresh = SetPrediction.from_preset(
    "clevr_scenes_properties",
    load_weights=False,
    loss_at_every_iteration=False,  # the last alone, which is traced sooner
)
fresh.compile(keras.optimizers.Adam(1e-3))
history = fresh.fit(train.cache(), epochs=4, shuffle=False, verbose=0)
print("loss:", [round(x, 3) for x in history.history["loss"]])
