"""Does a training that is killed again and again end as if it had not been?

```shell
python benchmarks/killed_training.py
```

Runs `examples/object_discovery.py` twice, with the paper's model, whose slots
start from noise: once undisturbed, and once killed by SIGKILL at 20 random
moments, each time started again with the same command. One thread and
deterministic operations, so that equal means equal bit for bit. Compares the
learning curves, every weight, the state of the optimizer and of the noise, the
scores of the trained models, and looks for unfinished files.

Writes to `runs/killed_training`: both runs, `kills.csv` and `kills.png`. Exits
with an error if anything differs.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from csv_rows import read_rows, write_rows
from examples_folder import EXAMPLES
from matplotlib.figure import Figure
from palette import BLUE, RED

EPOCH_STEPS = 10
SETTINGS = {
    "--preset": "tetrominoes_paper",
    "--batch-size": 4,
    "--epoch-steps": EPOCH_STEPS,
    "--train-scenes": 64,
    "--eval-scenes": 16,
}
# Read by TensorFlow when it starts.
BIT_FOR_BIT = {
    "TF_DETERMINISTIC_OPS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
# Where the clock shows; equal runs may differ in these.
TIMES = ("seconds", "machine")
SEED = 0


def main():
    """Runs twice, compares, draws and sums up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument(
        "--output", type=Path, default=Path("runs/killed_training")
    )
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    whole, killed = options.output / "whole", options.output / "killed"
    start = time.monotonic()
    finish(whole, options.epochs)
    seconds = time.monotonic() - start
    print(f"undisturbed: {options.epochs} epochs in {seconds:.0f} s")
    chance = random.Random(SEED)
    kills = [
        # Long enough for some epochs, short enough to hit the start, too.
        kill_after(chance.uniform(0, 0.13 * seconds), killed, options.epochs)
        for _ in range(options.kills)
    ]
    write_rows(options.output / "kills.csv", kills)
    finish(killed, options.epochs)
    draw(whole, killed, kills, options.output / "kills.png")
    sys.exit(compare(whole, killed, kills))


def start_training(folder, epochs):
    """A process of the example, in a log of its own."""
    settings = {**SETTINGS, "--steps": epochs * EPOCH_STEPS}
    words = [str(word) for pair in settings.items() for word in pair]
    example = EXAMPLES / "object_discovery.py"
    with open(folder.with_suffix(".log"), "a") as log:
        return subprocess.Popen(
            [sys.executable, example, *words, "--output", folder],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **BIT_FOR_BIT},
        )


def finish(folder, epochs):
    """Runs the example to its end."""
    process = start_training(folder, epochs)
    if process.wait():
        raise SystemExit(f"It failed: see {folder.with_suffix('.log')}")


def kill_after(seconds, folder, epochs):
    """Starts the example, kills it, and tells where that found it."""
    process = start_training(folder, epochs)
    time.sleep(seconds)
    if process.poll() is not None:
        raise SystemExit(
            "The training ended before it could be killed; give it more "
            f"epochs. Received: --epochs {epochs}"
        )
    process.kill()
    process.wait()
    left = sorted(path.name for path in folder.glob("*unfinished*"))
    kill = {
        "seconds": round(seconds, 2),
        "steps": steps_done(folder),
        "left": " ".join(left),
    }
    print(
        f"killed after {seconds:5.1f} s, at step {kill['steps']:4} of "
        f"{epochs * EPOCH_STEPS}  {kill['left']}"
    )
    return kill


def steps_done(folder):
    """Steps of the last checkpoint."""
    if not (folder / "checkpoint.npz").exists():
        return 0
    with np.load(folder / "checkpoint.npz") as arrays:
        return len(json.loads(str(arrays["history"]))) * EPOCH_STEPS


def read_history(folder):
    """The learning curve as it stands in the file, without the clock."""
    rows = read_rows(folder / "history.csv")
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def read_state(folder):
    """Weights, optimizer and seed generators of the last checkpoint."""
    with np.load(folder / "checkpoint.npz") as arrays:
        return [arrays[name] for name in arrays.files if name != "history"]


def read_scores(folder):
    """Everything that was measured, without the clock."""
    metrics = json.loads((folder / "metrics.json").read_text())
    return {k: v for k, v in metrics.items() if k not in TIMES}


def compare(whole, killed, kills):
    """Prints what is equal; gives the number of what is not."""
    curves = read_history(whole) == read_history(killed)
    states = read_state(whole), read_state(killed)
    equal = [
        one.tobytes() == other.tobytes()
        for one, other in zip(*states, strict=True)
    ]
    left = list(killed.glob("*unfinished*"))
    scores = read_scores(whole) == read_scores(killed)
    found = {
        f"learning curve of {len(read_history(whole))} epochs equal": curves,
        f"{len(equal)} weights and states, noise included, equal": all(equal),
        "scores of the trained model equal": scores,
        "no unfinished file left": not left,
    }
    print(f"\n{len(kills)} kills survived")
    for what, holds in found.items():
        print(f"  {what}: {'yes' if holds else 'NO'}")
    return sum(not holds for holds in found.values())


def draw(whole, killed, kills, path):
    """Both learning curves, and where the second was killed."""
    figure = Figure(figsize=(7, 3.6), dpi=150, layout="constrained")
    axis = figure.subplots()
    for kill in kills:
        line = axis.axvline(kill["steps"], color=RED, linewidth=0.8)
    line.set_label(f"killed, {len(kills)} times")
    for folder, style, name in (
        (whole, {"color": "0.75", "linewidth": 5}, "undisturbed"),
        (killed, {"color": BLUE, "linewidth": 1.5}, "killed, resumed"),
    ):
        rows = read_history(folder)
        axis.plot(
            [int(row["step"]) for row in rows],
            [float(row["loss"]) for row in rows],
            label=name,
            **style,
        )
    axis.set_xlabel("step")
    axis.set_ylabel("loss")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    figure.savefig(path)
    print(path)


if __name__ == "__main__":
    main()
