"""Does a training that runs for hours keep its memory and its graphs?

```shell
python benchmarks/long_run.py                 # two hours
python benchmarks/long_run.py --minutes 10
```

Trains `multi_dsprites` with all that a long training has beside its steps: a
pipeline that draws new scenes as it goes, validation with four metrics, a
checkpoint, a diagnosis and pictures for TensorBoard at the end of every epoch.
Ten seconds apart, it notes what the process holds: resident memory, open files,
threads. It counts how often Python goes through a step, which it does once for
every graph that TensorFlow traces.

Writes to `runs/long_run`: `process.csv`, row by row while it runs, and
`process.png`. Prints what each epoch took, and in the end how memory changed
after the first tenth of the time, when everything had been done once: the
slope of Theil and Sen with its 95 % interval.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from palette import BLUE, GREEN, RED
from process_samples import (
    ProcessSamples,
    print_memory,
    read_samples,
    settled,
)

from keras_slots.callbacks import (
    SlotDiagnosis,
    SlotPictures,
    TrainingCheckpoint,
)
from keras_slots.datasets import multi_dsprites
from keras_slots.metrics import (
    AdjustedRandIndex,
    MaskIoU,
    MeanBestOverlap,
)
from keras_slots.models import ObjectDiscovery, get_preset

PRESET = get_preset("multi_dsprites")
EPOCH_STEPS = 200
SAMPLE_SECONDS = 10


def main():
    """Trains for so long, draws and sums up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--output", type=Path, default=Path("runs/long_run"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    watch = Watch(options.minutes)
    path = options.output / "process.csv"
    with ProcessSamples(path, SAMPLE_SECONDS, watch.counts):
        train(watch, options.output)
    rows = read_samples(path)
    draw(rows, options.output / "process.png")
    sum_up(rows)


class Watch(keras.callbacks.Callback):
    """Ends a training in time, and counts its steps and traces."""

    def __init__(self, minutes):
        super().__init__()
        self.minutes = minutes
        self.steps = self.traces = 0

    def count_traces(self, model, name):
        """Counts how often Python goes through a method of a model."""
        method = getattr(model, name)

        def counted(*arguments, **options):
            self.traces += 1
            return method(*arguments, **options)

        setattr(model, name, counted)

    def counts(self):
        """For the samples."""
        return {"steps": self.steps, "traces": self.traces}

    def on_train_begin(self, logs=None):
        self.end = time.monotonic() + 60 * self.minutes

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if time.monotonic() > self.end:
            self.model.stop_training = True


def train(watch, output):
    """A training as people run it, until the watch ends it."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    train_scenes = multi_dsprites("train", PRESET.batch_size)
    validation = multi_dsprites("validation", PRESET.batch_size, 160)
    images = train_scenes.map(lambda image, mask: image).repeat()
    shown, mask = next(iter(validation.rebatch(4)))
    model = ObjectDiscovery.from_preset("multi_dsprites", load_weights=False)
    metrics = [
        AdjustedRandIndex(),
        AdjustedRandIndex(ignore_background=False, name="ari"),
        MeanBestOverlap(),
        MaskIoU(),
    ]
    model.compile(PRESET.make_optimizer(), metrics=metrics)
    for name in ("train_step", "test_step"):
        watch.count_traces(model, name)
    model.fit(
        images,
        steps_per_epoch=EPOCH_STEPS,
        epochs=10**6,
        validation_data=validation,
        callbacks=[
            watch,
            TrainingCheckpoint(output / "checkpoint.npz"),
            SlotDiagnosis(validation),
            SlotPictures(shown, output / "pictures", mask=mask),
        ],
        shuffle=False,
        verbose=2,
    )


def draw(rows, path):
    """Memory, files and threads, and speed, over the hours."""
    hours = rows["seconds"] / 3600
    figure = Figure(figsize=(10, 3.4), dpi=150, layout="constrained")
    memory, counts, speed = figure.subplots(1, 3)
    memory.plot(hours, rows["megabytes"], color=BLUE)
    memory.set_ylabel("resident memory in MB")
    memory.margins(y=0.1)
    for name, color in (("files", RED), ("threads", GREEN)):
        counts.plot(hours, rows[name], color=color, label=name)
    counts.plot(hours, rows["traces"], color="0.2", label="traced graphs")
    counts.set_ylabel("number of")
    counts.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.46))
    counts.yaxis.set_major_locator(MaxNLocator(integer=True))
    speed.plot(
        hours[1:],
        np.diff(rows["steps"]) / np.diff(rows["seconds"]),
        ".",
        markersize=3,
        color=BLUE,
    )
    speed.set_ylabel("steps a second")
    for axis in (memory, counts, speed):
        axis.set_xlabel("hours of training")
        axis.set_ylim(0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.92")
        axis.set_axisbelow(True)
    figure.savefig(path)
    print(path)


def sum_up(rows):
    """What changed after the first tenth of the time."""
    rows = settled(rows)
    hours = rows["seconds"][-1] / 3600
    print(f"\n{rows['steps'][-1]:,.0f} steps in {hours:.2f} hours")
    print_memory(rows)
    for name in ("traces", "files", "threads"):
        low, high = rows[name].min(), rows[name].max()
        print(f"{name}: {low:.0f} to {high:.0f}")


if __name__ == "__main__":
    main()
