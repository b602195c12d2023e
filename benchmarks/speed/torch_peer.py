"""The PyTorch package `slot-attention`, which ours is timed beside.

As a script, for attention.py: takes the shape, iterations and threads; prints a
line when it is ready and, for each line that it reads, takes a step and prints
another.
"""

import sys

import torch
from slot_attention import SlotAttention

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def make_peer(size, num_slots, num_iterations):
    """Makes the module, where the GPU is, if there is one."""
    return SlotAttention(
        num_slots=num_slots, dim=size, iters=num_iterations, hidden_dim=128
    ).to(DEVICE)


def torch_step(module, batch, num_tokens, size, half=False):
    """Makes an eager step, forward and backward, which waits for its end."""
    tokens = torch.randn(batch, num_tokens, size, device=DEVICE)
    tokens.requires_grad_()

    def step():
        tokens.grad = None
        module.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=half):
            output = module(tokens)
        output.float().square().sum().backward()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    return step


if __name__ == "__main__":
    *tokens_shape, num_slots, num_iterations, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    peer = make_peer(tokens_shape[-1], num_slots, num_iterations)
    step = torch_step(peer, *tokens_shape)
    print("ready", flush=True)
    for _ in sys.stdin:
        step()
        print("done", flush=True)
