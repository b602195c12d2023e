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
# # Slot Attention in a model of your own
#
# Slot Attention knows nothing of images. It takes any set of vectors, the
# tokens, and groups them. Here the tokens are rows of a table:
#
# > Every row was written down for one of several unknown *things*. Two
# > quantities tell which thing it was; six more say nothing. The eight columns
# > are mixtures of all of them.
#
# How many things there are differs from table to table, and so does the number
# of rows. Clustering the columns as they are must fail, since what says nothing
# is larger than what counts. A model can learn what counts from tables whose
# answer is known, and then group the rows of new tables, all in one step.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from keras_slots import SlotAttention
from keras_slots.ops import linear_sum_assignment
from keras_slots.schedules import WarmupExponentialDecay

keras.utils.set_random_seed(0)

# %% [markdown]
# ## Tables
#
# 2 to 4 things and 8 to 16 rows of each. Shorter tables are padded to 64 rows;
# a label of -1 says that a row is padding.

# %%
MOST_THINGS, MOST_ROWS, COLUMNS = 4, 64, 8
# How the columns are mixed: the same in every table, and unknown to the model.
MIXTURE, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))


def draw_centers(generator, number):
    """Places of things, no two of them nearer than 0.6."""
    while True:
        centers = generator.uniform(-1, 1, (number, 2))
        apart = np.linalg.norm(centers[:, None] - centers, axis=-1)
        if np.all(apart[~np.eye(number, dtype=bool)] > 0.6):
            return centers


def make_tables(number, seed):
    """Rows (number, 64, 8) and the thing of each row (number, 64)."""
    generator = np.random.default_rng(seed)
    rows = np.zeros((number, MOST_ROWS, COLUMNS), "float32")
    things = np.full((number, MOST_ROWS), -1)
    for table in range(number):
        num_things = generator.integers(2, MOST_THINGS + 1)
        counts = generator.integers(8, 17, num_things)
        own = generator.permutation(np.repeat(np.arange(num_things), counts))
        centers = draw_centers(generator, num_things)
        quantities = np.concatenate(
            [
                centers[own] + generator.normal(0, 0.1, (len(own), 2)),
                generator.normal(0, 1, (len(own), 6)),
            ],
            axis=1,
        )
        rows[table, : len(own)] = quantities @ MIXTURE
        things[table, : len(own)] = own
    return rows, things


rows, things = make_tables(8_000, seed=1)
test_rows, test_things = make_tables(200, seed=2)
lengths = (test_things >= 0).sum(axis=1)
print("tables to learn from:", rows.shape)
print(f"tables to test on: {len(lengths)}, of {lengths.min()} to", end=" ")
print(f"{lengths.max()} rows")

# %% [markdown]
# ## The model
#
# A network for each row, and `SlotAttention`. The mask says which rows take
# part; what the others hold has no influence on the result. Here the attention
# is the answer: for each row a probability over the slots, so that slots
# compete for it (section 2.1 of the paper).
#
# Like k-means, slots can start badly: two on one thing, and none on another.
# Two options help here. `"learned"` lets every slot start from a vector of its
# own, and `"self_attention"` lets slots attend to each other after every
# iteration, so that they part. (The paper's default is one Gaussian that all
# starts are drawn from, and no such exchange. Take both options out to see what
# they give.)

# %%
table = keras.Input((None, COLUMNS), name="rows")
mask = keras.Input((None,), dtype="bool", name="mask")
tokens = keras.layers.Dense(64, activation="relu")(table)
tokens = keras.layers.Dense(32)(tokens)
slot_attention = SlotAttention(
    num_slots=MOST_THINGS,
    slot_size=32,
    slot_initialization="learned",
    slots_initializer=keras.initializers.RandomNormal(stddev=1.0),
    slot_communication="self_attention",
)
slots, attention = slot_attention(
    tokens, mask=mask, return_attention_scores=True
)
model = keras.Model([table, mask], attention)
print(model.output_shape)  # tables, slots, rows
print(f"{model.count_params():,} parameters")

# %% [markdown]
# ## The loss
#
# Which slot takes which thing is free. As in the paper's set prediction
# (section 5.4 of the supplement), slots and things are paired first, so that
# the total loss is least. Here the loss of a pair is a cross-entropy: minus the
# logarithm of the attention that the slot pays to the rows of the thing.


# %%
def matched_cross_entropy(things, attention):
    """Of each table: a mean over its rows."""
    true = ops.one_hot(things, MOST_THINGS, axis=1)  # padding: zeros
    logs = ops.log(attention + 1e-6)
    pairs = -ops.matmul(true, ops.swapaxes(logs, 1, 2))
    pairs = pairs / ops.sum(true, axis=(1, 2), keepdims=True)
    slot = linear_sum_assignment(ops.stop_gradient(pairs))
    chosen = ops.take_along_axis(pairs, slot[..., None], axis=2)
    return ops.sum(chosen, axis=(1, 2))


schedule = WarmupExponentialDecay(
    3e-3, warmup_steps=100, decay_steps=400, decay_rate=0.5
)
model.compile(keras.optimizers.Adam(schedule), loss=matched_cross_entropy)
start = time.perf_counter()
history = model.fit(
    [rows, rows.any(axis=-1)], things, batch_size=32, epochs=7, verbose=2
)
print(f"trained for {time.perf_counter() - start:.0f} s")

# %% [markdown]
# ## How well?
#
# scikit-learn's adjusted Rand index, which knows nothing of this package,
# compares the groups with the truth: 0 by chance, 1 if perfect. Three k-means
# stand beside the model, and *all three are told how many things there are*;
# the model is not.
#
# - on the columns as they are;
# - on the rows as the model's own network sees them, without Slot Attention;
# - on the two quantities that count, unmixed. No one has these in practice: it
#   is what could be reached.

# %%
present = test_things >= 0
scores = model.predict([test_rows, present], batch_size=100, verbose=0)
groups = scores.argmax(axis=1)
see = keras.Model(table, tokens)
seen = see.predict(test_rows, batch_size=100, verbose=0)
unmixed = (test_rows @ MIXTURE.T)[..., :2]


def k_means(features):
    """The groups of each table, told how many there are."""
    found = np.full(test_things.shape, -1)
    for table, rows in enumerate(present):
        number = len(set(test_things[table, rows]))
        fit = KMeans(number, n_init=5, random_state=0)
        found[table, rows] = fit.fit_predict(features[table, rows])
    return found


found = {
    "k-means on the columns": k_means(test_rows),
    "k-means on the model's tokens": k_means(seen),
    "Slot Attention": groups,
    "k-means on what counts": k_means(unmixed),
}
for name, labels in found.items():
    index = [
        adjusted_rand_score(true[rows], labels[table, rows])
        for table, (true, rows) in enumerate(
            zip(test_things, present, strict=True)
        )
    ]
    print(f"{name:30} ARI {np.mean(index):.3f}")

# %% [markdown]
# ## Which slot takes which row
#
# Three tables, drawn in the two quantities that count, which the model had to
# find out. Groups have the color of the thing that they match best.


# %%
COLORS = np.array(["#E69F00", "#56B4E9", "#009E73", "#CC79A7"])


def matched(labels, true):
    """The labels, renamed to agree with the truth in as many rows as can be."""
    same = np.zeros((MOST_THINGS, MOST_THINGS))
    np.add.at(same, (labels, true), 1)
    name = np.array(linear_sum_assignment(same.max() - same[None]))[0]
    return name[labels]


shown = {
    "truth": test_things,
    "Slot Attention": groups,
    "k-means on the columns": found["k-means on the columns"],
}
figure, axes = plt.subplots(
    3, 3, figsize=(7.5, 7.5), dpi=80, layout="constrained"
)
for table, line in enumerate(axes):
    rows = present[table]
    for axis, (title, labels) in zip(line, shown.items(), strict=True):
        names = matched(labels[table, rows], test_things[table, rows])
        axis.scatter(
            *unmixed[table, rows].T,
            c=COLORS[names],
            s=28,
            edgecolors="0.3",
            linewidths=0.4,
        )
        axis.set(xticks=[], yticks=[], xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
        if table == 0:
            axis.set_title(title, fontsize=11)
plt.show()

# %% [markdown]
# The first table shows a mistake: two things share a slot in part. The others
# are right.
#
# k-means on the model's tokens is a strong baseline: most of the work is to
# learn *what counts*, and that the network in front of the slots has done,
# taught through them. But k-means has to be told how many groups there are, and
# is no layer: it gives no gradient, and runs table by table.
#
# ## How many things?
#
# A slot that wins no row holds nothing. So the model counts, too:

# %%
used = np.array([len(set(g[p])) for g, p in zip(groups, present, strict=True)])
true = test_things.max(axis=1) + 1
for number in range(2, MOST_THINGS + 1):
    counted = np.bincount(used[true == number], minlength=MOST_THINGS + 1)
    print(f"{number} things: tables with 1 to 4 slots in use: {counted[1:]}")

# %% [markdown]
# ## Padding has no influence
#
# Fill the padding with anything, even with what is not a number: the attention
# to rows that take part stays as it was.

# %%
spoilt = np.where(present[..., None], test_rows, np.nan).astype("float32")
whole, padded = (
    model.predict([table, present], batch_size=100, verbose=0)
    for table in (test_rows, spoilt)
)
difference = np.where(present[:, None], abs(whole - padded), 0)
print("largest difference of attention:", difference.max())
