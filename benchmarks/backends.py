"""Do TensorFlow, JAX and PyTorch give the same, and read each other's files?

```shell
pip install jax torch
python benchmarks/backends.py  # 3 minutes
```

Each backend loads the trained weights of `tetrominoes` and takes the same
scenes apart, from the same slots; takes one step of training; computes in
`mixed_bfloat16`; matches sets with `HungarianHuberLoss`; and writes its weights
to a file that the others load. The table has the largest differences from
TensorFlow, and for files the largest difference between the weights that were
written and those that another backend read.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PRESET = "tetrominoes"
NUM_SCENES = 8


def main():
    """Runs every backend in a process of its own, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, folder = options.child
        return TASKS[task](Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.savez(folder / "inputs.npz", **draw_inputs())
        for task in TASKS:
            for backend in BACKENDS:
                run(task, backend, folder)
        results = {
            backend: {
                **np.load(folder / f"{backend}.npz"),
                "read": np.load(folder / f"{backend}_read.npy"),
            }
            for backend in BACKENDS
        }
    print_table(results)


def run(task, backend, folder):
    """One backend, alone in a process, as Keras has one at a time."""
    print(f"{BACKENDS[backend]}: {task} ...", flush=True)
    subprocess.run(
        [sys.executable, __file__, "--child", task, str(folder)],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
    )


def draw_inputs():
    """The same for every backend: their random numbers differ."""
    from keras_slots.datasets import tetrominoes

    scenes = tetrominoes(
        "test", num_scenes=NUM_SCENES, batch_size=NUM_SCENES, seed=0
    )
    images, _ = next(iter(scenes))
    rng = np.random.default_rng(0)
    return {
        "image": np.array(images),
        "initial_slots": rng.normal(size=(NUM_SCENES, 4, 64)).astype("float32"),
        "y_true": rng.normal(size=(32, 10, 19)).astype("float32"),
        "y_pred": rng.normal(size=(32, 10, 19)).astype("float32"),
    }


# In the process of one backend ------------------------------------------------


def compute(folder):
    """What the table compares, into `BACKEND.npz`."""
    import keras

    from keras_slots.losses import hungarian_huber
    from keras_slots.models import ObjectDiscovery

    backend = keras.config.backend()
    inputs = np.load(folder / "inputs.npz")
    arguments = inputs["image"], inputs["initial_slots"]

    model = ObjectDiscovery.from_preset(PRESET)
    results = outputs_of(model, *arguments)
    results["sets"] = to_numpy(
        hungarian_huber(inputs["y_true"], inputs["y_pred"])
    )
    model.save_weights(folder / f"{backend}.weights.h5")
    results["step"] = training_step(model, inputs["image"])

    keras.config.set_dtype_policy("mixed_bfloat16")
    half = outputs_of(ObjectDiscovery.from_preset(PRESET), *arguments)
    results["half_masks"] = half["masks"]
    results["half_reconstruction"] = half["reconstruction"]
    np.savez(folder / f"{backend}.npz", **results)


def outputs_of(model, image, initial_slots):
    """Masks and reconstruction, as float32 arrays."""
    outputs = model(image, initial_slots=initial_slots)
    return {
        name: to_numpy(outputs[name]) for name in ("masks", "reconstruction")
    }


def to_numpy(tensor):
    """A float32 array of any backend's tensor, in any precision."""
    import keras

    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def read(folder):
    """The largest difference of weights after reading each backend's file."""
    import keras

    from keras_slots.models import ObjectDiscovery

    expected = ObjectDiscovery.from_preset(PRESET).get_weights()
    differences = []
    for backend in BACKENDS:
        model = ObjectDiscovery.from_preset(PRESET, load_weights=False)
        model.load_weights(folder / f"{backend}.weights.h5")
        differences += [
            np.abs(weight - other).max()
            for weight, other in zip(model.get_weights(), expected, strict=True)
        ]
    np.save(folder / f"{keras.config.backend()}_read.npy", max(differences))


def training_step(model, image):
    """What one step of plain gradient descent adds to the weights.

    Slots start where their Gaussian has its mean: the draws of the backends
    differ.
    """
    import keras

    for weight in model.weights:
        if "log_sigma" in weight.path:
            weight.assign(weight - 30.0)
    model.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    before = model.get_weights()
    model.fit(image, batch_size=len(image), shuffle=False, verbose=0)
    return np.concatenate(
        [
            np.ravel(weight - old)
            for weight, old in zip(model.get_weights(), before, strict=True)
        ]
    )


TASKS = {"compute": compute, "read": read}


# The table --------------------------------------------------------------------


def print_table(results):
    """One row per quantity, one column per backend."""
    reference = results["tensorflow"]
    rows = {
        "masks": "masks",
        "reconstruction": "reconstruction",
        "matched Huber loss": "sets",
        "one step of training, every weight": "step",
    }
    print("\n| largest difference from TensorFlow | JAX | PyTorch |")
    print("|---|---|---|")
    for label, name in rows.items():
        scale = np.abs(reference[name]).max()
        cells = (
            f"{np.abs(results[b][name] - reference[name]).max():.1e}"
            for b in ("jax", "torch")
        )
        print(f"| {label} (of up to {scale:.2g}) |", " | ".join(cells), "|")
    print("\n| | TensorFlow | JAX | PyTorch |")
    print("|---|---|---|---|")
    for name in ("masks", "reconstruction"):
        cells = (
            f"{root_mean_square(result, name):.1e}"
            for result in results.values()
        )
        print(
            f"| `mixed_bfloat16` against float32: {name}, root mean square |",
            " | ".join(cells),
            "|",
        )
    cells = (f"{result['read']:.1e}" for result in results.values())
    print(
        "| weights read from the files of all three |",
        " | ".join(cells),
        "|",
    )


def root_mean_square(result, name):
    """Of what half precision changes."""
    difference = result[f"half_{name}"] - result[name]
    return np.sqrt(np.mean(difference**2))


if __name__ == "__main__":
    main()
