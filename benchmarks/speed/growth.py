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
import numpy as np
import tensorflow as tf

from benchmarks import results
from benchmarks.running import command_line
from benchmarks.speed.steps import forward_backward
from benchmarks.timing import measure
from keras_slots.layers import SlotAttention, SpatialBroadcastDecoder

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
        name: curve(name, {x: attention(**MIDDLE | {name: x}) for x in values})
        for name, values in CURVES.items()
    }
    grids = {(16 * grid) ** 2: decoder(grid) for grid in GRIDS}
    curves["pixels"] = curve("pixels", grids)
    measured = {"middle": MIDDLE, "seconds": curves}
    results.write_measured(results.BENCHMARKS / "growth.json", measured)
    draw(curves)


def attention(tokens, slots, iterations, batch):
    """Makes a step of attention, to the tokens and all weights."""
    layer = SlotAttention(slots, 64, num_iterations=iterations)
    return step_of(layer, (batch, tokens, 64))


def decoder(grid_size):
    """Makes a step of the decoder of table 5, for two times seven slots."""
    depth = {"filters": (64,) * 5, "strides": (2, 2, 2, 2, 1)}
    layer = SpatialBroadcastDecoder(grid_size, **depth, dtype="mixed_bfloat16")
    return step_of(layer, (2, 7, 64))


def step_of(layer, shape):
    """Makes a step of a layer on noise."""
    layer.build(shape)
    return forward_backward(layer, keras.random.normal(shape, seed=0))


def curve(name, steps):
    """Gives seconds by size; prints what each costs more than the last."""
    print(f"\n{name}")
    curve, before = {}, None
    for size, times in measure(steps, ROUNDS).items():
        curve[size] = seconds = statistics.median(times)
        line = f"  {size:6,} {1e3 * seconds:8.2f} ms"
        if before is not None:
            line += f"  {seconds / before:5.2f} times the one before"
        print(line)
        before = seconds
    return curve


def draw(curves):
    """Draws cost over size, both relative to the smallest of each curve."""
    figure, (axis,) = results.new_figure(6.4, 4.6)
    widest = max(max(curve) / min(curve) for curve in curves.values())
    axis.plot([1, widest], [1, widest], ":", color="0.5", label="in proportion")
    for color, name in zip(results.COLORS, curves, strict=True):
        sizes, seconds = np.array(list(curves[name].items())).T
        label = f"{name}, from {sizes[0]:,.0f} to {sizes[-1]:,.0f}"
        relative = sizes / sizes[0], seconds / seconds[0]
        axis.plot(*relative, "o-", color=color, label=label)
    axis.loglog(base=2)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter("{x:g}")
    axis.set(
        xlabel="size, relative to the smallest",
        ylabel="time of a step, relative",
        title="What more of each costs, forward and backward",
    )
    axis.legend(frameon=False)
    results.save_figure(figure, results.BENCHMARKS / "growth.png")


if __name__ == "__main__":
    main()
