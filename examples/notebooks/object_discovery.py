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
# # Object discovery
#
# The main experiment of the paper (section 4.1): an auto-encoder with slots in
# the middle learns to take scenes apart, from images alone. This notebook
# trains one for a moment, goes on with trained weights, and looks at where it
# fails.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import keras

from keras_slots import metrics
from keras_slots.callbacks import SlotDiagnosis
from keras_slots.datasets import tetrominoes
from keras_slots.models import ObjectDiscovery, get_preset
from keras_slots.visualization import plot_attention, plot_slots

keras.utils.set_random_seed(0)

# %% [markdown]
# ## Data
#
# Tetrominoes: three pieces on black, 35 x 35 pixels, generated as needed. A
# data set gives images in [-1, 1] and integer masks, 0 for the background.
# `fit` scores the masks and never trains on them.

# %%
train = tetrominoes("train", batch_size=16, num_scenes=2_400)
test = tetrominoes("test", batch_size=64, num_scenes=64)
image, mask = next(iter(test))
print(train.element_spec)

# %% [markdown]
# ## A short training
#
# The preset is made for 9,000 steps; 150 show how it begins. The optimizer
# warms up and decays (section 5.6 of the supplement), here within the short
# run.

# %%
model = ObjectDiscovery.from_preset("tetrominoes", load_weights=False)
before = model(image)
model.compile(keras.optimizers.Adam(1e-3))
history = model.fit(
    train, epochs=3, steps_per_epoch=50, shuffle=False, verbose=2
)

# %% [markdown]
# The same scene before and after. The untrained slots own regions, because
# these presets start them apart, and draw noise. After the short training they
# draw what all scenes have in common, darkness, and share the picture in
# another way, still by place. Objects come out hundreds of steps later: do not
# judge too early.

# %%
plot_slots(image, before, num_scenes=1, mask=mask)

# %%
plot_slots(image, model(image), num_scenes=1, mask=mask)

# %% [markdown]
# ## Trained weights
#
# What the same preset looks like at the end of its training:

# %%
model = ObjectDiscovery.from_preset("tetrominoes")
outputs = model(image)
plot_slots(image, outputs, num_scenes=3, mask=mask)

# %% [markdown]
# ## Four metrics
#
# - **FG-ARI**, the paper's: do pixels of one object share a slot? It looks at
#   the pixels of objects alone.
# - **ARI** asks the same of all pixels. Here the slots share the black
#   background, each around its piece, so it is low; that is the typical
#   solution (section 3.1 of the supplement).
# - **mBO**: how well the best slot covers each object (intersection over
#   union).
# - **MaskIoU**: the same with objects and slots matched one to one.


# %%
def score(outputs):
    """Means over the scenes of four metrics."""
    masks = outputs["masks"]
    values = {
        "FG-ARI": metrics.adjusted_rand_index(mask, masks),
        "ARI": metrics.adjusted_rand_index(
            mask, masks, ignore_background=False
        ),
        "mBO": metrics.mean_best_overlap(mask, masks),
        "MaskIoU": metrics.mask_iou(mask, masks),
    }
    return {name: float(keras.ops.mean(x)) for name, x in values.items()}


for title, outputs_of in (("untrained", before), ("trained", outputs)):
    print(f"{title:10}", {k: round(v, 3) for k, v in score(outputs_of).items()})

# %% [markdown]
# The untrained model does not score 0: pieces lie apart, and its slots begin as
# regions. Always compare with such a baseline.
#
# ## More iterations at test time
#
# All iterations share their weights, so their number can change from call to
# call (section 2 of the supplement). This model was trained with three.

# %%
for iterations in range(1, 7):
    scores = score(model(image, num_iterations=iterations))
    print(f"T = {iterations}: FG-ARI {scores['FG-ARI']:.3f}")

# %% [markdown]
# Whether more help depends on the model; measure it on your own validation
# data.
#
# ## What slots attend to
#
# The attention of each slot over the scene, iteration by iteration. Slots
# compete: the softmax runs over slots, so what one wins of a token no other
# has.

# %%
iterations = [
    model(image[:1], num_iterations=number)["attention"] for number in (1, 2, 3)
]
plot_attention(image[:1], keras.ops.stack(iterations, axis=1))

# %% [markdown]
# ## A failure, and its diagnosis
#
# A falling loss does not say that slots have found objects. Give the preset two
# slots for three pieces, and it learns to halve the image. `SlotDiagnosis` says
# so during `fit`, without labels.

# %%
keras.utils.set_random_seed(0)
preset = get_preset("tetrominoes")
few = ObjectDiscovery(
    preset.make("encoder"),
    type(model.slot_attention).from_config(
        {**model.slot_attention.get_config(), "num_slots": 2}
    ),
    preset.make("decoder"),
)
few.compile(keras.optimizers.Adam(1e-3))
diagnosis = SlotDiagnosis(image[:32])
history = few.fit(
    train,
    epochs=2,
    steps_per_epoch=50,
    shuffle=False,
    callbacks=[diagnosis],
    verbose=0,
)

# %%
names = ("effective_slots", "stripes", "place_bound", "duplicate_slots")
for name in names:
    print(f"{name:16}", [round(x, 2) for x in history.history[name]])
plot_slots(image, few(image), num_scenes=2, mask=mask)

# %% [markdown]
# Two slots, one half of the image each, whatever it shows. The remedy is among
# those that the callback names: as many slots as there can be objects, and one
# for the background.
