"""How long does average precision take on CLEVR's validation set?

15,000 images of 10 predictions each, drawn at random, five thresholds. Times
`SetAveragePrecision` fed batches of 500, and `set_average_precision` in one
call, alternating. Then the definition in plain Python, once, on the first of
the images: it takes quadratic time. Its values must be the same. Writes
`runs/benchmarks/set_average_precision.json`.
"""

import math
import time

import keras
import numpy as np

from benchmarks.results import BENCHMARKS, write_measured
from benchmarks.running import command_line
from benchmarks.timing import compare
from keras_slots.metrics import SetAveragePrecision, set_average_precision
from keras_slots.property_layout import PropertyLayout
from tests.set_average_precision_reference import average_precision

THRESHOLDS = (math.inf, 1, 0.5, 0.25, 0.125)
NUM_IMAGES = 15_000
NUM_SLOTS = 10
BATCH_SIZE = 500
ROUNDS = 12


def main():
    """Times the three ways and prints them."""
    options = command_line(__doc__, plain_images=500).parse_args()
    y_true, y_pred = draw_sets(np.random.default_rng(0))
    metric = SetAveragePrecision(THRESHOLDS)

    def streamed():
        metric.reset_state()
        for start in range(0, NUM_IMAGES, BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            metric.update_state(y_true[part], y_pred[part])
        return [float(value) for value in metric.result().values()]

    print("AP in %:", *(f"{100 * value:.1f}" for value in streamed()))
    what = f"average precision of {NUM_IMAGES:,} images, five thresholds"
    forms = {
        "one call": lambda: at_once(y_true, y_pred),
        f"batches of {BATCH_SIZE}": streamed,
    }
    results = {what: compare(what, forms, "one call", ROUNDS)}
    first = slice(options.plain_images)
    results["plain Python"] = compare_with_python(y_true[first], y_pred[first])
    write_measured(BENCHMARKS / "set_average_precision.json", results)


def at_once(y_true, y_pred):
    """Computes all of it in one call."""
    values = set_average_precision(y_true, y_pred, THRESHOLDS)
    return keras.ops.convert_to_numpy(values)


def compare_with_python(y_true, y_pred):
    """Gives seconds of both on the same images; prints their ratio."""
    values = at_once(y_true, y_pred)  # The first call is slower.
    sets = y_true.tolist(), y_pred.tolist()
    start = time.perf_counter()
    at_once(y_true, y_pred)
    middle = time.perf_counter()
    expected = [average_precision(*sets, value) for value in THRESHOLDS]
    fast, slow = middle - start, time.perf_counter() - middle
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    print(
        f"\nfirst {len(y_true):,} images, in one call: {fast:.3f} s; "
        f"in plain Python: {slow:.1f} s, {slow / fast:.0f} times longer"
    )
    return {"images": len(y_true), "fast": fast, "slow": slow}


def draw_sets(rng):
    """Draws targets of 3 to 10 objects, and noisy predictions, shuffled."""
    layout = PropertyLayout()
    y_true = np.zeros((NUM_IMAGES, NUM_SLOTS, layout.num_features), "float32")
    places = layout.columns("coordinates")
    y_true[..., places] = rng.random((NUM_IMAGES, NUM_SLOTS, 3))
    for name in layout.properties:
        columns = layout.columns(name)
        size = columns.stop - columns.start
        classes = rng.integers(0, size, (NUM_IMAGES, NUM_SLOTS))
        y_true[..., columns] = np.eye(size)[classes]
    number = rng.integers(3, NUM_SLOTS + 1, (NUM_IMAGES, 1))
    y_true[..., -1] = np.arange(NUM_SLOTS) < number
    y_true *= y_true[..., -1:]
    noise = rng.normal(0, 0.3, y_true.shape)
    noise[..., places] *= 0.15
    y_pred = (y_true + noise).astype("float32")
    order = np.argsort(rng.random((NUM_IMAGES, NUM_SLOTS)), axis=1)
    return y_true, np.take_along_axis(y_pred, order[..., None], axis=1)


if __name__ == "__main__":
    main()
