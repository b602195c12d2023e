"""The paper's models of object discovery on a GPU without TensorFlow.

```shell
python benchmarks/gpu_training.py draw runs/gpu                  # 1 minute
KERAS_BACKEND=jax python benchmarks/gpu_training.py train runs/gpu --minutes 7
python benchmarks/gpu_training.py score runs/gpu
```

`draw` writes the scenes that `examples/object_discovery.py` trains on, as
arrays. `train` takes `--preset` (tables 4, 6, 10) in mixed bfloat16 as far as
the minutes reach: it needs Keras and JAX, or PyTorch, alone, and goes on where
an earlier call stopped. `score` leaves what the example leaves of a run: scores
on 320 test scenes, the model, a picture, the learning curve; and prints scores
with other numbers of slots and iterations.
"""

import argparse
import dataclasses
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from csv_rows import read_rows, write_rows
from examples_folder import EXAMPLES

import keras_slots
from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.metrics import AdjustedRandIndex, adjusted_rand_index
from keras_slots.models import ObjectDiscovery, get_preset

# What the example calls their scenes.
PRESETS = {
    "tetrominoes_paper": "tetrominoes",
    "multi_dsprites_paper": "multi_dsprites",
}
SCENES = {"train": 60_000, "validation": 320}
EPOCH_STEPS = 1000
SEED = 0


def main():
    """One of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("task", choices=("draw", "train", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--preset", choices=PRESETS, default="tetrominoes_paper"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="of train")
    options = parser.parse_args()
    keras.utils.set_random_seed(SEED)
    {"draw": draw, "train": train, "score": score}[options.task](options)


# Where TensorFlow is ---------------------------------------------------------


def draw(options):
    """Writes images, as bytes, and the masks of the validation scenes."""
    options.folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for split, number in SCENES.items():
        images, masks = [], []
        scenes = generate(options.preset, split, number, batch_size=320)
        for image, mask in scenes.as_numpy_iterator():
            images.append(np.round(127.5 * (image + 1)).astype("uint8"))
            masks.append(mask)
            np.testing.assert_allclose(to_images(images[-1]), image, atol=1e-6)
        arrays[split] = np.concatenate(images)
    arrays["masks"] = np.concatenate(masks)
    np.savez_compressed(options.folder / "scenes.npz", **arrays)


def generate(preset, split, num_scenes, batch_size):
    """The scenes of a preset, of the package's own generator."""
    from keras_slots import datasets

    make = getattr(datasets, PRESETS[preset])
    return make(split, batch_size, num_scenes, seed=SEED)


def score(options):
    """What `examples/object_discovery.py` would leave of such a run."""
    sys.path.insert(0, str(EXAMPLES))
    import run_folder
    from object_discovery import evaluate, print_results

    from keras_slots.visualization import plot_slots

    folder = options.folder
    last = read_rows(folder / "history.csv")[-1]
    preset = get_preset(options.preset)
    model = ObjectDiscovery.from_preset(options.preset, load_weights=False)
    model.load_weights(folder / "trained.weights.h5")
    model.save(folder / "model.keras")
    scenes = generate(options.preset, "test", 320, batch_size=64).cache()
    data = PRESETS[options.preset]
    results, shown = evaluate(model, scenes, data)
    print_results(results)
    print_variants(model, scenes)
    plot_slots(**shown, path=folder / "scenes.png")
    settings = {
        "data": data,
        "records": None,
        "preset": options.preset,
        "preset_values": dataclasses.asdict(preset),
        "seed": SEED,
        "steps": int(last["step"]),
        "epoch_steps": EPOCH_STEPS,
        "train_scenes": SCENES["train"],
        "eval_scenes": SCENES["validation"],
        "batch_size": preset.batch_size,
    }
    settings = run_folder.as_json(settings)
    run_folder.write_json(folder / "settings.json", settings)
    run_folder.write_json(
        folder / "metrics.json",
        {
            "steps": int(last["step"]),
            "seconds": float(last["seconds"]),
            **results,
            "settings": settings,
            **json.loads((folder / "training.json").read_text()),
        },
    )


def print_variants(model, scenes):
    """FG-ARI with other slots and iterations than in training."""
    trained = model.slot_attention.num_slots
    for more, num_iterations in ((0, 3), (0, 5), (1, 3), (2, 3)):
        num_slots = trained + more
        scores = []
        for image, mask in scenes:
            masks = model(
                image, num_slots=num_slots, num_iterations=num_iterations
            )["masks"]
            scores.extend(np.array(adjusted_rand_index(mask, masks)))
        print(
            f"{num_slots} slots, {num_iterations} iterations: FG-ARI "
            f"{np.mean(scores):.3f}; without an error "
            f"{np.mean(np.array(scores) > 0.9999):.0%}, "
            f"{np.sum(np.array(scores) < 0.7)} scenes below 0.7"
        )


# Where the GPU is ------------------------------------------------------------


def train(options):
    """As many epochs as fit into the time."""
    preset = get_preset(options.preset)
    folder = options.folder
    arrays = np.load(folder / "scenes.npz")
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = ObjectDiscovery.from_preset(options.preset, load_weights=False)
    model.compile(preset.make_optimizer(), metrics=[AdjustedRandIndex()])
    checkpoint = TrainingCheckpoint(folder / "checkpoint.npz")
    epoch = checkpoint.restore(model)
    model.fit(
        Batches(to_images(arrays["train"]), preset.batch_size, epoch),
        epochs=preset.train_steps // EPOCH_STEPS,
        initial_epoch=epoch,
        validation_data=(to_images(arrays["validation"]), arrays["masks"]),
        callbacks=[checkpoint, StopAfter(60 * options.minutes)],
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
    (folder / "training.json").write_text(json.dumps(environment(), indent=1))


def environment():
    """What the training ran on, as cards of presets tell it."""
    backend = keras.config.backend()
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in (backend, "keras", "numpy")},
            "keras_slots": keras_slots.__version__,
        },
        "machine": {
            "processor": platform.machine(),
            "cpus": os.cpu_count(),
            "gpus": gpu_names(backend),
        },
    }


def gpu_names(backend):
    """Of the GPUs that the backend sees."""
    if backend == "jax":
        import jax

        return [d.device_kind for d in jax.devices() if d.platform == "gpu"]
    import torch

    count = torch.cuda.device_count()
    return [torch.cuda.get_device_name(index) for index in range(count)]


class Batches(keras.utils.PyDataset):
    """Epochs of batches; each batch is drawn on its own number alone."""

    def __init__(self, images, batch_size, epoch):
        super().__init__()
        self.images = images
        self.batch_size = batch_size
        self.epoch = epoch

    def __len__(self):
        return EPOCH_STEPS

    def __getitem__(self, index):
        rng = np.random.default_rng([SEED, self.epoch, index])
        drawn = rng.integers(len(self.images), size=self.batch_size)
        return (self.images[drawn],)

    def on_epoch_end(self):
        self.epoch += 1


class StopAfter(keras.callbacks.Callback):
    """Ends a training with the epoch in which its time is up."""

    def __init__(self, seconds):
        super().__init__()
        self.end = time.monotonic() + seconds

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = time.monotonic() > self.end


def to_images(values):
    """Bytes as the models take them: float32 from -1 to 1."""
    return values.astype("float32") / 127.5 - 1


if __name__ == "__main__":
    main()
