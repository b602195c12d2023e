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
# # Your own data
#
# From a folder of pictures to slots: read them, choose a model, train, check,
# look. The folder here holds pictures that the notebook draws itself, colored
# shapes on dark ground; put yours in its place.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from keras_slots.callbacks import SlotDiagnosis
from keras_slots.layers import (
    ConvEncoder,
    SlotAttention,
    SlotCenters,
    SpatialBroadcastDecoder,
    SpreadSlots,
)
from keras_slots.models import ObjectDiscovery
from keras_slots.schedules import WarmupExponentialDecay
from keras_slots.visualization import plot_slots

keras.utils.set_random_seed(0)
folder = tempfile.TemporaryDirectory()

# %% [markdown]
# ## A folder of pictures
#
# 600 PNG files of 48 x 48 pixels, each with 1 to 3 discs or squares.

# %%
COLORS = np.array(
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [204, 121, 167]], "uint8"
)


def draw(generator, size=48):
    """A picture (size, size, 3) of a few shapes that do not overlap."""
    picture = np.full((size, size, 3), 25, "uint8")
    y, x = np.mgrid[:size, :size]
    taken = np.zeros((size, size), bool)
    for _ in range(generator.integers(1, 4)):
        color = COLORS[generator.integers(4)]
        radius = generator.integers(5, 9)
        top, left = generator.integers(radius, size - radius, 2)
        far = np.maximum(abs(y - top), abs(x - left))
        if taken[far <= radius + 2].any():
            continue  # no room: one shape less
        if generator.random() < 0.5:
            far = np.hypot(y - top, x - left)
        picture[far <= radius] = color
        taken |= far <= radius
    return picture


generator = np.random.default_rng(0)
for index in range(600):
    path = Path(folder.name, f"{index:04}.png")
    path.write_bytes(tf.io.encode_png(draw(generator)).numpy())
kinds = (".png", ".jpg", ".jpeg")
files = sorted(
    str(path)
    for path in Path(folder.name).iterdir()
    if path.suffix.lower() in kinds
)
print(len(files), "files")

# %% [markdown]
# ## A pipeline
#
# Three things matter:
#
# - **One size.** The decoder draws a fixed size, here 32 x 32. Take the
#   smallest at which you can still tell the objects apart, five pixels across
#   at least: time grows with the pixels. Pictures that are not square keep
#   their shape if you give height and width.
# - **Values in [-1, 1]**, as in the paper (section 5.8 of the supplement), not
#   [0, 1] or [0, 255].
# - **Held-out pictures**, to check on.

# %%
SIZE = 32


def read(path):
    """A file as a float image (SIZE, SIZE, 3) in [-1, 1]."""
    picture = tf.io.decode_image(
        tf.io.read_file(path), channels=3, expand_animations=False
    )
    picture = tf.image.resize(picture, (SIZE, SIZE), antialias=True)
    return picture / 127.5 - 1.0


def make_batches(files, shuffle):
    """A data set of batches; pictures are read once and kept in memory."""
    pictures = tf.data.Dataset.from_tensor_slices(files).map(read).cache()
    if shuffle:
        pictures = pictures.shuffle(len(files)).repeat()
    return pictures.batch(16).prefetch(1)


train = make_batches(files[:-64], shuffle=True)
held_out = make_batches(files[-64:], shuffle=False)
batch = next(iter(held_out))
print("batch:", batch.shape, batch.dtype.name)
print(f"values from {batch.numpy().min():.2f} to {batch.numpy().max():.2f}")
assert batch.numpy().min() >= -1 and batch.numpy().max() <= 1

# %% [markdown]
# ## A model
#
# - **Slots**: as many as there can be objects, and one for the background; here
#   four.
# - **Encoder**: one stride of 2, so that 16 x 16 tokens describe 32 x 32
#   pixels. An object should cover several tokens.
# - **Decoder**: draws each slot on a grid, 8 x 8 cells of 4 x 4 pixels:
#   `grid_size * patch_size` is the size of the pictures, and `grid_size` takes
#   a pair for height and width. A weak decoder is good: one that can draw a
#   whole scene from one slot will do that.
# - **Background**: `background_slot=True` in slots and decoder keeps the first
#   slot for it. Without, all slots share the background or draw parts of it.
# - **Centers** (beyond the paper): slots that know where they are and start
#   apart. They learn in minutes on a processor, where slots drawn from one
#   Gaussian, the paper's, need far longer.
# - **Pixel noise** (beyond the paper): how far a pixel may be from the color
#   that its slot draws. With it, masks say which slot made each pixel, and end
#   where the colors change. `slot_charge` makes slots pay for being in use, so
#   that no two share an object, from step `penalty_start` on.

# %%
model = ObjectDiscovery(
    ConvEncoder(
        filters=(32, 32),
        strides=(2, 1),
        mlp_sizes=(32, 32),
        num_frequencies=4,
        append_color=True,
    ),
    SlotAttention(
        num_slots=4,
        slot_size=32,
        slot_initialization="learned",
        slots_initializer=SpreadSlots(),
        centers=SlotCenters(num_frequencies=4),
        background_slot=True,
        gradient="bilevel",
    ),
    SpatialBroadcastDecoder(
        grid_size=8,
        patch_size=4,
        filters=(128, 128),
        kernel_sizes=1,
        output_kernel_size=1,
        center_frequencies=4,
        background_slot=True,
        mask_falloff=8.0,
    ),
    pixel_noise=0.2,
    slot_charge=0.02,
    penalty_start=300,
)
model.build((None, SIZE, SIZE, 3))
print(f"{model.count_params():,} parameters")
print({name: tuple(x.shape) for name, x in model(batch).items()})

# %% [markdown]
# ## Training
#
# `fit` takes images alone. A warm-up keeps slots from getting stuck early
# (section 2 of the supplement). `SlotDiagnosis` looks at a few held-out
# pictures after each epoch and says in words what looks wrong, once when it
# begins and once when it is over; it needs no labels.

# %%
schedule = WarmupExponentialDecay(
    4e-3, warmup_steps=100, decay_steps=400, decay_rate=0.5
)
model.compile(keras.optimizers.Adam(schedule))
history = model.fit(
    train,
    epochs=9,
    steps_per_epoch=150,
    validation_data=held_out,
    callbacks=[SlotDiagnosis(held_out)],
    shuffle=False,  # the data set does that itself
    verbose=0,
)

# %%
losses, measures = history.history, ("effective_slots", "place_bound")
print("epoch  loss   held out  " + "  ".join(measures))
for epoch, loss in enumerate(losses["loss"]):
    held = losses["val_loss"][epoch]
    told = "  ".join(f"{losses[m][epoch]:{len(m)}.2f}" for m in measures)
    print(f"{epoch + 1:5}  {loss:.4f}  {held:.4f}    {told}")

# %% [markdown]
# Two things to check in this table: the held-out loss follows the other one (if
# it rises, there are too few pictures), and *place bound* falls. At 1 the slots
# cut every picture in the same way; below that, they follow what it shows.
#
# ## Segment
#
# The slot with the largest mask owns a pixel.

# %%
outputs = model(batch)
labels = np.array(keras.ops.argmax(outputs["masks"][..., 0], axis=1))
print("label maps:", labels.shape, "of", labels.max() + 1, "slots")
plot_slots(batch, outputs, num_scenes=5)

# %% [markdown]
# Look at the pictures before you believe a number: is every object in a slot,
# does no slot have two, and does the first slot have the background? If two
# slots share an object, raise `slot_charge`; if one slot has two objects, or
# small ones are left to the background, lower it.
#
# One object, cut out:

# %%
scene = 0
owned = labels[scene] == np.arange(4)[:, None, None]  # (K, H, W)
slot = 1 + owned[1:].sum(axis=(1, 2)).argmax()  # the largest object
picture = batch[scene].numpy() / 2 + 0.5
owned = owned[slot]
figure, axes = plt.subplots(
    1, 2, figsize=(5, 2.6), dpi=80, layout="constrained"
)
axes[0].imshow(picture)
axes[1].imshow(np.where(owned[..., None], picture, 1.0))
for axis, title in zip(axes, ("picture", f"slot {slot + 1}"), strict=True):
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])

# %% [markdown]
# ## Keep it
#
# One file has configuration, weights and optimizer.

# %%
path = Path(folder.name, "model.keras")
model.save(path)
loaded = keras.saving.load_model(path)
same = np.allclose(loaded(batch)["masks"], outputs["masks"], atol=1e-5)
print("the loaded model gives the same masks:", same)
folder.cleanup()
