"""The runs of ablations.py: which there are, where they lie, and how one goes.

A run is one training of one task in one setting with one seed. It has a folder
of its own, `runs/TASK-SETTING-SEED`, that is finished once `metrics.json` is in
it. Settings that change nothing in a task share the run of the first of them.
"""

import dataclasses
import gc
from dataclasses import dataclass
from pathlib import Path

import keras
import run_folder
from ablation_settings import SETTINGS
from ablation_tasks import Task

from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.files import write_json


@dataclass(frozen=True)
class Run:
    """One training."""

    task: Task  # As the settings have it.
    names: tuple[str, ...]  # Of the settings; they differ in nothing.
    seed: int  # Of weights, noise and the order of scenes.
    output: Path  # The folder of all runs.

    @property
    def setting(self):
        """Names the first of its settings."""
        return self.names[0]

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


def make_runs(tasks, settings, seeds, output):
    """Lists the runs in the order of work: seed by seed, and none twice."""
    runs = [
        make_run(task, setting, seed, output)
        for seed in seeds
        for setting in settings
        for task in tasks
    ]
    return list({run.folder: run for run in runs}.values())


def make_run(task, setting, seed, output):
    """Gives the run of a task in a setting, and in all that equal it there."""
    changed = task.changed(SETTINGS[setting])
    equal = [
        name
        for name, other in SETTINGS.items()
        if task.changed(other) == changed
    ]
    return Run(changed, tuple(equal), seed, output)


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

    def score(epoch, logs):
        """Runs before the checkpoint, which keeps the logs."""
        logs |= task.score(model, scenes)

    checkpoint = TrainingCheckpoint(run.folder / "checkpoint.npz")
    checkpoint.fit(
        model,
        batches,
        epochs=task.epochs,
        steps_per_epoch=task.epoch_steps,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=score)],
        verbose=0,
    )
    rows = curve(task, checkpoint.history)
    names = ("loss", *task.scores)
    print(*(f"{name}: {rows[-1][name]:.4f}" for name in names), sep=", ")
    for iterations in SETTINGS[run.setting].test_iterations:
        scores = task.score(model, scenes, iterations)
        scores["test_iterations"] = iterations
        rows.append(rows[task.epochs - 1] | scores)
    write_json(
        run.folder / "metrics.json",
        {
            "settings": run.names,
            "rows": rows,
            "parameters": model.count_params(),
            **run_folder.environment(),
        },
    )
    # It says nothing that the rows do not, and is the larger by far.
    checkpoint.path.unlink()


def curve(task, history):
    """Makes the rows of a learning curve."""
    return [
        {
            "step": row["epoch"] * task.epoch_steps,
            "test_iterations": None,  # As in training.
            "seconds": round(row["seconds"], 1),
            "loss": row["loss"],
            **{name: row[name] for name in task.scores},
        }
        for row in history
    ]
