"""What does a training step of object discovery cost, in time and memory?

Times one step of a preset of the paper in its literal form, in float32, and
with the rewrites, in float32 and in mixed bfloat16, where the decoder keeps
what its gradient needs and where it computes it again, alternating in one
process. Then takes two steps of each form in a process of its own and prints
the most memory that it held beyond what it held before. Writes
`runs/benchmarks/training_step_PRESET.json`.
"""

import argparse
import contextlib
import sys
from pathlib import Path

from benchmarks.literal_forms import literal_forms
from benchmarks.results import BENCHMARKS, write_measured
from benchmarks.running import command_line, run_again
from benchmarks.speed.steps import discovery_step
from benchmarks.timing import compare

# By name: the dtype policy, and what is special.
FORMS = {
    "literal": ("float32", "literal"),
    "float32": ("float32", None),
    "float32-remat": ("float32", "rematerialize"),
    "bfloat16": ("mixed_bfloat16", None),
    "bfloat16-remat": ("mixed_bfloat16", "rematerialize"),
}


def main():
    """Prints time, then memory."""
    parser = command_line(__doc__, batch_size=64, rounds=8)
    parser.add_argument("preset", nargs="?", default="tetrominoes_paper")
    parser.add_argument("--memory-of", choices=FORMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = options.preset, options.batch_size
    if options.memory_of:
        return print(peak_megabytes(options.memory_of, *model))
    what = "training step of {}, batch of {}".format(*model)
    steps = {name: make_step(name, *model) for name in FORMS}
    results = compare(what, steps, "literal", options.rounds)
    for name, numbers in results.items():
        words = *sys.argv[1:], "--memory-of", name
        megabytes = float(run_again(*words, capture=True))
        numbers["peak_megabytes"] = megabytes
        print(f"  {name:14} holds {megabytes:6.0f} MB at most")
    path = BENCHMARKS / f"training_step_{options.preset}.json"
    write_measured(path, {what: results})


def make_step(name, preset, batch_size):
    """Makes a step of training, traced in the form called `name`."""
    policy, special = FORMS[name]
    remat, literal = special == "rematerialize", special == "literal"
    step = discovery_step(preset, batch_size, policy, remat=remat)
    with literal_forms() if literal else contextlib.nullcontext():
        step()
    return step


def peak_megabytes(*form):
    """Takes two steps, and tells what they add to the memory held."""
    before = largest_resident()
    make_step(*form)()
    return largest_resident() - before


def largest_resident():
    """Reads the most megabytes so far, as Linux tells of this program alone."""
    status = Path("/proc/self/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
