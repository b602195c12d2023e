"""How fast is the attention module, beside its peers and its floor?

Times a forward and backward pass of `SlotAttention` in one process, alternating
with `literal_slot_attention`, and, with `--peer`, the PyTorch package
`slot-attention`, as it is used (eager), in another, in turn with them; two
threads each. The floor is the time of the multiplications at the rate of a
large matrix product measured here, or of reading the tokens twice and writing
their gradient at the bandwidth measured here, whichever is more. Writes
`runs/benchmarks/attention.json`.
"""

import subprocess
from pathlib import Path

import tensorflow as tf

from benchmarks.results import BENCHMARKS, write_measured
from benchmarks.running import command_line
from benchmarks.speed.steps import (
    NUM_ITERATIONS,
    attention_forms,
    forward_backward,
)
from benchmarks.timing import compare, measure

THREADS = 2
# Batch, tokens, features, slots.
SHAPES = ((32, 4096, 64, 7), (64, 1225, 64, 4))


def main():
    """Times every shape in turn."""
    parser = command_line(__doc__, rounds=12)
    parser.add_argument("--peer", help="python with slot-attention and torch")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    rate, bandwidth = measure_machine()
    print(
        f"{rate / 1e9:.0f} billion operations per second, "
        f"{bandwidth / 1e9:.1f} GB per second"
    )
    results = {"operations_per_second": rate, "bytes_per_second": bandwidth}
    for shape in SHAPES:
        name = "{} x {} tokens of {}, {} slots".format(*shape)
        steps, baseline = own_steps(shape), "literal"
        if options.peer:
            baseline = "slot-attention"
            peer, steps[baseline] = start_peer(options.peer, shape)
        results[name] = compare(name, steps, baseline, options.rounds)
        if options.peer:
            peer.communicate()  # It ends, and takes no part in the rest.
        best = min(numbers["median"] for numbers in results[name].values())
        results[name]["floor"] = floor = floor_seconds(shape, rate, bandwidth)
        print(f"  floor {1e3 * floor:.1f} ms; best / floor: {best / floor:.1f}")
    write_measured(BENCHMARKS / "attention.json", results)


def own_steps(shape):
    """Makes a step of each form, by name."""
    layer, tokens, literal = attention_forms(*shape)
    return {
        "XLA": forward_backward(layer, tokens, True),
        "graph": forward_backward(layer, tokens),
        "literal, XLA": forward_backward(layer, tokens, True, literal),
        "literal": forward_backward(layer, tokens, form=literal),
    }


def start_peer(python, shape):
    """Starts torch_peer.py in another environment; gives it, and its step."""
    script, pipe = Path(__file__).with_name("torch_peer.py"), subprocess.PIPE
    words = map(str, (script, *shape, NUM_ITERATIONS, THREADS))
    command = [python, "-P", *words]
    peer = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def wait():
        if not peer.stdout.readline():
            raise RuntimeError(f"The peer ended: {command}")

    def step():
        peer.stdin.write("\n")
        peer.stdin.flush()
        wait()

    wait()
    return peer, step


def floor_seconds(shape, rate, bandwidth):
    """Gives what no implementation in float32 can be faster than."""
    batch, num_tokens, size, num_slots = shape
    # Scores and sums of every iteration, each with two products backward.
    products = 2 * NUM_ITERATIONS * 3
    operations = products * 2 * batch * num_tokens * num_slots * size
    # The tokens are read twice, and their gradient is written once.
    traffic = 3 * 4 * batch * num_tokens * size
    return max(operations / rate, traffic / bandwidth)


def measure_machine():
    """Times a matrix product and a sum: operations and bytes per second."""
    square = tf.random.normal((2048, 2048))
    long = tf.random.normal((1 << 26,))
    functions = {
        "product": tf.function(lambda: tf.matmul(square, square)),
        "sum": tf.function(lambda: tf.reduce_sum(long)),
    }
    product, total = map(min, measure(functions, rounds=8).values())
    return 2 * 2048**3 / product, 4 * (1 << 26) / total


if __name__ == "__main__":
    main()
