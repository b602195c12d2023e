"""What does a training step of object discovery cost, in time and memory?

```shell
python benchmarks/training_step.py                     # Tetrominoes, batch 64
python benchmarks/training_step.py multi_dsprites_paper --batch-size 64
python benchmarks/training_step.py clevr6 --batch-size 8
```

Times one step of a preset of the paper in its literal form, in float32, and
with the rewrites, in float32 and in mixed bfloat16, where the decoder keeps
what its gradient needs and where it computes it again, alternating in one
process. Then takes two steps of each form in a process of its own and prints
the most memory that it held beyond what it held before. Writes
`runs/benchmarks/training_step_PRESET.json`.
"""

import argparse
import contextlib
import subprocess
import sys
from pathlib import Path

from discovery_step import discovery_step
from harness import measure, report, write_json
from literal_forms import literal_forms

# By name: the dtype policy, and what is special.
FORMS = {
    "literal": ("float32", "literal"),
    "float32": ("float32", None),
    "float32-remat": ("float32", "rematerialize"),
    "bfloat16": ("mixed_bfloat16", None),
    "bfloat16-remat": ("mixed_bfloat16", "rematerialize"),
}


def main():
    """Time, then memory."""
    options = parse_options()
    if options.memory_of:
        print(peak_megabytes(options))
        return
    steps = {name: make_step(options, name) for name in FORMS}
    times = measure(steps, options.rounds)
    what = f"training step of {options.preset}, batch of {options.batch_size}"
    results = {what: report(what, times, "literal")}
    for name in FORMS:
        megabytes = memory_in_process_of_its_own(name)
        results[what][name]["peak_megabytes"] = megabytes
        print(f"  {name:14} holds {megabytes:6.0f} MB at most")
    name = f"training_step_{options.preset}.json"
    write_json(Path("runs/benchmarks") / name, results)


def parse_options():
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("preset", nargs="?", default="tetrominoes_paper")
    add("--batch-size", type=int, default=64)
    add("--rounds", type=int, default=8)
    add("--memory-of", choices=FORMS, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_step(options, name):
    """A step of training, traced in the form called `name`."""
    policy, special = FORMS[name]
    step = discovery_step(
        options.preset,
        options.batch_size,
        policy,
        remat=special == "rematerialize",
    )
    literal = special == "literal"
    with literal_forms() if literal else contextlib.nullcontext():
        step()
    return step


def peak_megabytes(options):
    """What steps of a form add to the memory of this process."""
    before = largest_resident()
    make_step(options, options.memory_of)()
    return largest_resident() - before


def largest_resident():
    """Megabytes, the most so far, as Linux tells of this program alone."""
    status = Path("/proc/self/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def memory_in_process_of_its_own(name):
    """Runs this script for one form."""
    command = [sys.executable, *sys.argv, "--memory-of", name]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return float(result.stdout)


if __name__ == "__main__":
    main()
