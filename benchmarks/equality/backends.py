"""Do TensorFlow, JAX and PyTorch give the same, and read each other's files?

Each backend loads the trained weights of `tetrominoes` and takes the same
scenes apart, from the same slots; takes one step of training; computes in
`mixed_bfloat16`; matches sets with `HungarianHuberLoss`; and writes its weights
to a file that the others load. The table has the largest differences from
TensorFlow, and for files the largest difference between the weights that were
written and those that another backend read.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np

from benchmarks.results import print_table
from benchmarks.running import command_line, run_again
from keras_slots.datasets import tetrominoes
from keras_slots.losses import hungarian_huber
from keras_slots.models import ObjectDiscovery

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PRESET = "tetrominoes"
NUM_SCENES = 8
OUTPUTS = ("masks", "reconstruction")
FURTHER = {
    "matched Huber loss": "sets",
    "one step of training, every weight": "step",
}
SETS = (32, 10, 19)


def main():
    """Runs every backend in a process of its own, and prints the table."""
    parser = command_line(__doc__)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    tasks = {"compute": compute, "read": read}
    if options.child:
        task, folder = options.child
        return tasks[task](Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "inputs.npz"), **draw_inputs())
        for task in tasks:
            for backend, name in BACKENDS.items():
                print(f"{name}: {task} ...", flush=True)
                run_again("--child", task, folder, backend=backend)
        results = {
            backend: {
                **np.load(Path(folder, f"{backend}.npz")),
                **np.load(Path(folder, f"{backend}_read.npz")),
            }
            for backend in BACKENDS
        }
    print()
    print_differences(results)
    print()
    print_precision(results)


def draw_inputs():
    """Draws the same for every backend: their random numbers differ."""
    images, _ = next(iter(tetrominoes("test", NUM_SCENES, NUM_SCENES, seed=0)))
    rng, size = np.random.default_rng(0), (NUM_SCENES, 4, 64)
    drawn = {"initial_slots": size, "y_true": SETS, "y_pred": SETS}
    arrays = {
        name: rng.normal(size=shape).astype("float32")
        for name, shape in drawn.items()
    }
    return {"image": np.array(images), **arrays}


# In the process of one backend ------------------------------------------------


def compute(folder):
    """Writes what the table compares to `BACKEND.npz`."""
    backend = keras.config.backend()
    inputs = dict(np.load(folder / "inputs.npz"))
    sets = inputs.pop("y_true"), inputs.pop("y_pred")
    model = ObjectDiscovery.from_preset(PRESET)
    results = outputs_of(model, **inputs)
    results["sets"] = to_numpy(hungarian_huber(*sets))
    model.save_weights(folder / f"{backend}.weights.h5")
    results["step"] = training_step(model, inputs["image"])
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = ObjectDiscovery.from_preset(PRESET)
    for name, values in outputs_of(half, **inputs).items():
        results[f"half_{name}"] = values
    np.savez(folder / f"{backend}.npz", **results)


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
    before = model.get_weights()
    model.fit(image, batch_size=len(image), shuffle=False, verbose=0)
    pairs = zip(model.get_weights(), before, strict=True)
    return np.concatenate([np.ravel(weight - old) for weight, old in pairs])


def read(folder):
    """Writes the largest difference of weights read from any file."""
    expected = ObjectDiscovery.from_preset(PRESET).get_weights()
    differences = []
    for backend in BACKENDS:
        model = ObjectDiscovery.from_preset(PRESET, load_weights=False)
        model.load_weights(folder / f"{backend}.weights.h5")
        pairs = zip(model.get_weights(), expected, strict=True)
        differences += [np.abs(weight - other).max() for weight, other in pairs]
    path = folder / f"{keras.config.backend()}_read.npz"
    np.savez(path, read=max(differences))


# The tables -------------------------------------------------------------------


def print_differences(results):
    """Prints the largest differences from TensorFlow."""
    table = []
    for label, name in {**{x: x for x in OUTPUTS}, **FURTHER}.items():
        reference = results["tensorflow"][name]
        table.append([f"{label} (of up to {np.abs(reference).max():.2g})"])
        for backend in ("jax", "torch"):
            difference = np.abs(results[backend][name] - reference).max()
            table[-1].append(f"{difference:.1e}")
    print_table(["largest difference from TensorFlow", "JAX", "PyTorch"], table)


def print_precision(results):
    """Prints what half precision changes, and what reading files does."""
    table = []
    for name in OUTPUTS:
        what = f"`mixed_bfloat16` against float32: {name}, root mean square"
        table.append([what])
        for result in results.values():
            difference = result[f"half_{name}"] - result[name]
            table[-1].append(f"{np.sqrt(np.mean(difference**2)):.1e}")
    differences = (f"{result['read']:.1e}" for result in results.values())
    table.append(["weights read from the files of all three", *differences])
    print_table(["", *BACKENDS.values()], table)


if __name__ == "__main__":
    main()
