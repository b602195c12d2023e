"""What do the dtype policies cost on a processor, with XLA and without?

```shell
python benchmarks/policies.py  # 2 minutes, nearly all of it in float16
```

Trains `tetrominoes` for three steps under each policy and prints the
losses, which must agree to the policy's precision; then times a step of each,
alternating.
"""

import argparse

from discovery_step import discovery_step
from harness import measure, report

from keras_slots.models import get_preset

PRESET = "tetrominoes"
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def main():
    """Losses, then times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    batch_size = get_preset(PRESET).batch_size
    steps = {
        f"{policy}{', XLA' if jit else ''}": discovery_step(
            PRESET, batch_size, policy, jit
        )
        for policy in POLICIES
        for jit in (False, True)
    }
    for name, step in steps.items():
        losses = [step() for _ in range(3)]
        print(f"{name:20}", *(f"{loss:.4f}" for loss in losses))
    what = f"training step of {PRESET}, batch of {batch_size}"
    report(what, measure(steps, options.rounds), "float32")


if __name__ == "__main__":
    main()
