"""How many cases a property is tried on, and which ones.

By default the same few cases every time; with `KERAS_SLOTS_CASES=all`, as in
`.ci/run`, twice as many. With `KERAS_SLOTS_CASES=10000` so many over all
properties, new ones every time; the first lines of the report say the seed,
which `KERAS_SLOTS_SEED` takes to repeat them.
"""

import functools
import math
import os
import random
from collections import Counter

import hypothesis
import keras

ASKED = os.environ.get("KERAS_SLOTS_CASES", "half")
# "all" are at least so many: the report counts them.
FEWEST = 340
LONG = 0 if ASKED in ("half", "all") else int(ASKED)
FACTOR = 0.5 if ASKED == "half" else max(1, math.ceil(LONG / FEWEST))
SEED = int(os.environ.get("KERAS_SLOTS_SEED", random.randrange(2**32)))
DRAWN: Counter[str] = Counter()

_CHECKS = hypothesis.HealthCheck


def cases(number, **strategies):
    """Runs a test with `number` random cases, drawn from `strategies`."""

    def decorate(test):
        file = test.__module__.rpartition(".")[2]
        name = f"{file.removeprefix('test_')}: {test.__name__}"

        @functools.wraps(test)
        def counted(**drawn):
            DRAWN[name] += 1
            # For what has no seed: weights.
            keras.utils.set_random_seed(0)
            test(**drawn)

        counted = hypothesis.given(**strategies)(counted)
        if LONG:
            counted = hypothesis.seed(SEED)(counted)
        return hypothesis.settings(
            max_examples=max(2, math.ceil(number * FACTOR)),
            deadline=None,  # What is slow is a machine, not a property.
            derandomize=not LONG,
            database=None,
            suppress_health_check=[
                _CHECKS.too_slow,
                _CHECKS.data_too_large,
                _CHECKS.large_base_example,
                _CHECKS.function_scoped_fixture,
            ],
        )(counted)

    return decorate
