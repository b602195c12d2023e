"""Algorithm 1 of the paper for one example, in NumPy and float64.

Written from the paper and its supplement (section 2 for the ablations), as
literally as it goes: keys and values are formed, and heads are a loop.
"""

import numpy as np


def softmax(logits, axis):
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, weights, name):
    centered = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-3)
    gamma, beta = weights[f"{name}/gamma"], weights[f"{name}/beta"]
    return centered / deviation * gamma + beta


def gru(updates, slots, weights):
    """Cho et al.'s GRU in the form of cuDNN, which the authors' code has."""
    bias = weights["updating/gru/bias"]
    x = np.split(updates @ weights["updating/gru/kernel"] + bias[0], 3, -1)
    recurrent = slots @ weights["updating/gru/recurrent_kernel"] + bias[1]
    h = np.split(recurrent, 3, -1)
    keep, reset = sigmoid(x[0] + h[0]), sigmoid(x[1] + h[1])
    candidate = np.tanh(x[2] + reset * h[2])
    return keep * slots + (1 - keep) * candidate


def mlp(x, weights):
    hidden = np.maximum(
        x @ weights["updating/mlp_hidden/kernel"]
        + weights["updating/mlp_hidden/bias"],
        0,
    )
    return (
        hidden @ weights["updating/mlp_output/kernel"]
        + weights["updating/mlp_output/bias"]
    )


def algorithm_1(
    inputs,
    slots,
    weights,
    num_iterations=3,
    epsilon=1e-8,
    aggregation="weighted_mean",
    softmax_axis="slots",
    update="gru",
    use_layer_norm=True,
    use_mlp=True,
    use_projections=True,
    temperature=None,
    epsilon_position="attention",
    num_heads=1,
):
    """Slots (K, D) and attention (K, N) of each iteration, as two lists.

    Args are those of `SlotAttention`; `inputs` (N, C), `slots` (K, D), and
    `weights` by the paths below the layer.
    """
    num_tokens, slot_size = len(inputs), slots.shape[-1]
    head_size = slot_size // num_heads
    if use_layer_norm:
        inputs = layer_norm(inputs, weights, "attention/norm_inputs")
    all_slots, all_attention = [], []
    for _ in range(num_iterations):
        slots_prev = slots
        if use_layer_norm:
            slots = layer_norm(slots, weights, "attention/norm_slots")
        q, k, v = slots, inputs, inputs
        if use_projections:
            q = slots @ weights["attention/query_kernel"]
            k = inputs @ weights["attention/key_kernel"]
            v = inputs @ weights["attention/value_kernel"]
        head_updates, head_attention = [], []
        for head in range(num_heads):
            part = slice(head * head_size, (head + 1) * head_size)
            logits = k[:, part] @ q[:, part].T  # (N, K), as in the paper
            logits = logits / (temperature or np.sqrt(head_size))
            axis = 1 if softmax_axis == "slots" else 0
            attention = softmax(logits, axis)
            head_attention.append(attention.T)
            if aggregation == "weighted_mean":
                if epsilon_position == "attention":
                    attention = attention + epsilon
                total = attention.sum(axis=0)
                if epsilon_position == "denominator":
                    total = total + epsilon
                attention = attention / total
            elif aggregation == "scaled_sum":
                attention = attention / num_tokens
            head_updates.append(attention.T @ v[:, part])
        updates = np.concatenate(head_updates, axis=-1)  # (K, D)
        if aggregation == "weighted_sum_layer_norm":
            updates = layer_norm(updates, weights, "attention/norm_updates")
        if num_heads > 1:
            updates = updates @ weights["attention/mix_heads/kernel"]
            updates = updates + weights["attention/mix_heads/bias"]
        slots = (
            gru(updates, slots_prev, weights) if update == "gru" else updates
        )
        if use_mlp:
            normed = slots
            if use_layer_norm:
                normed = layer_norm(slots, weights, "updating/norm_mlp")
            slots = slots + mlp(normed, weights)
        all_slots.append(slots)
        all_attention.append(np.mean(head_attention, axis=0))
    return all_slots, all_attention
