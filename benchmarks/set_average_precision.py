"""How long does average precision take on CLEVR's validation set?

```shell
python benchmarks/set_average_precision.py
```

15,000 images of 10 predictions each, drawn at random, five thresholds. Prints
the seconds of `SetAveragePrecision` fed batches of 500, of
`set_average_precision` in one call, and how many times longer the definition
in plain Python takes on the first 500 images.
"""

import math
import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_slots.metrics import SetAveragePrecision, set_average_precision
from keras_slots.property_layout import PropertyLayout

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.set_average_precision_reference import average_precision

THRESHOLDS = (math.inf, 1, 0.5, 0.25, 0.125)
NUM_IMAGES = 15_000
NUM_SLOTS = 10
BATCH_SIZE = 500
SUBSET = 500  # images; plain Python takes quadratic time


def main():
    """Times the three ways and prints them."""
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

    def in_python():
        sets = y_true[:SUBSET].tolist(), y_pred[:SUBSET].tolist()
        return [average_precision(*sets, value) for value in THRESHOLDS]

    for name, run in (
        (f"batches of {BATCH_SIZE}", streamed),
        ("one call", at_once),
    ):
        run()
        seconds, values = timed(run)
        text = " ".join(f"{100 * value:.1f}" for value in values)
        print(f"{name}: {seconds:.2f} s (AP in %: {text})")
    at_once(SUBSET)
    fast, values = timed(lambda: at_once(SUBSET))
    slow, expected = timed(in_python)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    print(
        f"first {SUBSET} images, in one call: {fast:.3f} s; "
        f"in plain Python: {slow:.1f} s, {slow / fast:.0f} times longer"
    )


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
