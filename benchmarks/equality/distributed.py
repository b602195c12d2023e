"""Does training on many devices make the steps of training on one?

Runs `examples/distributed_training.py` in every configuration, from one seed,
on the same global batches, and prints the loss of every step, how far it is
from that of a single device at most, and the time of a step after the first.
Backends draw other weights from a seed, so each is compared with itself; JAX
is left out where it is not installed. Options that are not named here are
handed on to the example: `--preset tetrominoes_paper` has slots that are drawn,
`--records FOLDER` takes sharded files.

Every training has `--timeout` seconds, and is ended then.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks.results import print_table, read_rows
from benchmarks.running import EXAMPLES, command_line

SCRIPT = EXAMPLES / "distributed_training.py"
# Backend, strategy, processes, and devices of each.
CONFIGURATIONS = (
    ("tensorflow", "single", 1, 1),
    ("tensorflow", "mirrored", 1, 2),
    ("tensorflow", "mirrored", 1, 4),
    ("tensorflow", "multi_worker", 2, 1),
    ("jax", "single", 1, 1),
    ("jax", "jax_data_parallel", 1, 2),
    ("jax", "jax_data_parallel", 2, 1),
)


def main():
    """Trains in every configuration, then prints a table."""
    output = Path("runs", "distributed_benchmark")
    parser = command_line(__doc__, steps=8, timeout=600.0, output=output)
    backends = ["tensorflow", "jax"]
    parser.add_argument("--backends", nargs="+", default=backends)
    options, rest = parser.parse_known_args()
    if options.steps < 2:
        parser.error(f"--steps must be 2 or more. Received: {options.steps}")
    found = [name for name in options.backends if find_spec(name)]
    for name in set(options.backends) - set(found):
        print(f"{name} is not installed, and left out.")
    results = {
        configuration: run(*configuration, options, rest)
        for configuration in CONFIGURATIONS
        if configuration[0] in found
    }
    print_losses(results, options.steps)


def run(backend, strategy, workers, devices, options, rest):
    """Trains once; gives the rows of its history, a step to each."""
    name = f"{backend}_{strategy}_{workers}x{devices}"
    folder = options.output / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint.npz").unlink(missing_ok=True)  # Start anew.
    print(f"{name} ...", flush=True)
    words = ["--strategy", strategy, "--workers", workers, "--devices", devices]
    # The logs of an epoch of one step are those of the step.
    words += ["--epoch-steps", 1, "--epochs", options.steps, "--output", folder]
    path = folder / "output.txt"
    with (
        open(path, "w") as output,
        subprocess.Popen(
            [sys.executable, SCRIPT, *map(str, words), *rest],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            code = process.wait(options.timeout)
        except subprocess.TimeoutExpired:
            code = f"none in {options.timeout:g} seconds"
        finally:
            process.terminate()  # It ends its own.
    if code != 0:
        lines = path.read_text().splitlines()[-20:]
        raise SystemExit("\n".join([f"{name}: exit code {code}", *lines]))
    return read_rows(folder / "history.csv")


def print_losses(results, steps):
    """Prints losses, distances from the single device's, and times."""
    single, table = {}, []
    for (backend, strategy, workers, devices), rows in results.items():
        losses = [float(row["loss"]) for row in rows]
        reference = single.setdefault(backend, losses)
        pairs = zip(losses, reference, strict=True)
        difference = max(abs(a - b) / b for a, b in pairs)
        shown = (losses[0], losses[steps // 2 - 1], losses[-1])
        spent = float(rows[-1]["seconds"]) - float(rows[0]["seconds"])
        where = [backend, strategy, f"{workers} x {devices}"]
        shown = ", ".join(f"{loss:.6f}" for loss in shown)
        far = "" if reference is losses else f"{difference:.1e}"
        table.append([*where, shown, far, f"{1e3 * spent / (steps - 1):.0f}"])
    header = ["backend", "strategy", "processes x devices"]
    header += [f"loss at step 1, {steps // 2}, {steps}"]
    print()
    print_table([*header, "largest difference", "ms"], table)


if __name__ == "__main__":
    main()
