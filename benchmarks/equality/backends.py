"""Do TensorFlow, JAX and PyTorch give the same, and read each other's files?

Each backend loads the trained weights of `tetrominoes` and takes the same
scenes apart, from the same slots; takes one step of training; computes in
`mixed_bfloat16`; matches sets with `HungarianHuberLoss`; and writes its weights
to a file that the others load. The table has the largest differences from
TensorFlow, and for files the largest difference between the weights that were
written and those that another backend read.
"""

import tempfile

import keras
import numpy as np

from benchmarks.results import print_table
from benchmarks.running import command_line, in_own_process, require
from keras_slots.datasets import tetrominoes
from keras_slots.losses import hungarian_huber
from keras_slots.models import ObjectDiscovery

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PRESET = "tetrominoes"
NUM_SCENES = 8
OUTPUTS = ("masks", "reconstruction")
COMPARED = {
    **dict(zip(OUTPUTS, OUTPUTS, strict=True)),
    "sets": "matched Huber loss",
    "step": "one step of training, every weight",
}


def main():
    """Runs every backend in a process of its own, and prints the tables."""
    command_line(__doc__).parse_args()
    require(*BACKENDS)
    inputs = draw_inputs()
    with tempfile.TemporaryDirectory() as folder:
        files = {x: f"{folder}/{x}.weights.h5" for x in BACKENDS}
        results = {
            backend: in_own_process(compute, inputs, file, backend=backend)
            for backend, file in files.items()
        }
        for backend, result in results.items():
            paths = list(files.values())
            result["read"] = in_own_process(read, paths, backend=backend)
    print_differences(results)
    print_precision(results)


def draw_inputs():
    """Draws the same for every backend: their random numbers differ."""
    images, _ = next(iter(tetrominoes("test", NUM_SCENES, NUM_SCENES, seed=0)))
    sizes = {"initial_slots": (NUM_SCENES, 4, 64)}
    sizes |= {"y_true": (32, 10, 19), "y_pred": (32, 10, 19)}
    rng = np.random.default_rng(0)
    drawn = {k: rng.normal(size=v).astype("float32") for k, v in sizes.items()}
    return {"image": np.array(images), **drawn}


# In the process of one backend ------------------------------------------------


def compute(inputs, path):
    """Gives what the tables compare, and writes the weights."""
    print(f"{BACKENDS[keras.config.backend()]} ...", flush=True)
    sets = inputs.pop("y_true"), inputs.pop("y_pred")
    model = ObjectDiscovery.from_preset(PRESET)
    results = outputs_of(model, **inputs)
    results["sets"] = to_numpy(hungarian_huber(*sets))
    model.save_weights(path)
    results["step"] = training_step(model, inputs["image"])
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = ObjectDiscovery.from_preset(PRESET)
    for name, values in outputs_of(half, **inputs).items():
        results[f"half_{name}"] = values
    return results


def outputs_of(model, image, initial_slots):
    """Gives masks and reconstruction, as float32 arrays."""
    outputs = model(image, initial_slots=initial_slots)
    return {name: to_numpy(outputs[name]) for name in OUTPUTS}


def to_numpy(tensor):
    """Makes a float32 array of any backend's tensor, in any precision."""
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def training_step(model, image):
    """Gives what one step of plain gradient descent adds to the weights.

    Slots start where their Gaussian has its mean: the draws of the backends
    differ.
    """
    for weight in model.weights:
        if "log_sigma" in weight.path:
            weight.assign(weight - 30.0)
    model.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    before = flat_weights(model)
    model.fit(image, batch_size=len(image), shuffle=False, verbose=0)
    return flat_weights(model) - before


def flat_weights(model):
    """Gives all weights as one array."""
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def read(paths):
    """Gives the largest difference of weights read from any file."""
    expected = flat_weights(ObjectDiscovery.from_preset(PRESET))
    differences = []
    for path in paths:
        model = ObjectDiscovery.from_preset(PRESET, load_weights=False)
        model.load_weights(path)
        differences.append(np.abs(flat_weights(model) - expected).max())
    return max(differences)


# The tables -------------------------------------------------------------------


def print_differences(results):
    """Prints the largest differences from TensorFlow."""
    table = []
    for name, label in COMPARED.items():
        expected, *others = (result[name] for result in results.values())
        differences = [np.abs(other - expected).max() for other in others]
        label = f"{label} (of up to {np.abs(expected).max():.2g})"
        table.append([label, *(f"{x:.1e}" for x in differences)])
    print()
    print_table(["largest difference from TensorFlow", "JAX", "PyTorch"], table)


def print_precision(results):
    """Prints what half precision changes, and what reading files does."""
    table = []
    for name in OUTPUTS:
        what = f"`mixed_bfloat16` against float32: {name}, root mean square"
        differences = [x[f"half_{name}"] - x[name] for x in results.values()]
        spreads = (np.sqrt(np.mean(x**2)) for x in differences)
        table.append([what, *(f"{x:.1e}" for x in spreads)])
    differences = (f"{result['read']:.1e}" for result in results.values())
    table.append(["weights read from the files of all three", *differences])
    print()
    print_table(["", *BACKENDS.values()], table)


if __name__ == "__main__":
    main()
