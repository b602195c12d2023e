"""Trains the paper's models of object discovery on a GPU without TensorFlow.

`draw` writes the scenes that `examples/object_discovery.py` trains on, as
arrays. `train` takes `--preset` (tables 4, 6, 10) in mixed bfloat16 as far as
the minutes reach: it needs Keras and JAX, or PyTorch, alone, and goes on where
an earlier call stopped. `score` leaves what the example leaves of a run: scores
on 320 test scenes, the model, a picture, the learning curve; and prints scores
with other numbers of slots and iterations.
"""

import itertools
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np

from benchmarks import results
from benchmarks.running import EXAMPLES, command_line
from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.files import write_json, write_rows
from keras_slots.metrics import AdjustedRandIndex, adjusted_rand_index
from keras_slots.models import ObjectDiscovery, get_preset

# What the example calls their scenes.
PRESETS = {
    "tetrominoes_paper": "tetrominoes",
    "multi_dsprites_paper": "multi_dsprites",
}
SCENES = {"train": 60_000, "validation": 320}
EPOCH_STEPS = 1000
POLICY = "mixed_bfloat16"
SEED = 0


def main():
    """Does one of the three."""
    parser = command_line(__doc__, minutes=8.0)
    add = parser.add_argument
    add("task", choices=("draw", "train", "score"))
    add("folder", type=Path)
    add("--preset", choices=PRESETS, default="tetrominoes_paper")
    options = parser.parse_args()
    keras.utils.set_random_seed(SEED)
    task = {"draw": draw, "train": train, "score": score}[options.task]
    task(options.folder, options.preset, options.minutes)


# Where TensorFlow is ---------------------------------------------------------


def draw(folder, preset, _):
    """Writes images, as bytes, and the masks of the validation scenes."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for split, number in SCENES.items():
        images, masks = [], []
        scenes = generate(preset, split, number, batch_size=320)
        for image, mask in scenes.as_numpy_iterator():
            images.append(np.round(127.5 * (image + 1)).astype("uint8"))
            masks.append(mask)
            np.testing.assert_allclose(to_images(images[-1]), image, atol=1e-6)
        arrays[split] = np.concatenate(images)
    arrays["masks"] = np.concatenate(masks)
    np.savez_compressed(folder / "scenes.npz", **arrays)


def generate(preset, split, num_scenes, batch_size):
    """Draws the scenes of a preset by the package's own generator."""
    from keras_slots import datasets

    make = getattr(datasets, PRESETS[preset])
    return make(split, batch_size, num_scenes, seed=SEED)


def score(folder, preset, _):
    """Writes what `examples/object_discovery.py` would leave of such a run."""
    sys.path.insert(0, str(EXAMPLES))
    import object_discovery
    import run_folder

    from keras_slots.visualization import plot_slots

    last = results.read_rows(folder / "history.csv")[-1]
    words = ["--preset", preset, "--data", PRESETS[preset], "--seed", SEED]
    words += ["--steps", last["step"], "--epoch-steps", EPOCH_STEPS]
    words += ["--mixed-precision", POLICY]
    sys.argv = list(map(str, [sys.argv[0], *words, "--output", folder]))
    options, values = object_discovery.parse_options()
    model = ObjectDiscovery.from_preset(preset, load_weights=False)
    model.load_weights(folder / "trained.weights.h5")
    model.save(folder / "model.keras")
    scenes = generate(preset, "test", 320, batch_size=64).cache()
    scores, shown = object_discovery.evaluate(model, scenes, options.data)
    object_discovery.print_results(scores)
    print_variants(model, scenes)
    plot_slots(**shown, path=folder / "scenes.png")
    settings = run_folder.make_settings(options, values)
    write_json(folder / "settings.json", settings)
    metrics = {"steps": options.steps, "seconds": float(last["seconds"])}
    metrics |= {**scores, "settings": settings}
    metrics |= results.read_json(folder / "training.json")
    write_json(folder / "metrics.json", metrics)


def print_variants(model, scenes):
    """Prints FG-ARI with other slots and iterations than in training."""
    for more, iterations in ((0, 3), (0, 5), (1, 3), (2, 3)):
        slots = model.slot_attention.num_slots + more
        scores = []
        for image, mask in scenes:
            outputs = model(image, num_slots=slots, num_iterations=iterations)
            scores.extend(np.array(adjusted_rand_index(mask, outputs["masks"])))
        scores = np.array(scores)
        right, low = (scores > 0.9999).mean(), (scores < 0.7).sum()
        print(
            f"{slots} slots, {iterations} iterations: FG-ARI "
            f"{scores.mean():.3f}; without an error {right:.0%}, "
            f"{low} scenes below 0.7"
        )


# Where the GPU is ------------------------------------------------------------


def train(folder, preset, minutes):
    """Trains as many epochs as fit into the time."""
    arrays = np.load(folder / "scenes.npz")
    keras.config.set_dtype_policy(POLICY)
    model = ObjectDiscovery.from_preset(preset, load_weights=False)
    preset = get_preset(preset)
    model.compile(preset.make_optimizer(), metrics=[AdjustedRandIndex()])
    checkpoint = TrainingCheckpoint(folder / "checkpoint.npz")
    epoch = checkpoint.restore(model)
    model.fit(
        batches(to_images(arrays["train"]), preset.batch_size, epoch),
        steps_per_epoch=EPOCH_STEPS,
        epochs=preset.train_steps // EPOCH_STEPS,
        initial_epoch=epoch,
        validation_data=(to_images(arrays["validation"]), arrays["masks"]),
        callbacks=[checkpoint, stop_after(60 * minutes)],
        shuffle=False,
        verbose=2,
    )
    model.save_weights(folder / "trained.weights.h5")
    rows = [
        {
            "step": EPOCH_STEPS * row["epoch"],
            "seconds": round(row["seconds"], 1),
            "loss": row["loss"],
            "validation_loss": row["val_loss"],
            "validation_fg_ari": row["val_fg_ari"],
        }
        for row in checkpoint.history
    ]
    write_rows(folder / "history.csv", rows)
    write_json(folder / "training.json", environment())


def stop_after(seconds):
    """Makes a callback that ends a training with the epoch it is in then."""
    end = time.monotonic() + seconds

    def on_epoch_end(epoch, logs):
        callback.model.stop_training = time.monotonic() > end

    callback = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
    return callback


def batches(images, batch_size, epoch):
    """Draws batches without end, each on its own number alone."""
    for step in itertools.count(epoch * EPOCH_STEPS):
        rng = np.random.default_rng([SEED, *divmod(step, EPOCH_STEPS)])
        yield (images[rng.integers(len(images), size=batch_size)],)


def to_images(values):
    """Turns bytes into what the models take: float32 from -1 to 1."""
    return values.astype("float32") / 127.5 - 1


def environment():
    """Tells what the training ran on, as cards of presets do."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        gpus = [d.device_kind for d in jax.devices() if d.platform == "gpu"]
    else:
        from torch import cuda

        gpus = [cuda.get_device_name(i) for i in range(cuda.device_count())]
    names = (backend, "keras", "numpy", "keras_slots")
    versions = {name: version(name) for name in names}
    versions["python"] = platform.python_version()
    processor, cpus = platform.machine(), os.cpu_count()
    machine = {"processor": processor, "cpus": cpus, "gpus": gpus}
    return {"versions": versions, "machine": machine}


if __name__ == "__main__":
    main()
