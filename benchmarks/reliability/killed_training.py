"""Does a training that is killed again and again end as if it had not been?

Runs `examples/object_discovery.py` twice, with the paper's model, whose slots
start from noise: once undisturbed, and once killed by SIGKILL at 20 random
moments, each time started again with the same command. One thread and
deterministic operations, so that equal means equal bit for bit. Compares the
learning curves, every weight, the state of the optimizer and of the noise, the
scores of the trained models, and looks for unfinished files. Writes both runs,
`kills.csv` and `kills.png` to `runs/killed_training`. Exits with an error if
anything differs.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from operator import eq
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.running import EXAMPLES, command_line
from keras_slots.files import UNFINISHED, write_rows

OUTPUT = Path("runs/killed_training")
WHOLE, KILLED = OUTPUT / "whole", OUTPUT / "killed"
EPOCH_STEPS = 10
SETTINGS = "--preset tetrominoes_paper --batch-size 4 "
SETTINGS += "--epoch-steps 10 --train-scenes 64 --eval-scenes 16"
# What TensorFlow reads when it starts.
BIT_FOR_BIT = {
    "TF_DETERMINISTIC_OPS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
# Where the clock shows; equal runs may differ in these.
TIMES = ("seconds", "machine")


def main():
    """Runs twice, compares, draws and sums up."""
    options = command_line(__doc__, kills=20, epochs=100).parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    start = time.monotonic()
    finish(WHOLE, options.epochs)
    seconds = time.monotonic() - start
    print(f"undisturbed: {options.epochs} epochs in {seconds:.0f} s")
    chance = random.Random(0)
    kills = [
        # Long enough for some epochs, short enough to hit the start, too.
        kill_after(chance.uniform(0, 0.13 * seconds), options.epochs)
        for _ in range(options.kills)
    ]
    write_rows(OUTPUT / "kills.csv", kills)
    finish(KILLED, options.epochs)
    draw(kills)
    sys.exit(compare(kills))


def start_training(folder, epochs):
    """Starts a process of the example, with a log of its own."""
    words = ["--steps", str(epochs * EPOCH_STEPS), "--output", folder]
    command = [sys.executable, EXAMPLES / "object_discovery.py", *words]
    with open(folder.with_suffix(".log"), "a") as log:
        return subprocess.Popen(
            [*command, *SETTINGS.split()],
            stdout=log,
            stderr=log,
            env=os.environ | BIT_FOR_BIT,
        )


def finish(folder, epochs):
    """Runs the example to its end."""
    if start_training(folder, epochs).wait():
        raise SystemExit(f"It failed: see {folder.with_suffix('.log')}")


def kill_after(seconds, epochs):
    """Starts the example, kills it, and tells where that found it."""
    process = start_training(KILLED, epochs)
    time.sleep(seconds)
    if process.poll() is not None:
        raise SystemExit(
            "The training ended before it could be killed; give it more "
            f"epochs. Received: --epochs {epochs}"
        )
    process.kill()
    process.wait()
    steps, left = steps_done(), " ".join(unfinished())
    print(
        f"killed after {seconds:5.1f} s, at step {steps:4} of "
        f"{epochs * EPOCH_STEPS}  {left}"
    )
    return {"seconds": round(seconds, 2), "steps": steps, "left": left}


def steps_done():
    """Reads the steps of the last checkpoint."""
    path = KILLED / "checkpoint.npz"
    if not path.exists():
        return 0
    return len(json.loads(str(np.load(path)["history"]))) * EPOCH_STEPS


def unfinished():
    """Names what a kill left half-written."""
    endings = (".unfinished", UNFINISHED)
    return sorted(x.name for x in KILLED.glob("*") if x.suffix in endings)


def read_run(folder):
    """Reads curve, state and scores of a run, without the clock."""
    rows = results.read_rows(folder / "history.csv")
    arrays = dict(np.load(folder / "checkpoint.npz"))
    del arrays["history"]
    state = [array.tobytes() for array in arrays.values()]
    scores = results.read_json(folder / "metrics.json")
    return list(map(without_times, rows)), state, without_times(scores)


def without_times(values):
    """Leaves out where the clock shows."""
    return {name: x for name, x in values.items() if name not in TIMES}


def compare(kills):
    """Prints what is equal; gives the number of what is not."""
    whole, killed = read_run(WHOLE), read_run(KILLED)
    curves, states, scores = map(eq, whole, killed)
    found = {
        f"learning curve of {len(whole[0])} epochs equal": curves,
        f"{len(whole[1])} weights and states, noise included, equal": states,
        "scores of the trained model equal": scores,
        "no unfinished file left": not unfinished(),
    }
    print(f"\n{len(kills)} kills survived")
    for what, holds in found.items():
        print(f"  {what}: {'yes' if holds else 'NO'}")
    return list(found.values()).count(False)


def draw(kills):
    """Draws both learning curves, and where the second was killed."""
    figure, (axis,) = results.new_figure(7, 3.6)
    for kill in kills:
        line = axis.axvline(kill["steps"], color=results.RED, linewidth=0.8)
    line.set_label(f"killed, {len(kills)} times")
    for folder, color, width, name in (
        (WHOLE, "0.75", 5, "undisturbed"),
        (KILLED, results.BLUE, 1.5, "killed, resumed"),
    ):
        rows = results.read_rows(folder / "history.csv")
        steps = [int(row["step"]) for row in rows]
        losses = [float(row["loss"]) for row in rows]
        axis.plot(steps, losses, color=color, linewidth=width, label=name)
    axis.set(xlabel="step", ylabel="loss")
    axis.legend(frameon=False)
    results.save_figure(figure, OUTPUT / "kills.png")


if __name__ == "__main__":
    main()
