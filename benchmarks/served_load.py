"""Does an exported model answer rightly under many clients at once?

```shell
python benchmarks/served_load.py                # 16 clients, 10 minutes
python benchmarks/served_load.py --minutes 1
```

Exports the trained preset `clevr_scenes`, loads the SavedModel, and lets
threads ask it without a pause, each time with another of 64 images. Every
answer is compared with what Keras says of that very image, mask by mask: an
answer to another client's question would be far off. Memory is noted every
second.

Writes to `runs/served_load`: `process.csv` and `load.png`. Prints the number
of answers, the largest difference, how long clients waited, and how memory
changed. Exits with an error if an answer was wrong.
"""

import argparse
import random
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from palette import BLUE
from process_samples import (
    ProcessSamples,
    print_memory,
    read_samples,
    settled,
)

from keras_slots.datasets import clevr_scenes
from keras_slots.export import export_saved_model
from keras_slots.models import ObjectDiscovery

PRESET = "clevr_scenes"
NUM_IMAGES = 64
TOLERANCE = 1e-4  # Of masks, which go from 0 to 1.
PERCENTILES = (50, 90, 99, 99.9)


def main():
    """Exports, asks, draws and sums up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--output", type=Path, default=Path("runs/served_load"))
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    images, expected = questions_and_answers()
    model = ObjectDiscovery.from_preset(PRESET)
    export_saved_model(model, options.output / "saved_model")
    served = tf.saved_model.load(str(options.output / "saved_model"))
    discover = served.signatures["discover"]
    discover(image=tf.constant(images[:1]))  # The first call optimizes.
    clients = [
        Client(discover, images, expected, seed, 60 * options.minutes)
        for seed in range(options.clients)
    ]
    path = options.output / "process.csv"
    with ProcessSamples(path, 1, lambda: {"answers": count(clients)}):
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    rows = settled(read_samples(path))
    draw(rows, clients, options.output / "load.png")
    sys.exit(sum_up(rows, clients, options.minutes))


def questions_and_answers():
    """Images (64, H, W, 3), and the masks that Keras gives for each alone."""
    scenes = clevr_scenes("test", NUM_IMAGES, NUM_IMAGES, max_objects=6)
    image, _ = next(iter(scenes))
    model = ObjectDiscovery.from_preset(PRESET)
    masks = [model(image[i : i + 1])["masks"] for i in range(NUM_IMAGES)]
    return image.numpy(), np.array(masks)


class Client(threading.Thread):
    """Asks for so long, and remembers how long it waited and what was off."""

    def __init__(self, discover, images, expected, seed, seconds):
        super().__init__(daemon=True)
        self.discover = discover
        self.images, self.expected = images, expected
        self.chance = random.Random(seed)
        self.seconds = seconds
        self.waits = []
        self.worst = 0.0

    def run(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            index = self.chance.randrange(NUM_IMAGES)
            image = tf.constant(self.images[index : index + 1])
            start = time.monotonic()
            masks = self.discover(image=image)["masks"].numpy()
            self.waits.append(time.monotonic() - start)
            difference = np.abs(masks - self.expected[index]).max()
            # Not a number is the worst of all.
            self.worst = max(self.worst, np.nan_to_num(difference, nan=np.inf))


def count(clients):
    """Answers so far."""
    return sum(len(client.waits) for client in clients)


def draw(rows, clients, path):
    """Memory over time, and how long clients waited."""
    figure = Figure(figsize=(8, 3.2), dpi=150, layout="constrained")
    memory, waits = figure.subplots(1, 2)
    memory.plot(rows["seconds"] / 60, rows["megabytes"], color=BLUE)
    memory.set_xlabel("minutes")
    memory.set_ylabel("resident memory in MB")
    memory.set_ylim(0, 1.1 * rows["megabytes"].max())
    milliseconds = 1e3 * np.concatenate([client.waits for client in clients])
    waits.hist(
        milliseconds,
        bins=np.geomspace(milliseconds.min(), milliseconds.max(), 60),
        color=BLUE,
    )
    waits.set_xscale("log")
    waits.set_xlabel("milliseconds from question to answer")
    waits.set_ylabel("answers")
    for axis in (memory, waits):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.92")
        axis.set_axisbelow(True)
    figure.savefig(path)
    print(path)


def sum_up(rows, clients, minutes):
    """Prints what came out; gives the number of clients with a wrong answer."""
    waits = 1e3 * np.concatenate([client.waits for client in clients])
    worst = max(client.worst for client in clients)
    wrong = sum(bool(client.worst > TOLERANCE) for client in clients)
    rate = len(waits) / (60 * minutes)
    print(
        f"\n{len(clients)} clients, {len(waits):,} answers in {minutes:g} "
        f"minutes, {rate:.0f} a second"
    )
    print(f"largest difference of a mask: {worst:.1e}; {wrong} clients wronged")
    for share, wait in zip(
        PERCENTILES, np.percentile(waits, PERCENTILES), strict=True
    ):
        print(f"{share:g} % of the answers within {wait:.0f} ms")
    print_memory(rows)
    return wrong


if __name__ == "__main__":
    main()
