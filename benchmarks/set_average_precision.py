"""How long does average precision take on CLEVR's validation set?

```shell
python benchmarks/set_average_precision.py
python benchmarks/set_average_precision.py --plain-images 15000  # 20 minutes
```

15,000 images of 10 predictions each, drawn at random, five thresholds. Times
`SetAveragePrecision` fed batches of 500, and `set_average_precision` in one
call, alternating. Then the definition in plain Python, once, on the first of
the images: it takes quadratic time. Its values must be the same. Writes
`runs/benchmarks/set_average_precision.json`.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import keras
import numpy as np
from harness import measure, report, write_json

from keras_slots.metrics import SetAveragePrecision, set_average_precision
from keras_slots.property_layout import PropertyLayout

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.set_average_precision_reference import average_precision

THRESHOLDS = (math.inf, 1, 0.5, 0.25, 0.125)
NUM_IMAGES = 15_000
NUM_SLOTS = 10
BATCH_SIZE = 500


def main():
    """Times the three ways and prints them."""
    options = parse_options()
    y_true, y_pred = draw_sets(np.random.default_rng(0))
    metric = SetAveragePrecision(THRESHOLDS)

    def streamed():
        metric.reset_state()
        for start in range(0, NUM_IMAGES, BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            metric.update_state(y_true[part], y_pred[part])
        return [float(value) for value in metric.result().values()]

    def at_once(num_images=NUM_IMAGES):
        values = set_average_precision(
            y_true[:num_images], y_pred[:num_images], THRESHOLDS
        )
        return keras.ops.convert_to_numpy(values)

    print("AP in %:", *(f"{100 * value:.1f}" for value in streamed()))
    forms = {"one call": at_once, f"batches of {BATCH_SIZE}": streamed}
    times = measure(forms, options.rounds)
    what = f"average precision of {NUM_IMAGES:,} images, five thresholds"
    results = {what: report(what, times, "one call")}
    results["plain Python"] = compare_with_python(
        y_true[: options.plain_images], y_pred[: options.plain_images], at_once
    )
    write_json(Path("runs/benchmarks/set_average_precision.json"), results)


def parse_options():
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--plain-images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=12)
    return parser.parse_args()


def compare_with_python(y_true, y_pred, at_once):
    """Seconds of both on the same images, and their ratio."""
    at_once(len(y_true))
    fast, values = timed(lambda: at_once(len(y_true)))
    sets = y_true.tolist(), y_pred.tolist()
    slow, expected = timed(
        lambda: [average_precision(*sets, value) for value in THRESHOLDS]
    )
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    print(
        f"\nfirst {len(y_true):,} images, in one call: {fast:.3f} s; "
        f"in plain Python: {slow:.1f} s, {slow / fast:.0f} times longer"
    )
    return {"images": len(y_true), "fast": fast, "slow": slow}


def draw_sets(rng):
    """Targets of 3 to 10 objects, and noisy predictions of them, shuffled."""
    layout = PropertyLayout()
    y_true = np.zeros((NUM_IMAGES, NUM_SLOTS, layout.num_features), "float32")
    places = layout.columns("coordinates")
    y_true[..., places] = rng.random((NUM_IMAGES, NUM_SLOTS, 3))
    for name, size in zip(
        layout.properties, layout.category_sizes, strict=True
    ):
        classes = rng.integers(0, size, (NUM_IMAGES, NUM_SLOTS))
        y_true[..., layout.columns(name)] = np.eye(size)[classes]
    number = rng.integers(3, NUM_SLOTS + 1, (NUM_IMAGES, 1))
    y_true[..., -1] = np.arange(NUM_SLOTS) < number
    y_true *= y_true[..., -1:]
    noise = rng.normal(0, 0.3, y_true.shape)
    noise[..., places] *= 0.15
    y_pred = (y_true + noise).astype("float32")
    order = np.argsort(rng.random((NUM_IMAGES, NUM_SLOTS)), axis=1)
    return y_true, np.take_along_axis(y_pred, order[..., None], axis=1)


def timed(run):
    """Seconds and result of one run."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
