"""How fast is the attention module, beside its peers and its floor?

```shell
python -m venv peers && peers/bin/pip install torch slot-attention==1.5.2
python benchmarks/attention.py --peer peers/bin/python
```

Times a forward and backward pass of `SlotAttention` in one process, alternating
its forms, and the PyTorch package `slot-attention`, as it is used (eager), in
another, in turn with them; two threads each. The floor is the time of the
multiplications at the rate of a large matrix product measured here, or of
reading the tokens twice and writing their gradient at the bandwidth measured
here, whichever is more. Writes
`runs/benchmarks/attention.json`.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
import tensorflow as tf
from forward_backward import forward_backward
from harness import Peer, measure, report, write_json
from literal_forms import literal_forms

import keras_slots

THREADS = 2
NUM_ITERATIONS = 3
# Batch, tokens, features, slots.
SHAPES = ((32, 4096, 64, 7), (64, 1225, 64, 4))


def main():
    """Every shape in turn."""
    options = parse_options()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    rate, bandwidth = measure_machine()
    print(
        f"{rate / 1e9:.0f} billion operations per second, "
        f"{bandwidth / 1e9:.1f} GB per second"
    )
    results = {"operations_per_second": rate, "bytes_per_second": bandwidth}
    for shape in SHAPES:
        steps = functions(shape, options.peer)
        times = measure(steps, options.rounds)
        if options.peer:
            steps["slot-attention"].close()
        baseline = "slot-attention" if options.peer else "literal"
        name = "{} x {} tokens of {}, {} slots".format(*shape)
        results[name] = report(name, times, baseline)
        floor = floor_seconds(shape, rate, bandwidth)
        results[name]["floor"] = floor
        best = min(map(statistics.median, times.values()))
        print(f"  floor {1e3 * floor:.1f} ms; best / floor: {best / floor:.1f}")
    write_json(Path("runs/benchmarks/attention.json"), results)


def parse_options():
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peer", help="python with slot-attention and torch")
    parser.add_argument("--rounds", type=int, default=12)
    return parser.parse_args()


def functions(shape, peer):
    """A step of each form, by name."""
    batch, num_tokens, size, num_slots = shape
    tokens = np.random.default_rng(0).normal(size=(batch, num_tokens, size))
    tokens = tf.constant(tokens.astype("float32"))
    layer = keras_slots.SlotAttention(
        num_slots, size, num_iterations=NUM_ITERATIONS
    )
    layer.build(tokens.shape)
    steps = {}
    for name, jit in (("XLA", True), ("graph", False)):
        steps[name] = forward_backward(layer, tokens, jit)
    with literal_forms():
        for name, jit in (("literal, XLA", True), ("literal", False)):
            steps[name] = forward_backward(layer, tokens, jit)
    if peer:
        script = Path(__file__).with_name("torch_slot_attention.py")
        sizes = (batch, num_tokens, size, num_slots, NUM_ITERATIONS, THREADS)
        steps["slot-attention"] = Peer(peer, script, *sizes)
    return steps


def floor_seconds(shape, rate, bandwidth):
    """What no implementation in float32 can be faster than."""
    batch, num_tokens, size, num_slots = shape
    # Scores and sums of every iteration, each with two products backward.
    products = 2 * NUM_ITERATIONS * 3
    operations = products * 2 * batch * num_tokens * num_slots * size
    # The tokens are read twice, and their gradient is written once.
    traffic = 3 * 4 * batch * num_tokens * size
    return max(operations / rate, traffic / bandwidth)


def measure_machine():
    """Operations per second of a matrix product, bytes per second of a sum."""
    square = tf.random.normal((2048, 2048))
    long = tf.random.normal((1 << 26,))
    times = measure(
        {
            "product": tf.function(lambda: tf.matmul(square, square)),
            "sum": tf.function(lambda: tf.reduce_sum(long)),
        },
        rounds=8,
    )
    product, total = map(min, times.values())
    return 2 * 2048**3 / product, 4 * (1 << 26) / total


if __name__ == "__main__":
    main()
