"""Objects in pictures of your own: from a folder to a first picture.

```shell
pip install ".[examples]"  # in a clone of the repository
python examples/own_images.py FOLDER --slots 6
```

Takes the JPEG, PNG, BMP and GIF files of a folder, a few hundred or more of one
kind of scene; trains `ObjectDiscovery` on them, without any label; and draws
what each slot holds in pictures that it never saw. Give as many slots as there
can be objects in a picture, and one for the background.

What to expect: 1,500 steps of 16 pictures of 48 x 64 pixels take three to four
minutes of one processor core. After each hundred, a line with the loss, here
and on pictures left out, and now and then a remark on the slots.

Stop it whenever you like: the same command goes on where it stopped. It leaves
in `--output`, by default `runs/own_images`:

- `slots.png`: pictures, reconstructions, masks, and what each slot draws.
- `model.keras`: the trained model, for `keras.saving.load_model` after
  `import keras_slots`.
- `checkpoint.npz`, `settings.json`: what it needs to go on after a stop.
"""

import argparse
from pathlib import Path

import keras
import run_folder
import tensorflow as tf

from keras_slots.callbacks import SlotDiagnosis, TrainingCheckpoint
from keras_slots.layers import (
    ConvEncoder,
    SlotAttention,
    SpatialBroadcastDecoder,
    SpreadSlots,
)
from keras_slots.models import ObjectDiscovery
from keras_slots.schedules import WarmupExponentialDecay
from keras_slots.visualization import plot_slots

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
PATCH = 4  # The decoder draws patches of so many pixels squared.
BATCH = 16
EPOCH_STEPS = 100
MOST_LEFT_OUT = 64
SHOWN = 6


def main():
    """Reads, trains, draws."""
    options = parse_options()
    files = find_files(options.folder)
    height, width = options.image_size or choose_size(files[0])
    settings = run_folder.as_json(
        {
            "folder": str(options.folder.resolve()),
            "files": len(files),
            "slots": options.slots,
            "size": [height, width],
            "steps": options.steps,
        }
    )
    run_folder.claim(options.output, settings, options.fresh)
    left_out = min(MOST_LEFT_OUT, len(files) // 4)
    training = read_files(files[left_out:], height, width)
    held_out = read_files(files[:left_out], height, width)
    model = train(options, training, held_out)
    images = next(iter(held_out.batch(SHOWN)))
    with run_folder.replacing(options.output / "slots.png") as path:
        plot_slots(images, model(images), path)
    print(f"\n{options.output / 'slots.png'}\n{options.output / 'model.keras'}")


def parse_options():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, help="of pictures")
    add("--slots", type=int, default=6, help="objects at most, and one")
    add("--steps", type=int, default=1500)
    add(
        "--image-size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="multiples of 4; by default the shorter side is 48",
    )
    add("--output", type=Path, default=Path("runs/own_images"))
    add("--fresh", action="store_true", help="delete an earlier run first")
    options = parser.parse_args()
    if options.slots < 2:
        parser.error(f"--slots must be 2 or more. Received: {options.slots}")
    if options.steps < 1:
        parser.error(f"--steps must be 1 or more. Received: {options.steps}")
    for side in options.image_size or ():
        if side < PATCH or side % PATCH:
            parser.error(
                f"--image-size must be multiples of {PATCH}. "
                f"Received: {options.image_size}"
            )
    options.steps = -(-options.steps // EPOCH_STEPS) * EPOCH_STEPS
    return options


# Pictures --------------------------------------------------------------------


def find_files(folder):
    """The pictures of a folder, in an order that mixes them once for all."""
    files = sorted(
        str(path)
        for path in folder.glob("**/*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if len(files) < 2 * BATCH:
        raise SystemExit(
            f"There must be {2 * BATCH} pictures or more "
            f"({', '.join(SUFFIXES)}); a few hundred are better. "
            f"Received: {len(files)} in {folder}"
        )
    return [files[i] for i in keras.random.shuffle(range(len(files)), seed=0)]


def choose_size(file):
    """Height and width in the proportions of a picture."""
    height, width, _ = read_file(file).shape
    scale = 48 / min(height, width)
    # Multiples of the patch: the decoder's grid has whole cells.
    return [max(48, PATCH * round(s * scale / PATCH)) for s in (height, width)]


def read_file(file):
    """A picture (H, W, 3), uint8."""
    try:
        content = tf.io.read_file(file)
        # Of a picture that moves, the first one.
        return tf.io.decode_image(content, channels=3, expand_animations=False)
    except tf.errors.OpError as error:
        raise SystemExit(f"This is not a picture: {file}") from error


def read_files(files, height, width):
    """All pictures as a dataset of float images (H, W, 3) in [-1, 1]."""
    print(f"Reading {len(files)} pictures at {height} x {width} pixels")
    bar = keras.utils.Progbar(len(files), interval=1, unit_name="picture")
    images = []
    for file in files:
        image = tf.image.resize(
            read_file(file), (height, width), antialias=True
        )
        images.append(image / 127.5 - 1.0)
        bar.add(1)
    return tf.data.Dataset.from_tensor_slices(tf.stack(images))


# Model -----------------------------------------------------------------------


def make_model(num_slots, height, width):
    """Slots with centers that start apart, and one for the background."""
    return ObjectDiscovery(
        ConvEncoder(
            filters=(32, 32),
            strides=(2, 1),
            mlp_sizes=(32, 32),
            num_frequencies=4,
        ),
        SlotAttention(
            num_slots=num_slots,
            slot_size=32,
            slot_initialization="learned",
            slots_initializer=SpreadSlots(),
            center_frequencies=4,
            background_slot=True,
        ),
        SpatialBroadcastDecoder(
            grid_size=(height // PATCH, width // PATCH),
            patch_size=PATCH,
            filters=(128, 128),
            kernel_sizes=1,
            output_kernel_size=1,
            center_frequencies=4,
            mask_falloff=8.0,
            mask_penalty=3e-3,
            background_slot=True,
        ),
    )


def train(options, training, held_out):
    """Trains from the last checkpoint on; saves the model and gives it."""
    keras.utils.set_random_seed(0)
    height, width, channels = training.element_spec.shape
    model = make_model(options.slots, height, width)
    model.build((None, height, width, channels))
    schedule = WarmupExponentialDecay(
        4e-3, warmup_steps=100, decay_steps=500, decay_rate=0.5
    )
    model.compile(keras.optimizers.Adam(schedule))
    checkpoint = TrainingCheckpoint(options.output / "checkpoint.npz")
    epoch = checkpoint.restore(model)
    number = int(training.cardinality())
    # The same seed shuffles alike in every process.
    batches = training.shuffle(number, seed=0).repeat().batch(BATCH)
    held_out = held_out.batch(BATCH)
    diagnosis = SlotDiagnosis(held_out)
    model.fit(
        batches.skip(epoch * EPOCH_STEPS),
        steps_per_epoch=EPOCH_STEPS,
        initial_epoch=epoch,
        epochs=options.steps // EPOCH_STEPS,
        validation_data=held_out,
        callbacks=[
            checkpoint,
            diagnosis,
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: tell(options, epoch, logs)
            ),
        ],
        shuffle=False,
        verbose=0,
    )
    with run_folder.replacing(options.output / "model.keras") as path:
        model.save(path)
    return model


def tell(options, epoch, logs):
    """A line for each hundred steps."""
    print(
        f"step {(epoch + 1) * EPOCH_STEPS:5} of {options.steps}: loss "
        f"{logs['loss']:.4f}, of pictures left out {logs['val_loss']:.4f}"
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(
            "\nStopped. The same command goes on where this one stopped."
        ) from None
