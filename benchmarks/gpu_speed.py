"""How fast are attention and training on a GPU, with JAX and PyTorch?

```shell
pip install "jax[cuda13]" torch slot-attention==1.5.2
KERAS_BACKEND=jax python benchmarks/gpu_speed.py  # needs no TensorFlow
```

Times a forward and backward pass of `SlotAttention`: compiled by JAX, beside
the algorithm as it stands (`literal_forms.py`), and eager in PyTorch, beside
the PyTorch package `slot-attention`; then training steps of the paper's models
with JAX, the way of the images to the GPU included, and the most memory that
they hold. Each task has a process of its own. Medians of rounds that alternate.
"""

import argparse
import contextlib
import os
import subprocess
import sys

import keras
import numpy as np
from harness import measure, report
from literal_forms import literal_forms

import keras_slots

NUM_ITERATIONS = 3
# Batch, tokens, features, slots.
SHAPES = ((32, 4096, 64, 7), (64, 1225, 64, 4), (64, 16384, 64, 7))
POLICIES = ("float32", "mixed_bfloat16")
PRESETS = ("tetrominoes_paper", "clevr6", "multi_dsprites_paper")
BATCH_SIZE = 64


def main():
    """Every backend and every task, alone in a process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        task, *arguments = options.child
        return TASKS[task](*arguments)
    for backend in ("jax", "torch"):
        run(backend, "attention")
    for form in ("mixed_bfloat16", "float32", "literal"):
        for preset in PRESETS:
            run("jax", "training", preset, form)


def run(backend, *arguments):
    """One task in a process of its own, which Keras's backends need."""
    print(f"\n{backend}: {' '.join(arguments)}", flush=True)
    subprocess.run(
        [sys.executable, __file__, "--child", *arguments],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=False,  # One that does not fit leaves the others alone.
    )


# Attention -------------------------------------------------------------------


def attention():
    """Forward and backward, of all shapes, in the backend of this process."""
    make, baseline = {
        "jax": (jax_steps, "literal, float32"),
        "torch": (torch_steps, "slot-attention, float32"),
    }[keras.config.backend()]
    for shape in SHAPES:
        steps = {}
        for policy in POLICIES:
            steps |= make(shape, policy)
        what = "{} x {} tokens of {}, {} slots".format(*shape)
        report(what, measure(steps, rounds=20, calls=10), baseline)


def jax_steps(shape, policy):
    """Ours and the literal form, each traced in its own."""
    ours, literal = jax_step(shape, policy), jax_step(shape, policy)
    ours()
    with literal_forms():
        literal()
    return {policy: ours, f"literal, {policy}": literal}


def torch_steps(shape, policy):
    """Ours and the peer."""
    ours, peer = torch_step(shape, policy), peer_step(shape, policy)
    return {policy: ours, f"slot-attention, {policy}": peer}


def jax_step(shape, policy):
    """A compiled step, which waits for its gradients."""
    import jax

    layer = build_layer(shape, policy)
    weights = [v.value for v in layer.trainable_variables]
    state = [v.value for v in layer.non_trainable_variables]
    tokens = jax.numpy.asarray(draw_tokens(shape))

    def loss(weights, tokens):
        outputs, _ = layer.stateless_call(weights, state, tokens)
        return squares(outputs)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return lambda: jax.block_until_ready(gradient(weights, tokens))


def torch_step(shape, policy):
    """An eager step, which waits for its gradients."""
    import torch

    layer = build_layer(shape, policy)
    tokens = torch.tensor(
        draw_tokens(shape), device=device(), requires_grad=True
    )

    def step():
        tokens.grad = None
        layer.zero_grad()
        squares(layer(tokens)).backward()
        wait()

    return step


def peer_step(shape, policy):
    """The same of the PyTorch package."""
    import torch
    from slot_attention import SlotAttention

    *_, size, num_slots = shape
    module = SlotAttention(
        num_slots=num_slots, dim=size, iters=NUM_ITERATIONS, hidden_dim=128
    ).to(device())
    tokens = torch.tensor(
        draw_tokens(shape), device=device(), requires_grad=True
    )

    def step():
        tokens.grad = None
        module.zero_grad()
        with torch.autocast(
            device(), dtype=torch.bfloat16, enabled=policy != "float32"
        ):
            output = module(tokens)
        output.float().square().sum().backward()
        wait()

    return step


def draw_tokens(shape):
    """The same array for every form and every backend."""
    *size, _ = shape
    return np.random.default_rng(0).normal(size=size).astype("float32")


def build_layer(shape, policy):
    """The layer, with its weights."""
    batch, num_tokens, size, num_slots = shape
    keras.utils.set_random_seed(0)
    layer = keras_slots.SlotAttention(
        num_slots, size, num_iterations=NUM_ITERATIONS, dtype=policy
    )
    layer.build((batch, num_tokens, size))
    return layer


def squares(outputs):
    """The sum of the squared slots, in float32."""
    slots = keras.tree.flatten(outputs)[0]
    return keras.ops.sum(keras.ops.square(keras.ops.cast(slots, "float32")))


def device():
    """The GPU, or the processor where there is none."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def wait():
    """Until the GPU has done what it was told."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


# Training --------------------------------------------------------------------


def training(preset, form):
    """Time and memory of training steps of a preset, by JAX."""
    import jax
    from discovery_step import discovery_step

    policy = "float32" if form == "literal" else form
    step = discovery_step(preset, BATCH_SIZE, policy)
    with literal_forms() if form == "literal" else contextlib.nullcontext():
        step()
    times = measure({form: step}, rounds=20)
    report(f"training step of {preset}, batch of {BATCH_SIZE}", times, form)
    memory = jax.local_devices()[0].memory_stats() or {}
    peak = memory.get("peak_bytes_in_use", 0)
    print(f"  {form} holds {peak / 2**20:.0f} MB at most")


TASKS = {"attention": attention, "training": training}

if __name__ == "__main__":
    main()
