"""The runs of ablations.py: which there are, where they lie, and how one goes.

A run is one training of one task in one setting with one seed. It has a folder
of its own, `runs/TASK-SETTING-SEED`, that is finished once `metrics.json` is in
it. Settings that change nothing in a task share the run of the first of them.
"""

import dataclasses
import gc
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import run_folder
from ablation_settings import SETTINGS
from ablation_tasks import Task

from keras_slots.callbacks import TrainingCheckpoint


@dataclass(frozen=True)
class Run:
    """One training."""

    task: Task  # As the setting has it.
    setting: str
    seed: int  # Of weights, noise and the order of scenes.
    output: Path  # The folder of all runs.

    @property
    def folder(self):
        """Names the folder of the run's files."""
        name = f"{self.task.name}-{self.setting}-{self.seed}"
        return self.output / "runs" / name

    @property
    def finished(self):
        """Tells whether it ran to its end."""
        return (self.folder / "metrics.json").exists()

    def settings(self):
        """Collects all that decides the result, as a JSON file holds it."""
        return run_folder.as_json(
            {
                "setting": self.setting,
                "seed": self.seed,
                "task": self.task.name,
                "test_iterations": SETTINGS[self.setting].test_iterations,
                **dataclasses.asdict(self.task),
            }
        )

    def rows(self):
        """Reads what it scored: a dict for each step scored at."""
        metrics = json.loads((self.folder / "metrics.json").read_text())
        return metrics["rows"]


def make_run(task, setting, seed, output):
    """Gives the run of a task in a setting, or in an equal earlier one."""
    changed = task.changed(SETTINGS[setting])
    setting = next(
        name
        for name, other in SETTINGS.items()
        if task.changed(other) == changed
    )
    return Run(changed, setting, seed, output)


def make_runs(tasks, settings, seeds, output):
    """Gives the runs by folder, in the order of work: seed by seed."""
    runs = [
        make_run(task, setting, seed, output)
        for seed in seeds
        for setting in settings
        for task in tasks
    ]
    return {run.folder: run for run in runs}


def check(run):
    """Exits if the folder of a run holds one with other settings."""
    changed = run_folder.changed_settings(run.folder, run.settings())
    if changed:
        raise SystemExit(
            f"The folder {run.folder} holds a run with other settings "
            f"({', '.join(changed)}). Name another folder with --output. "
            f"Received: --output {run.output}"
        )


def train(run, cache, data_dir):
    """Trains from the last checkpoint on, scores, and leaves metrics.json."""
    run_folder.claim(run.folder, run.settings())
    # What the runs before left behind would only slow this one down.
    keras.utils.clear_session()
    gc.collect()
    keras.utils.set_random_seed(run.seed)
    task = run.task
    batches, scenes = task.open_scenes(cache, data_dir)
    model = task.make_model()
    checkpoint = TrainingCheckpoint(run.folder / "checkpoint.npz")
    checkpoint.fit(
        model,
        batches,
        epochs=task.epochs,
        steps_per_epoch=task.epoch_steps,
        callbacks=[Scores(task, scenes)],
        verbose=0,
    )
    rows = curve(run, checkpoint.history)
    print(
        *(f"{k}: {rows[-1][k]:.4f}" for k in ("loss", *task.scores)), sep=", "
    )
    for iterations in SETTINGS[run.setting].test_iterations:
        scores = task.score(model, scenes, iterations)
        rows.append({**rows[task.epochs - 1], **scores})
        rows[-1]["test_iterations"] = iterations
    run_folder.write_json(
        run.folder / "metrics.json",
        {
            "rows": rows,
            "parameters": model.count_params(),
            **run_folder.environment(),
        },
    )
    # It says nothing that the rows do not, and is the larger by far.
    checkpoint.path.unlink()


class Scores(keras.callbacks.Callback):
    """Scores every epoch; runs before the checkpoint, which keeps the logs."""

    def __init__(self, task, scenes):
        super().__init__()
        self.task, self.scenes = task, scenes

    def on_epoch_end(self, epoch, logs=None):
        logs |= self.task.score(self.model, self.scenes)


def curve(run, history):
    """Makes the rows of a learning curve."""
    return [
        {
            "step": row["epoch"] * run.task.epoch_steps,
            "test_iterations": None,  # As in training.
            "seconds": round(row["seconds"], 1),
            "loss": row["loss"],
            **{name: row[name] for name in run.task.scores},
        }
        for row in history
    ]
