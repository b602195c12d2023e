"""A SavedModel that is written, served by a fresh process, and compared."""

import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import run_folder
import tensorflow as tf

from keras_slots.export import export_saved_model

MAX_DIFFERENCE = 1e-4  # Between the model and its SavedModel.


def export_and_check(model, endpoint, call, inputs, path):
    """Exports a model; gives how far the SavedModel's outputs are off.

    Args:
        model: The model.
        endpoint: String, the endpoint of the SavedModel that takes `inputs`.
        call: Function from the inputs by name to a dict of the outputs.
        inputs: Dict of arrays that make the outputs deterministic.
        path: Path of the SavedModel; what is there is replaced.

    Raises:
        SystemExit: If it cannot be served, or is off by more than
            `MAX_DIFFERENCE`.
    """
    # What an interrupted run of the same settings may have left.
    for leftover in (path, *path.parent.glob(f".{path.name}.*.unfinished")):
        run_folder.remove_one(leftover)
    export_saved_model(model, path)
    # As a graph, as it is served: in half precision, which operations are
    # fused, and so where rounding happens, shows in the third digit.
    expected = to_float32(tf.function(call)(**inputs))
    served = serve(path, endpoint, inputs)
    difference = max(
        float(np.abs(served[name] - expected[name]).max()) for name in expected
    )
    print(f"\nSavedModel in a fresh process: off by {difference:.1e} at most")
    if not difference <= MAX_DIFFERENCE:
        raise SystemExit(f"That is more than {MAX_DIFFERENCE:.0e}: {path}")
    return difference


def to_float32(outputs):
    """Outputs as NumPy arrays that add and draw alike in any precision."""
    return {
        name: keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))
        for name, x in outputs.items()
    }


def serve(saved_model, endpoint, inputs):
    """Outputs of a SavedModel, run by a process of its own."""
    script = Path(__file__).with_name("serve_saved_model.py")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("in.npz", "out.npz")]
        np.savez(files[0], **inputs)
        # -I: no PYTHONPATH and no current folder to import from.
        command = [sys.executable, "-I", script, saved_model, endpoint]
        command += files
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode:
            raise SystemExit(f"It cannot be served:\n{process.stderr}")
        with np.load(files[1]) as arrays:
            return dict(arrays)
