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
# # Export and serve
#
# A trained model leaves Keras as a file that another runtime serves, without
# Keras and without this package. Here one model in three formats; each file is
# loaded by its own runtime, compared with Keras, and timed.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow says errors only.

import contextlib
import io
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_slots import export
from keras_slots.datasets import clevr_scenes
from keras_slots.models import ObjectDiscovery
from keras_slots.visualization import plot_slots

tf.get_logger().setLevel("ERROR")
warnings.simplefilter("ignore", FutureWarning)  # of NumPy, to tf2onnx
keras.utils.set_random_seed(0)
folder = tempfile.TemporaryDirectory()

# %% [markdown]
# ## Endpoints
#
# What a file can be asked for. `discover` gives all that the model gives;
# `encode` stops at the slots, and `decode` draws them. `..._from` is told the
# slots to start from.

# %%
model = ObjectDiscovery.from_preset("clevr_scenes")
for name, inputs in export.list_endpoints(model).items():
    print(f"{name:14} takes {', '.join(inputs)}")

# %% [markdown]
# A SavedModel has all endpoints; a file of another format has the one that is
# named. This model's slots are learned and not drawn, so that `discover` gives
# the same in every call. Slots that start from a Gaussian need the noise of
# Keras: for these, ONNX and LiteRT take `discover_from`.

# %%
paths = {
    "SavedModel": Path(folder.name, "saved_model"),
    "ONNX": Path(folder.name, "model.onnx"),
    "LiteRT": Path(folder.name, "model.tflite"),
}
with contextlib.redirect_stdout(io.StringIO()):  # Keras says where.
    export.export_saved_model(model, paths["SavedModel"])
    export.export_onnx(model, paths["ONNX"], "discover")
    export.export_litert(model, paths["LiteRT"], "discover")


def size(path):
    """Megabytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


for name, path in paths.items():
    print(f"{name:10} {size(path):.1f} MB")

# %% [markdown]
# ## Three runtimes
#
# TensorFlow, onnxruntime and LiteRT: each takes a NumPy array `image` and gives
# a dict. Inputs and outputs have the names that they have in Keras. A LiteRT
# file is for a fixed number of images at once (`batch_size=`, here 1); the
# others take any.

# %%
served = tf.saved_model.load(str(paths["SavedModel"]))
session = onnxruntime.InferenceSession(paths["ONNX"])
names = [output.name for output in session.get_outputs()]
runner = Interpreter(str(paths["LiteRT"])).get_signature_runner()
graph = tf.function(model)


def as_arrays(outputs):
    """A dict of tensors as one of arrays."""
    return {name: x.numpy() for name, x in outputs.items()}


runtimes = {
    "Keras": lambda x: as_arrays(graph(tf.constant(x))),
    "SavedModel": lambda x: as_arrays(
        served.signatures["discover"](image=tf.constant(x))
    ),
    "ONNX": lambda x: dict(
        zip(names, session.run(names, {"image": x}), strict=True)
    ),
    "LiteRT": lambda x: runner(image=x),
}

# %% [markdown]
# ## Do they compute the same, and how fast?
#
# The largest difference to Keras in any output, one operation after the other,
# and the median time of one image of 64 x 64 pixels. The runtimes take turns,
# so that what else the machine does falls on all alike.

# %%
scenes = clevr_scenes(
    "test", batch_size=4, num_scenes=4, max_objects=6, as_dict=True
)
scenes = next(iter(scenes))
images = np.array(scenes["image"])
expected = as_arrays(model(images[:1]))
times = {name: [] for name in runtimes}
for _ in range(25):
    for name, run in runtimes.items():
        start = time.perf_counter()
        run(images[:1])
        times[name].append(time.perf_counter() - start)

print(f"{'runtime':11} {'largest difference':>18} {'latency':>9}")
for name, run in runtimes.items():
    outputs = run(images[:1])
    difference = max(abs(outputs[k] - x).max() for k, x in expected.items())
    latency = 1e3 * statistics.median(times[name][5:])
    print(f"{name:11} {difference:18.1e} {latency:6.1f} ms")

# %% [markdown]
# The differences are those of float32 sums in another order. The times are of
# one of two x86-64 cores, other work going on beside: compare them with each
# other, and measure your own machine.
#
# ## What is served
#
# The scenes as onnxruntime sees them, in one batch:

# %%
outputs = runtimes["ONNX"](images)
plot_slots(images, outputs, num_scenes=3, mask=scenes["mask"])

# %% [markdown]
# ## Slots in between
#
# The endpoints `encode` and `decode` part the model in two: slots can be
# stored, searched, or changed in between. Here one scene is drawn again without
# its largest object: that slot becomes a copy of the one with the smallest
# mask, so that both draw the same, at the same place, and the rest of the scene
# closes the gap.

# %%
encode, decode = served.signatures["encode"], served.signatures["decode"]
encoded = as_arrays(encode(image=tf.constant(images[:1])))
print({name: x.shape for name, x in encoded.items()})
shares = outputs["masks"][0, 1:].mean(axis=(1, 2, 3))  # without the background
largest, smallest = 1 + shares.argmax(), 1 + shares.argmin()
changed = {
    name: encoded[name].copy()
    for name in export.list_endpoints(model)["decode"]
}
for value in changed.values():
    value[0, largest] = value[0, smallest]
drawn = as_arrays(decode(**{k: tf.constant(x) for k, x in changed.items()}))
print(f"slot {largest + 1} now holds what slot {smallest + 1} holds")
plot_slots(images[:1], drawn)

# %%
folder.cleanup()
