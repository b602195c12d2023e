"""How fast are attention and training on a GPU, with JAX and PyTorch?

Times a forward and backward pass of `SlotAttention`: compiled by JAX, beside
`literal_slot_attention` in float32, and eager in PyTorch, beside the PyTorch
package `slot-attention`; then training steps of the paper's models
with JAX, the way of the images to the GPU included, and the most memory that
they hold. Each task has a process of its own. Medians of rounds that alternate.
"""

import keras

from benchmarks.running import command_line, in_own_process
from benchmarks.speed import steps
from benchmarks.timing import compare

# Batch, tokens, features, slots.
SHAPES = ((32, 4096, 64, 7), (64, 1225, 64, 4), (64, 16384, 64, 7))
POLICIES = ("float32", "mixed_bfloat16")
PRESETS = ("tetrominoes_paper", "clevr6", "multi_dsprites_paper")
BATCH_SIZE = 64


def main():
    """Runs every task of every backend, alone in a process."""
    command_line(__doc__).parse_args()
    run("jax", attention)
    run("torch", attention)
    for form in ("mixed_bfloat16", "float32", "literal"):
        for preset in PRESETS:
            run("jax", training, preset, form)


def run(backend, task, *words):
    """Runs a task; one that does not fit leaves the others alone."""
    print(f"\n{backend}: {' '.join([task.__name__, *words])}", flush=True)
    try:
        in_own_process(task, *words, backend=backend)
    except Exception as error:  # Of many kinds, by backend.
        print(f"It failed: {error}")


def attention():
    """Times attention in all shapes, in the backend of this process."""
    make, baseline = jax_steps, "literal"
    if keras.config.backend() == "torch":
        make, baseline = torch_steps, "slot-attention, float32"
    for shape in SHAPES:
        what = "{} x {} tokens of {}, {} slots".format(*shape)
        compare(what, make(shape), baseline, rounds=20, calls=10)


def jax_steps(shape):
    """Makes compiled steps, ours and literal."""
    made = {}
    for policy in POLICIES:
        layer, tokens, literal = steps.attention_forms(*shape, policy)
        made[policy] = jax_step(layer, tokens, layer)
        if policy == "float32":
            made["literal"] = jax_step(layer, tokens, literal)
    return made


def jax_step(layer, tokens, form):
    """Makes a compiled step, forward and backward, which waits for its end."""
    import jax

    weights = layer.trainable_variables
    values = [weight.value for weight in weights]

    def loss(values, tokens):
        with keras.StatelessScope(zip(weights, values, strict=True)):
            return steps.squares(form(tokens))

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return lambda: jax.block_until_ready(gradient(values, tokens))


def torch_steps(shape):
    """Makes eager steps, ours and the peer's."""
    from benchmarks.speed.torch_peer import make_peer, torch_step

    *tokens, num_slots = shape
    made = {}
    for policy in POLICIES:
        layer, _, _ = steps.attention_forms(*shape, policy)
        peer = make_peer(tokens[-1], num_slots, steps.NUM_ITERATIONS)
        half = policy != "float32"
        made[policy] = torch_step(layer, *tokens)
        made[f"slot-attention, {policy}"] = torch_step(peer, *tokens, half)
    return made


def training(preset, form):
    """Tells time and memory of training steps of a preset, by JAX."""
    import jax

    step = steps.discovery_step(preset, BATCH_SIZE, form)
    what = f"training step of {preset}, batch of {BATCH_SIZE}"
    compare(what, {form: step}, form, rounds=20)
    memory = jax.local_devices()[0].memory_stats() or {}
    peak = memory.get("peak_bytes_in_use", 0)
    print(f"  {form} holds {peak / 2**20:.0f} MB at most")


if __name__ == "__main__":
    main()
