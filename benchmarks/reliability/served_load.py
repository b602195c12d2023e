"""Does an exported model answer rightly under many clients at once?

Exports the trained preset `clevr_scenes`, loads the SavedModel, and lets 16
threads ask it without a pause, each time with another of 64 images. Every
answer is compared with what Keras says of that very image, mask by mask: an
answer to another client's question would be far off. Memory is noted every
second. Writes `process.csv` and `load.png` to `runs/served_load`, prints how
long clients waited, and exits with an error if an answer was wrong.
"""

import functools
import random
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks import results
from benchmarks.reliability import process_samples
from benchmarks.running import command_line
from keras_slots.datasets import clevr_scenes
from keras_slots.export import export_saved_model
from keras_slots.models import ObjectDiscovery

OUTPUT = Path("runs/served_load")
NUM_CLIENTS = 16
NUM_IMAGES = 64
TOLERANCE = 1e-4  # Of masks, which go from 0 to 1.
PERCENTILES = (50, 90, 99, 99.9)


def main():
    """Exports, asks, draws and sums up."""
    minutes = command_line(__doc__, minutes=10.0).parse_args().minutes
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    model = ObjectDiscovery.from_preset("clevr_scenes")
    scenes = clevr_scenes("test", NUM_IMAGES, NUM_IMAGES, max_objects=6)
    image, _ = next(iter(scenes))
    images = [image[index : index + 1] for index in range(NUM_IMAGES)]
    masks = [model(image)["masks"].numpy() for image in images]
    export_saved_model(model, OUTPUT / "saved_model")
    served = tf.saved_model.load(str(OUTPUT / "saved_model"))
    discover = served.signatures["discover"]
    discover(image=images[0])  # The first call optimizes.
    waits, end = [], time.monotonic() + 60 * minutes
    path, seeds = OUTPUT / "process.csv", range(NUM_CLIENTS)
    ask_until = functools.partial(ask, discover, images, masks, waits, end)
    with (
        process_samples.noting(path, 1, lambda: {"answers": len(waits)}),
        ThreadPoolExecutor(NUM_CLIENTS) as clients,
    ):
        worst = list(clients.map(ask_until, seeds))
    rows = process_samples.settled(process_samples.read_samples(path))
    waits = 1e3 * np.array(waits)
    draw(rows, waits)
    sys.exit(int(sum_up(rows, waits, worst, minutes)))


def ask(discover, images, expected, waits, end, seed):
    """Asks until the end, notes its waits; gives the largest difference."""
    chance, worst = random.Random(seed), 0.0
    while time.monotonic() < end:
        index = chance.randrange(NUM_IMAGES)
        start = time.monotonic()
        masks = discover(image=images[index])["masks"].numpy()
        waits.append(time.monotonic() - start)
        difference = np.abs(masks - expected[index]).max()
        # Not a number is the worst of all.
        worst = max(worst, np.nan_to_num(difference, nan=np.inf))
    return worst


def draw(rows, waits):
    """Draws memory over time, and how long clients waited."""
    figure, (memory, answers) = results.new_figure(8, 3.2, columns=2)
    memory.plot(rows["seconds"] / 60, rows["megabytes"], color=results.BLUE)
    memory.set(xlabel="minutes", ylabel="resident memory in MB")
    memory.set_ylim(0, 1.1 * rows["megabytes"].max())
    bins = np.geomspace(waits.min(), waits.max(), 60)
    answers.hist(waits, bins=bins, color=results.BLUE)
    answers.set(xscale="log", xlabel="milliseconds from question to answer")
    answers.set_ylabel("answers")
    results.save_figure(figure, OUTPUT / "load.png")


def sum_up(rows, waits, worst, minutes):
    """Prints what came out; gives the number of clients with a wrong answer."""
    wrong = sum(difference > TOLERANCE for difference in worst)
    print(
        f"\n{len(worst)} clients, {len(waits):,} answers in {minutes:g} "
        f"minutes, {len(waits) / (60 * minutes):.0f} a second"
    )
    print(f"largest difference of a mask: {max(worst):.1e}")
    print(f"{wrong} clients wronged")
    for share in PERCENTILES:
        wait = np.percentile(waits, share)
        print(f"{share:g} % of the answers within {wait:.0f} ms")
    process_samples.print_memory(rows)
    return wrong


if __name__ == "__main__":
    main()
