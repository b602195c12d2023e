"""Objects in pictures of your own: from a folder to a first picture.

```shell
python examples/own_images.py FOLDER --slots 6
```

Trains `ObjectDiscovery` on the pictures of a folder, a few hundred of one kind
of scene, without labels; draws what each slot holds in some it never saw. Give
as many slots as there can be objects, and one for the background. A stopped run
goes on when the command is repeated. If the folder has true masks,
`masks.npz` with one by each file name, the pictures left out are scored.
"""

from pathlib import Path

import keras
import numpy as np
import run_folder
import tensorflow as tf
from keras.callbacks import LambdaCallback

from keras_slots import layers
from keras_slots.callbacks import SlotDiagnosis, TrainingCheckpoint
from keras_slots.metrics import AdjustedRandIndex, MeanBestOverlap
from keras_slots.models import ObjectDiscovery
from keras_slots.schedules import WarmupExponentialDecay
from keras_slots.visualization import plot_slots

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
PATCH = 4  # The decoder draws patches of so many pixels squared.
BATCH = 16
EPOCH_STEPS = 100


def main():
    """Reads, trains, draws."""
    options = parse_options()
    output, files = options.output, find_files(options.folder)
    size = options.image_size or choose_size(files[0])
    settings = {"folder": str(options.folder.resolve()), "files": len(files)}
    settings |= {"slots": options.slots, "size": size, "steps": options.steps}
    run_folder.claim(output, settings, options.fresh)
    print(f"Reading {len(files)} pictures at {size[0]} x {size[1]} pixels")
    images = [keras.utils.img_to_array(read(file, size)) for file in files]
    images = np.stack(images) / 127.5 - 1.0
    left_out = min(64, len(files) // 4)
    model = train(options, images[left_out:], images[:left_out])
    model.save(output / "model.keras")
    if (options.folder / "masks.npz").exists():
        mask = read_masks(options.folder / "masks.npz", files[:left_out], size)
        scores = model.evaluate(
            images[:left_out], mask, BATCH, verbose=0, return_dict=True
        )
        print({name: round(float(x), 3) for name, x in scores.items()})
    plot_slots(images[:6], model(images[:6]), output / "slots.png")
    print(f"\n{output / 'slots.png'}\n{output / 'model.keras'}")


def parse_options():
    """Reads the command line."""
    parser = run_folder.manual_parser(__doc__)
    add, number = parser.add_argument, run_folder.whole_number
    add("folder", type=Path, help="of pictures")
    add("--slots", type=number(2), default=6, help="objects at most, and one")
    add("--steps", type=number(1), default=1500)
    add("--image-size", type=int, nargs=2, help="height, width: multiples of 4")
    add("--output", type=Path, default=Path("runs/own_images"))
    add("--fresh", action="store_true", help="delete an earlier run first")
    options = parser.parse_args()
    if any(side < PATCH or side % PATCH for side in options.image_size or ()):
        parser.error(f"no multiples of {PATCH}: {options.image_size}")
    options.steps = -(-options.steps // EPOCH_STEPS) * EPOCH_STEPS
    return options


def find_files(folder):
    """Finds the pictures of a folder, and mixes them once for all."""
    files = sorted(map(str, folder.glob("**/*")))
    files = [file for file in files if file.lower().endswith(SUFFIXES)]
    if len(files) < 2 * BATCH:
        found = f"Received: {len(files)} in {folder}"
        raise SystemExit(f"{2 * BATCH} pictures or more are needed. {found}")
    return [files[i] for i in keras.random.shuffle(range(len(files)), seed=0)]


def choose_size(file):
    """Chooses whole patches, in the proportions of a picture."""
    width, height = read(file).size
    scale = 48 / min(height, width)
    return [max(48, PATCH * round(s * scale / PATCH)) for s in (height, width)]


def read(file, size=None):
    """Reads a picture; of one that moves, the first."""
    try:
        return keras.utils.load_img(file, "rgb", size, "bilinear")
    except OSError as error:
        raise SystemExit(f"This is not a picture: {file}") from error


def make_model(num_slots, height, width):
    """Makes slots whose centers start apart, one for the background."""
    encoder = layers.ConvEncoder(
        (32, 32),
        strides=(2, 1),
        mlp_sizes=(32, 32),
        num_frequencies=4,
        append_color=True,
    )
    slot_attention = layers.SlotAttention(
        num_slots,
        slot_size=32,
        slot_initialization="learned",
        slots_initializer=layers.SpreadSlots(),
        centers=layers.SlotCenters(4),
        background_slot=True,
        gradient="bilevel",
    )
    decoder = layers.SpatialBroadcastDecoder(
        grid_size=(height // PATCH, width // PATCH),
        patch_size=PATCH,
        filters=(128, 128),
        kernel_sizes=1,
        output_kernel_size=1,
        mask_falloff=8.0,
        center_frequencies=4,
        background_slot=True,
    )
    return ObjectDiscovery(
        encoder,
        slot_attention,
        decoder,
        pixel_noise=0.2,
        slot_charge=0.02,
        penalty_start=300,
    )


def train(options, images, left_out):
    """Trains from the last checkpoint on; gives the model."""
    keras.utils.set_random_seed(0)
    model = make_model(options.slots, *images.shape[1:3])
    model.build((None, *images.shape[1:]))
    schedule = WarmupExponentialDecay(4e-3, 100, 500, decay_rate=0.5)
    ari = AdjustedRandIndex(ignore_background=False, name="ari")
    model.compile(
        keras.optimizers.Adam(schedule),
        metrics=[AdjustedRandIndex(), ari, MeanBestOverlap()],
    )
    # The same seed shuffles alike in every process.
    training = tf.data.Dataset.from_tensor_slices(images)
    training = training.shuffle(len(images), seed=0).repeat().batch(BATCH)
    held_out = tf.data.Dataset.from_tensor_slices(left_out).batch(BATCH)
    TrainingCheckpoint(options.output / "checkpoint.npz").fit(
        model,
        training,
        epochs=options.steps // EPOCH_STEPS,
        steps_per_epoch=EPOCH_STEPS,
        validation_data=held_out,
        callbacks=[SlotDiagnosis(held_out), LambdaCallback(on_epoch_end=tell)],
        verbose=0,
    )
    return model


def read_masks(path, files, size):
    """Reads true masks by file name, each resized by its nearest pixels."""
    with np.load(path) as masks:
        masks = [masks[Path(file).name] for file in files]
    resized = keras.ops.image.resize(
        np.stack(masks)[..., None], size, interpolation="nearest"
    )
    return np.asarray(resized)[..., 0].astype("int32")


def tell(epoch, logs):
    """Prints a line for each hundred steps."""
    losses = "loss {loss:.4f}, of pictures left out {val_loss:.4f}"
    print(f"step {(epoch + 1) * EPOCH_STEPS}: {losses.format(**logs)}")


if __name__ == "__main__":
    run_folder.run(main)
