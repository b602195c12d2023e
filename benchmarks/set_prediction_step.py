"""What does a training step of set prediction cost, and matching within it?

```shell
python benchmarks/set_prediction_step.py
```

Times, alternating in one process, a training step of `clevr_scenes_properties`
compiled by XLA and not, and the matching of 512 sets of ten compiled against
SciPy called once per matrix on the host. Prints medians and ratios.
"""

import keras
import numpy as np
import tensorflow as tf
from harness import measure, report
from scipy.optimize import linear_sum_assignment

import keras_slots
from keras_slots.models import SetPrediction, get_preset

PRESET = "clevr_scenes_properties"
ROUNDS, STEPS = 12, 5


def main():
    """Both questions, a line per thing timed."""
    step_times = measure(step_functions(), ROUNDS, STEPS)
    batch_size = get_preset(PRESET).batch_size
    report(f"training step, batch of {batch_size}", step_times, "graph")
    for name, cost in costs().items():
        times = measure(matching_functions(cost), 5 * ROUNDS)
        report(f"matching, {name}", times, "SciPy")


def step_functions():
    """A training step of the same model, compiled by XLA and not."""
    preset = get_preset(PRESET)
    dataset = keras_slots.datasets.clevr_scenes(
        "train", preset.batch_size, num_scenes=preset.batch_size, max_objects=6
    )
    image, target = next(iter(dataset))
    functions = {}
    for name, jit in (("XLA", True), ("graph", False)):
        keras.utils.set_random_seed(0)
        model = SetPrediction.from_preset(PRESET, load_weights=False)
        model.compile(
            preset.make_optimizer(),
            loss=keras_slots.losses.HungarianCrossEntropyLoss(),
            jit_compile=jit,
        )
        functions[name] = lambda m=model: m.train_on_batch(image, target)
    return functions


def costs():
    """Random, Huber's before any training, and random ones of large sets."""
    rng = np.random.default_rng(0)
    dataset = keras_slots.datasets.clevr_scenes("train", 512, num_scenes=512)
    _, target = next(iter(dataset))  # 3 to 10 objects, and padding.
    error = np.array(target)[:, :, None] - rng.uniform(
        0.3, 0.7, (512, 1, 10, 19)
    )
    return {
        "512 x 10 x 10, random": rng.random((512, 10, 10), "float32"),
        "64 x 32 x 32, random": rng.random((64, 32, 32), "float32"),
        "512 x 10 x 10, of untrained predictions": np.mean(
            0.5 * np.square(error), axis=-1, dtype="float32"
        ),
    }


def matching_functions(cost):
    """Exact matching of one batch, in the graph and on the host."""
    match = tf.function(keras_slots.ops.linear_sum_assignment, jit_compile=True)
    tensor = tf.constant(cost)
    return {
        "in graph": lambda: match(tensor).numpy(),
        "SciPy": lambda: [linear_sum_assignment(matrix) for matrix in cost],
    }


if __name__ == "__main__":
    main()
