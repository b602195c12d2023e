"""What do the dtype policies cost on a processor, with XLA and without?

Trains `tetrominoes` for three steps under each policy and prints the losses,
which must agree to the policy's precision; then times a step of each,
alternating.
"""

from benchmarks.running import command_line
from benchmarks.speed.steps import discovery_step
from benchmarks.timing import compare
from keras_slots.models import get_preset

PRESET = "tetrominoes"
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def main():
    """Prints losses, then times."""
    rounds = command_line(__doc__, rounds=6).parse_args().rounds
    batch_size = get_preset(PRESET).batch_size
    steps = {
        policy + ending: discovery_step(PRESET, batch_size, policy, jit)
        for policy in POLICIES
        for ending, jit in (("", False), (", XLA", True))
    }
    for name, step in steps.items():
        print(f"{name:20}", *(f"{step():.4f}" for _ in range(3)))
    what = f"training step of {PRESET}, batch of {batch_size}"
    compare(what, steps, "float32", rounds)


if __name__ == "__main__":
    main()
