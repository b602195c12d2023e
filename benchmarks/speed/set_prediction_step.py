"""What does a training step of set prediction cost, and matching within it?

Times, alternating in one process, a training step of `clevr_scenes_properties`
compiled by XLA and not, and the matching of 512 sets of ten compiled against
SciPy called once per matrix on the host. Prints medians and ratios.
"""

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from benchmarks.running import command_line
from benchmarks.timing import compare
from keras_slots import ops
from keras_slots.datasets import clevr_scenes
from keras_slots.losses import HungarianCrossEntropyLoss
from keras_slots.models import SetPrediction, get_preset

PRESET = "clevr_scenes_properties"
ROUNDS, STEPS = 12, 5


def main():
    """Answers both, a line per thing timed."""
    command_line(__doc__).parse_args()
    batch_size = get_preset(PRESET).batch_size
    what = f"training step, batch of {batch_size}"
    compare(what, step_functions(), "graph", ROUNDS, STEPS)
    match = tf.function(ops.linear_sum_assignment, jit_compile=True)
    for name, cost in costs().items():
        tensor = tf.constant(cost)
        functions = {
            "in graph": lambda tensor=tensor: match(tensor).numpy(),
            "SciPy": lambda cost=cost: [*map(linear_sum_assignment, cost)],
        }
        compare(f"matching, {name}", functions, "SciPy", 5 * ROUNDS)


def step_functions():
    """Makes a training step of the same model, compiled by XLA and not."""
    preset = get_preset(PRESET)
    size = preset.batch_size
    image, target = next(iter(clevr_scenes("train", size, size, max_objects=6)))
    functions = {}
    for name, jit in (("XLA", True), ("graph", False)):
        keras.utils.set_random_seed(0)
        model = SetPrediction.from_preset(PRESET, load_weights=False)
        model.compile(
            preset.make_optimizer(),
            loss=HungarianCrossEntropyLoss(),
            jit_compile=jit,
        )
        functions[name] = lambda m=model: m.train_on_batch(image, target)
    return functions


def costs():
    """Draws random ones, also of large sets, and Huber's before training."""
    rng = np.random.default_rng(0)
    # 3 to 10 objects, and padding.
    _, target = next(iter(clevr_scenes("train", 512, num_scenes=512)))
    guess = rng.uniform(0.3, 0.7, (512, 1, 10, 19))
    error = np.array(target)[:, :, None] - guess
    return {
        "512 x 10 x 10, random": rng.random((512, 10, 10), "float32"),
        "64 x 32 x 32, random": rng.random((64, 32, 32), "float32"),
        "512 x 10 x 10, of untrained predictions": np.mean(
            0.5 * np.square(error), axis=-1, dtype="float32"
        ),
    }


if __name__ == "__main__":
    main()
