"""The peer of attention.py, run in an environment of its own."""

import sys

import torch
from slot_attention import SlotAttention

batch, tokens, size, slots, iterations, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
module = SlotAttention(
    num_slots=slots, dim=size, iters=iterations, hidden_dim=128
)
inputs = torch.randn(batch, tokens, size, requires_grad=True)
print("ready", flush=True)
for _ in sys.stdin:
    inputs.grad = None
    module.zero_grad()
    module(inputs).square().sum().backward()
    print("done", flush=True)
