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
# # Quick start
#
# Slot Attention ([Locatello et al., 2020](https://arxiv.org/abs/2006.15055))
# takes a scene apart into *slots*, one for each object if all goes well. This
# notebook loads a model that was trained on images alone, gives it scenes that
# it never saw, draws what each slot holds, and scores it.
#
# Nothing is downloaded: the scenes are generated, and the weights come with the
# package.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import keras

from keras_slots import metrics
from keras_slots.datasets import clevr_scenes
from keras_slots.models import ObjectDiscovery, list_presets
from keras_slots.visualization import plot_scene, plot_slots

# %% [markdown]
# ## A trained model
#
# These presets are trained. Each tells how well it did on scenes of its kind
# that were held out.

# %%
for name, told in list_presets().items():
    if told["trained"]:
        scores = {key: round(x, 3) for key, x in told["scores"].items()}
        print(f"{name} ({told['model']}): {scores}")

# %%
model = ObjectDiscovery.from_preset("clevr_scenes")
print(f"{model.count_params():,} parameters")

# %% [markdown]
# ## Scenes
#
# Solids on gray ground, in the manner of CLEVR: 3 to 6 of them, because this
# model was trained on as many. `as_dict=True` gives the true masks too. The
# model never sees them; they are for the score.

# %%
scenes = clevr_scenes(
    "test", batch_size=32, num_scenes=32, max_objects=6, as_dict=True
)
scenes = next(iter(scenes))
image, mask = scenes["image"], scenes["mask"]
print("images:", image.shape, "with values in [-1, 1]")
print("masks: ", mask.shape, "of", int(keras.ops.max(mask)), "objects or less")

# %% [markdown]
# ## Discover
#
# One call does it all. The encoder turns the image into tokens, the slots
# compete for them, and the decoder draws every slot by itself (sections 5.1 to
# 5.3 of the paper's supplement).

# %%
outputs = model(image)
for name, value in outputs.items():
    print(f"{name:21}", tuple(value.shape))

# %% [markdown]
# Each slot has one color. *Slot masks* shows who owns which pixel, *True masks*
# the same by the truth, in the colors of the slots that match best; the rest of
# a row is what each slot drew. The first slot is made for the background. A
# slot that has nothing to hold stays empty.

# %%
plot_slots(image, outputs, num_scenes=4, mask=mask)

# %% [markdown]
# One scene, larger, with every slot's drawing and mask:

# %%
plot_scene(image, outputs, index=3, mask=mask)

# %% [markdown]
# ## Score
#
# FG-ARI, the adjusted Rand index on the pixels of objects (section 4.1 of the
# paper), is 0 for a random partition and 1 for a perfect one. It does not look
# at the background; the mean best overlap (mBO) does.

# %%
fg_ari = metrics.adjusted_rand_index(mask, outputs["masks"])
overlap = metrics.mean_best_overlap(mask, outputs["masks"])
print(f"FG-ARI of {len(fg_ari)} scenes: {float(keras.ops.mean(fg_ari)):.3f}")
print(f"mBO:                  {float(keras.ops.mean(overlap)):.3f}")

# %% [markdown]
# Where next: [object discovery](object_discovery.ipynb) trains such a model and
# shows where it fails, [your own data](your_own_data.ipynb) does so on a folder
# of pictures, and [your own model](your_own_model.ipynb) puts Slot Attention
# into a model that sees no images at all.
