"""What does a training step of object discovery cost, in time and memory?

Times one step of a preset of the paper in its literal form, in float32, and
with the rewrites, in float32 and in mixed bfloat16, where the decoder keeps
what its gradient needs and where it computes it again, alternating in one
process. Then takes two steps of each form in a process of its own and prints
the most memory that it held beyond what it held before. Writes
`runs/benchmarks/training_step_PRESET.json`.
"""

from pathlib import Path

from benchmarks.results import BENCHMARKS, write_measured
from benchmarks.running import command_line, in_own_process
from benchmarks.speed.steps import discovery_step
from benchmarks.timing import compare

FORMS = {
    "literal": {"form": "literal"},
    "float32": {"form": "float32"},
    "float32-remat": {"form": "float32", "remat": True},
    "bfloat16": {"form": "mixed_bfloat16"},
    "bfloat16-remat": {"form": "mixed_bfloat16", "remat": True},
}


def main():
    """Prints time, then memory."""
    parser = command_line(__doc__, batch_size=64, rounds=8)
    parser.add_argument("preset", nargs="?", default="tetrominoes_paper")
    options = parser.parse_args()
    model = options.preset, options.batch_size
    what = "training step of {}, batch of {}".format(*model)
    steps = {name: discovery_step(*model, **FORMS[name]) for name in FORMS}
    results = compare(what, steps, "literal", options.rounds)
    for name, numbers in results.items():
        megabytes = in_own_process(peak_megabytes, name, *model)
        numbers["peak_megabytes"] = megabytes
        print(f"  {name:14} holds {megabytes:6.0f} MB at most")
    path = BENCHMARKS / f"training_step_{options.preset}.json"
    write_measured(path, {what: results})


def peak_megabytes(name, *model):
    """Takes two steps, and tells what they add to the memory held."""
    before = largest_resident()
    step = discovery_step(*model, **FORMS[name])
    step()
    step()
    return largest_resident() - before


def largest_resident():
    """Reads the most megabytes so far, as Linux tells of this program alone."""
    status = Path("/proc/self/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
