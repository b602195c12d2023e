"""How does the cost of attention, and of a decoder, grow?

Times `SlotAttention`, forward and backward in a compiled graph, while tokens,
slots, iterations or the batch double, all else at the middle setting; and the
decoder of `clevr6` likewise, in mixed bfloat16, while the side of its grid
doubles, and its pixels with that fourfold. The settings of one curve
alternate. Prints what every doubling costs, and draws
`runs/benchmarks/growth.png`; writes `runs/benchmarks/growth.json`.
"""

import statistics

import keras
import tensorflow as tf

import keras_slots
from benchmarks import results
from benchmarks.running import command_line
from benchmarks.speed.steps import forward_backward
from benchmarks.timing import measure
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


def main():
    """Measures every curve, prints it, and draws all in one picture."""
    command_line(__doc__).parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    curves = {
        name: timed_curve({x: attention(**{**MIDDLE, name: x}) for x in values})
        for name, values in CURVES.items()
    }
    grids = {(16 * grid) ** 2: decoder(grid) for grid in GRIDS}
    curves["pixels"] = timed_curve(grids)
    for name, curve in curves.items():
        print_curve(name, curve)
    measured = {"middle": MIDDLE, "seconds": curves}
    results.write_measured(results.BENCHMARKS / "growth.json", measured)
    draw(curves)


def attention(tokens, slots, iterations, batch):
    """Makes a step of attention, to the tokens and all weights."""
    layer = keras_slots.SlotAttention(slots, 64, num_iterations=iterations)
    return step_of(layer, (batch, tokens, 64))


def decoder(grid_size):
    """Makes a step of the decoder of table 5, for two times seven slots."""
    layer = SpatialBroadcastDecoder(
        grid_size,
        filters=(64,) * 5,
        strides=(2, 2, 2, 2, 1),
        dtype="mixed_bfloat16",
    )
    return step_of(layer, (2, 7, 64))


def step_of(layer, shape):
    """Makes a step of a layer on noise."""
    layer.build(shape)
    return forward_backward(layer, keras.random.normal(shape, seed=0))


def timed_curve(steps):
    """Gives median seconds by size."""
    times = measure(steps, ROUNDS)
    return {size: statistics.median(values) for size, values in times.items()}


def print_curve(name, curve):
    """Prints every size, and what getting there from the one before costs."""
    print(f"\n{name}")
    before = None
    for size, seconds in curve.items():
        line = f"  {size:6,} {1e3 * seconds:8.2f} ms"
        if before is not None:
            line += f"  {seconds / before:5.2f} times the one before"
        print(line)
        before = seconds


def draw(curves):
    """Draws cost over size, both relative to the smallest of each curve."""
    figure, (axis,) = results.new_figure(6.4, 4.6)
    widest = max(max(curve) / min(curve) for curve in curves.values())
    axis.plot([1, widest], [1, widest], ":", color="0.5", label="in proportion")
    for (name, curve), color in zip(
        curves.items(), results.COLORS, strict=True
    ):
        least = min(curve)
        axis.plot(
            [size / least for size in curve],
            [seconds / curve[least] for seconds in curve.values()],
            "o-",
            color=color,
            label=f"{name}, from {least:,} to {max(curve):,}",
        )
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set(
        xlabel="size, relative to the smallest",
        ylabel="time of a step, relative",
        title="What more of each costs, forward and backward",
    )
    axis.legend(frameon=False)
    results.save_figure(figure, results.BENCHMARKS / "growth.png")


if __name__ == "__main__":
    main()
