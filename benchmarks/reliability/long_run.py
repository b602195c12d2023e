"""Does a training that runs for hours keep its memory and its graphs?

Trains `multi_dsprites` with all that a long training has beside its steps: a
pipeline that draws new scenes as it goes, validation with four metrics, a
checkpoint, a diagnosis and pictures for TensorBoard at the end of every epoch.
Ten seconds apart, it notes memory, open files and threads, and how often Python
went through a step, which it does once for every graph that TensorFlow traces.

Writes to `runs/long_run`: `process.csv`, row by row while it runs, and
`process.png`. Prints how memory changed after the first tenth of the time, when
everything had been done once: the slope of Theil and Sen, with a 95 % interval.
"""

import time
from pathlib import Path

import keras
import numpy as np

from benchmarks import results
from benchmarks.reliability import process_samples
from benchmarks.running import command_line
from keras_slots import callbacks, metrics
from keras_slots.datasets import multi_dsprites
from keras_slots.models import ObjectDiscovery, get_preset

PRESET = get_preset("multi_dsprites")
EPOCH_STEPS = 200
SAMPLE_SECONDS = 10
OUTPUT = Path("runs/long_run")


def main():
    """Trains for so long, draws and sums up."""
    minutes = command_line(__doc__, minutes=120.0).parse_args().minutes
    OUTPUT.mkdir(parents=True, exist_ok=True)
    watch, path = Watch(minutes), OUTPUT / "process.csv"
    with process_samples.noting(path, SAMPLE_SECONDS, watch.counts):
        train(watch)
    rows = process_samples.read_samples(path)
    draw(rows)
    sum_up(process_samples.settled(rows))


class TracedModel(ObjectDiscovery):
    """Counts how often Python goes through a step."""

    traces = 0

    def train_step(self, *data):
        TracedModel.traces += 1
        return super().train_step(*data)

    def test_step(self, *data):
        TracedModel.traces += 1
        return super().test_step(*data)


class Watch(keras.callbacks.Callback):
    """Counts the steps of a training, and ends it in time."""

    def __init__(self, minutes):
        super().__init__()
        self.steps, self.end = 0, time.monotonic() + 60 * minutes

    def counts(self):
        """Gives what is noted beside the process."""
        return {"steps": self.steps, "traces": TracedModel.traces}

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.model.stop_training = time.monotonic() > self.end


def train(watch):
    """Trains as people do, until the watch ends it."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    train_scenes = multi_dsprites("train", PRESET.batch_size)
    validation = multi_dsprites("validation", PRESET.batch_size, 160)
    shown, mask = next(iter(validation.rebatch(4)))
    model = TracedModel.from_preset("multi_dsprites", load_weights=False)
    scores = [
        metrics.AdjustedRandIndex(),
        metrics.AdjustedRandIndex(ignore_background=False, name="ari"),
        metrics.MeanBestOverlap(),
        metrics.MaskIoU(),
    ]
    model.compile(PRESET.make_optimizer(), metrics=scores)
    model.fit(
        train_scenes.map(lambda image, mask: image).repeat(),
        steps_per_epoch=EPOCH_STEPS,
        epochs=10**6,
        validation_data=validation,
        callbacks=[
            watch,
            callbacks.TrainingCheckpoint(OUTPUT / "checkpoint.npz"),
            callbacks.SlotDiagnosis(validation),
            callbacks.SlotPictures(shown, OUTPUT / "pictures", mask=mask),
        ],
        shuffle=False,
        verbose=2,
    )


def draw(rows):
    """Draws memory, files and threads, and speed, over the hours."""
    hours = rows["seconds"] / 3600
    figure, axes = results.new_figure(10, 3.4, columns=3)
    memory, counts, speed = axes
    memory.plot(hours, rows["megabytes"], color=results.BLUE)
    memory.set_ylabel("resident memory in MB")
    colors = {"files": results.RED, "threads": results.GREEN, "traces": "0.2"}
    for name, color in colors.items():
        counts.plot(hours, rows[name], color=color, label=name)
    counts.set_ylabel("number of")
    counts.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.46))
    rate = np.diff(rows["steps"]) / np.diff(rows["seconds"])
    speed.plot(hours[1:], rate, ".", markersize=3, color=results.BLUE)
    speed.set_ylabel("steps a second")
    for axis in axes:
        axis.set_xlabel("hours of training")
        axis.set_ylim(0)
    results.save_figure(figure, OUTPUT / "process.png")


def sum_up(rows):
    """Prints what changed after the first tenth of the time."""
    hours = rows["seconds"][-1] / 3600
    print(f"\n{rows['steps'][-1]:,.0f} steps in {hours:.2f} hours")
    process_samples.print_memory(rows)
    for name in ("traces", "files", "threads"):
        low, high = rows[name].min(), rows[name].max()
        print(f"{name}: {low:.0f} to {high:.0f}")


if __name__ == "__main__":
    main()
