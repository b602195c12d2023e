"""What an installed package must do at once: a layer, a preset, a picture."""

import pathlib

import keras

from keras_slots import SlotAttention
from keras_slots.datasets import clevr_scenes
from keras_slots.metrics import adjusted_rand_index
from keras_slots.models import ObjectDiscovery
from keras_slots.visualization import plot_slots

slots = SlotAttention(num_slots=4, slot_size=8)(keras.ops.ones((2, 9, 5)))
assert slots.shape == (2, 4, 8)

scene = next(iter(clevr_scenes("test", 6, 6, as_dict=True, max_objects=6)))
image, mask = scene["image"], scene["mask"]
outputs = ObjectDiscovery.from_preset("clevr_scenes")(image)
plot_slots(image, outputs, "slots.png", mask=mask)
assert pathlib.Path("slots.png").stat().st_size > 10_000
score = keras.ops.mean(adjusted_rand_index(mask, outputs["masks"]))
print(f"FG-ARI {float(score):.2f} on six scenes")
assert score > 0.6
