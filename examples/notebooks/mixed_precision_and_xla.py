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
# # Mixed precision and XLA
#
# Two switches that can make the same model faster: computing in 16 bits what
# allows it, and compiling the graph with XLA. On a GPU both usually help. On a
# processor it depends on the processor, so this notebook *measures*, on
# whatever it runs on.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import statistics
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from keras_slots.datasets import clevr_scenes
from keras_slots.metrics import adjusted_rand_index
from keras_slots.models import ObjectDiscovery
from keras_slots.visualization import plot_slots

gpus = tf.config.list_physical_devices("GPU")
print("GPUs:", len(gpus))
print("cores this process may use:", len(os.sched_getaffinity(0)))

# %% [markdown]
# ## Policies
#
# Every layer and model takes a Keras dtype policy; `from_preset` passes it on
# to all parts. Weights stay in float32, and so does what half precision would
# change: the attention and its softmax, the mixture of the slots' images, the
# losses' matching. (In float16 the paper's offset of 1e-8, line 8 of Algorithm
# 1, would be zero.)
#
# - `mixed_float16` is made for GPUs; Keras scales the loss by itself.
# - `mixed_bfloat16` has the range of float32 and less precision: for newer
#   GPUs, and for processors with AVX-512 BF16 or AMX.

# %%
policies = ["float32", "mixed_float16" if gpus else "mixed_bfloat16"]
models = {
    policy: ObjectDiscovery.from_preset("clevr_scenes", dtype=policy)
    for policy in policies
}
image = keras.random.uniform((2, 64, 64, 3), -1.0, 1.0)
for policy, model in models.items():
    masks = model(image)["masks"]
    weights = {weight.dtype for weight in model.weights}
    print(f"{policy}: weights {weights}, masks {keras.ops.dtype(masks)}")

# %% [markdown]
# ## Is it still the same model?
#
# The trained weights under both policies, on the same scenes:

# %%
scenes = clevr_scenes(
    "test", batch_size=32, num_scenes=32, max_objects=6, as_dict=True
)
scenes = next(iter(scenes))
image, mask = scenes["image"], scenes["mask"]
outputs = {policy: model(image) for policy, model in models.items()}
for policy, given in outputs.items():
    fg_ari = adjusted_rand_index(mask, given["masks"])
    print(f"{policy:15} FG-ARI {float(keras.ops.mean(fg_ari)):.4f}")
first, second = (
    keras.ops.cast(outputs[policy]["masks"], "float32") for policy in policies
)
difference = np.abs(np.array(first - second))
print(f"masks differ by {difference.mean():.4f} on average", end=", ")
print(f"by {difference.max():.3f} at most")

# %%
plot_slots(image, outputs[policies[1]], num_scenes=2, mask=mask)

# %% [markdown]
# ## What a step takes
#
# `jit_compile=True` compiles with XLA. Nothing in the graph calls back into
# Python, so all of it compiles, the matching of the set losses included.
# Keras's default, `"auto"`, compiles on a GPU and not on a processor.
#
# The first step includes tracing and compiling. After that, the settings take
# turns, so that what else the machine does falls on all alike; the median
# counts.

# %%
BATCH = 8
settings = [(policy, jit) for policy in policies for jit in (False, True)]
batch = image[:BATCH]


def make(policy, jit):
    """A compiled model; every setting starts from the same weights."""
    model = ObjectDiscovery.from_preset("clevr_scenes", dtype=policy)
    model.compile(keras.optimizers.Adam(1e-4), jit_compile=jit)
    return model


def seconds(model):
    """How long one step of training takes."""
    start = time.perf_counter()
    model.train_on_batch(batch)
    return time.perf_counter() - start


compiled = {setting: make(*setting) for setting in settings}
first_step = {setting: seconds(compiled[setting]) for setting in settings}
times = {setting: [] for setting in settings}
for _ in range(12):
    for setting in settings:
        times[setting].append(seconds(compiled[setting]))
medians = {k: statistics.median(v[2:]) for k, v in times.items()}
plain = medians[settings[0]]
print(f"{'policy':15} {'XLA':5} {'first step':>10} {'step':>9} {'ratio':>6}")
for (policy, jit), step in medians.items():
    first = first_step[policy, jit]
    print(
        f"{policy:15} {'yes' if jit else 'no':5} {first:8.1f} s "
        f"{1e3 * step:6.0f} ms {step / plain:6.2f}"
    )

# %%
figure, axis = plt.subplots(figsize=(6, 2.6), dpi=100, layout="constrained")
names = [f"{policy}{', XLA' if jit else ''}" for policy, jit in medians]
ratios = [step / plain for step in medians.values()]
colors = ["#0072B2", "#56B4E9", "#D55E00", "#E69F00"]
bars = axis.barh(names, ratios, color=colors, height=0.65)
axis.bar_label(bars, fmt="%.2f", padding=3)
axis.axvline(1, color="0.4", lw=0.8)
axis.set(xlabel="time of a step, float32 without XLA = 1")
axis.set_xlim(0, 1.15 * max(ratios))
axis.invert_yaxis()
axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# The page as it is shown was run on one of two x86-64 cores with AVX-512 and
# AMX, without a GPU, other work going on beside: read the ratios, not the
# times. They say nothing of GPUs. Run the notebook on your own machine before
# you choose; the package's guide to mixed precision has more measurements.
#
# To choose for a whole program, and for what comes after:
#
# ```python
# keras.config.set_dtype_policy("mixed_bfloat16")
# model = ObjectDiscovery.from_preset("clevr_scenes")
# model.compile("adam", jit_compile=True)
# ```
