"""How does the cost of attention, and of a decoder, grow?

```shell
python benchmarks/growth.py
```

Times `SlotAttention`, forward and backward in a compiled graph, while tokens,
slots, iterations or the batch double, all else at the middle setting; and the
decoder of `clevr6` likewise, in mixed bfloat16, while the side of its grid
doubles, and its pixels with that fourfold. The settings of one curve
alternate. Prints what every doubling costs, and draws
`runs/benchmarks/growth.png`; writes `runs/benchmarks/growth.json`.
"""

import statistics
from pathlib import Path

import numpy as np
import tensorflow as tf
from forward_backward import forward_backward
from harness import measure, write_json
from matplotlib.figure import Figure
from palette import BLUE, GREEN, ORANGE, PURPLE, RED

import keras_slots
from keras_slots.layers import SpatialBroadcastDecoder

THREADS = 2
ROUNDS = 15
MIDDLE = {"tokens": 1024, "slots": 7, "iterations": 3, "batch": 16}
CURVES = {
    "tokens": (256, 512, 1024, 2048, 4096),
    "slots": (2, 4, 8, 16, 32),
    "iterations": (1, 2, 4, 8),
    "batch": (4, 8, 16, 32, 64),
}
GRIDS = (2, 4, 8)  # Images of 32, 64 and 128 pixels a side.
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE)


def main():
    """Measures every curve, prints it, and draws all in one picture."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    curves = {
        name: timed_curve({x: attention(**{**MIDDLE, name: x}) for x in values})
        for name, values in CURVES.items()
    }
    grids = {(16 * grid) ** 2: decoder(grid) for grid in GRIDS}
    curves["pixels"] = timed_curve(grids)
    for name, curve in curves.items():
        print_curve(name, curve)
    folder = Path("runs/benchmarks")
    write_json(folder / "growth.json", {"middle": MIDDLE, "seconds": curves})
    draw(curves, folder / "growth.png")


def attention(tokens, slots, iterations, batch):
    """Forward and backward, to the tokens and all weights."""
    shape = (batch, tokens, 64)
    inputs = tf.constant(np.random.default_rng(0).normal(size=shape), "float32")
    layer = keras_slots.SlotAttention(slots, 64, num_iterations=iterations)
    layer.build(inputs.shape)
    return forward_backward(layer, inputs)


def decoder(grid_size):
    """The same of the decoder of table 5, of two examples of seven slots."""
    slots = np.random.default_rng(0).normal(size=(2, 7, 64))
    slots = tf.constant(slots, "float32")
    layer = SpatialBroadcastDecoder(
        grid_size,
        filters=(64,) * 5,
        strides=(2, 2, 2, 2, 1),
        dtype="mixed_bfloat16",
    )
    layer.build(slots.shape)
    return forward_backward(layer, slots)


def timed_curve(steps):
    """Median seconds by size."""
    times = measure(steps, ROUNDS)
    return {size: statistics.median(values) for size, values in times.items()}


def print_curve(name, curve):
    """Every size, and what getting there from the one before costs."""
    print(f"\n{name}")
    before = None
    for size, seconds in curve.items():
        line = f"  {size:6,} {1e3 * seconds:8.2f} ms"
        if before is not None:
            line += f"  {seconds / before:5.2f} times the one before"
        print(line)
        before = seconds


def draw(curves, path):
    """Cost over size, both relative to the smallest of each curve."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    widest = max(max(c) / min(c) for c in curves.values())
    axes.plot([1, widest], [1, widest], ":", color="0.5", label="in proportion")
    for (name, curve), color in zip(curves.items(), COLORS, strict=True):
        sizes = np.array(list(curve))
        seconds = np.array(list(curve.values()))
        label = f"{name}, from {sizes[0]:,} to {sizes[-1]:,}"
        axes.plot(
            sizes / sizes[0],
            seconds / seconds[0],
            "o-",
            color=color,
            label=label,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("size, relative to the smallest")
    axes.set_ylabel("time of a step, relative")
    axes.set_title("What more of each costs, forward and backward")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
