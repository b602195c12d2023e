"""CompetitiveAttention: slots compete for tokens, Algorithm 1, lines 6 to 8."""

import keras
from keras import ops

from keras_slots.layers.dense_layers import dense
from keras_slots.layers.fast.layer_norm import inverse_deviation, layer_norm
from keras_slots.layers.fast.masked_softmax import (
    fill_where_masked,
    masked_softmax,
    zero_where_masked,
)
from keras_slots.layers.slot_attention.token_projections import (
    IdentityProjections,
    Projection,
    project_tokens,
)
from keras_slots.types import Tensor

# The smallest sum a weighted mean divides by: keeps 0 / 0 finite where
# nothing at all attends (every token masked, or epsilon=0 and a dead slot).
# Its square is above the smallest float32: JAX divides a gradient by that.
SMALLEST_MASS = 1e-18
LARGEST_FLOAT16 = 65504.0


class CompetitiveAttention(keras.layers.Layer):
    """Attention in float32, normalized over the slots.

    A part of `SlotAttention`, which checks and documents the arguments.
    The three steps are methods, since the first runs once per call and the
    others once per iteration: `project`, `attend`, `gather`.

    Letters: B batch, N tokens, K slots, D slot size, C token features, H
    heads, F = D / H features of a head.
    """

    def __init__(
        self,
        slot_size,
        num_heads,
        temperature,
        softmax_axis,
        aggregation,
        epsilon,
        epsilon_position,
        use_layer_norm,
        use_projections,
        kernel_initializer,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.slot_size = slot_size
        self.num_heads = num_heads
        self.head_size = slot_size // num_heads
        self.temperature = temperature
        self.softmax_axis = softmax_axis
        self.aggregation = aggregation
        self.epsilon = epsilon
        self.epsilon_position = epsilon_position
        self.use_layer_norm = use_layer_norm
        self.use_projections = use_projections
        self.kernel_initializer = kernel_initializer

    def build(self, inputs_shape):
        slots_shape = (None, None, self.slot_size)
        if self.use_layer_norm:
            self.norm_inputs = layer_norm(self, "norm_inputs", inputs_shape)
            self.norm_slots = layer_norm(self, "norm_slots", slots_shape)
        if self.aggregation == "weighted_sum_layer_norm":
            self.norm_updates = layer_norm(self, "norm_updates", slots_shape)
        if self.use_projections:
            self.query_kernel = self._kernel("query_kernel", self.slot_size)
            self.key_kernel = self._kernel("key_kernel", inputs_shape[-1])
            self.value_kernel = self._kernel("value_kernel", inputs_shape[-1])
        if self.num_heads > 1:
            self.mix_heads = dense(
                self,
                "mix_heads",
                self.slot_size,
                self.slot_size,
                kernel_initializer=self.kernel_initializer.clone(),
            )

    def _kernel(self, name, features):
        # Never cast: attention is computed in float32 under every policy.
        return self.add_weight(
            name=name,
            shape=(features, self.slot_size),
            initializer=self.kernel_initializer.clone(),
            autocast=False,
        )

    def project(self, inputs, mask, num_slots, num_iterations, collect):
        """Makes the tokens (B, N, C) ready to be scored and gathered.

        `collect` is whether every iteration has a gradient: see
        `CollectedTokens`.
        """
        inputs = fill_where_masked(inputs, mask)
        if not self.use_projections:
            if self.use_layer_norm:
                inputs = self.norm_inputs(inputs)
            return IdentityProjections(ops.cast(inputs, "float32"))
        tokens = ops.cast(inputs, "float32")
        scale = None
        if self.use_layer_norm:
            scale = inverse_deviation(tokens, self.norm_inputs.epsilon)
        return project_tokens(
            tokens,
            scale,
            self._projection(self.key_kernel),
            self._projection(self.value_kernel),
            num_slots,
            num_iterations,
            collect,
        )

    def _projection(self, kernel):
        """Folds the layer norm into the (C, D) kernel that follows it.

        All but the division by the deviation: see `token_projections`.
        """
        shape = (kernel.shape[0], self.num_heads, self.head_size)
        kernel = ops.reshape(ops.cast(kernel, "float32"), shape)  # (C, H, F)
        if not self.use_layer_norm:
            return Projection(kernel)
        scale, shift = self.norm_inputs.scale_and_shift()
        scaled = ops.einsum("c,chf->chf", scale, kernel)
        centered = scaled - ops.mean(scaled, axis=0, keepdims=True)
        return Projection(centered, ops.einsum("c,chf->hf", shift, kernel))

    def normalize_slots(self, slots) -> Tensor:
        """Normalizes slots (B, K, D) in float32: line 6."""
        normed = self.norm_slots(slots) if self.use_layer_norm else slots
        return ops.cast(normed, "float32")

    def attend(
        self, queries, projections, mask, slot_mask, penalty=None
    ) -> Tensor:
        """Computes attention (B, H, K, N), zero where masked: line 7.

        `queries` are the normalized slots (B, K, D), `penalty` (B, K, N) is
        taken off the logits.
        """
        num_slots = queries.shape[1]
        if self.use_projections:
            kernel = ops.cast(self.query_kernel, "float32")
            queries = ops.matmul(queries, kernel)  # (B, K, D)
        queries = ops.reshape(
            queries, (-1, num_slots, self.num_heads, self.head_size)
        )  # (B, K, H, F)
        temperature = self.temperature or self.head_size**0.5
        logits = projections.score(queries / temperature)  # (B, H, K, N)
        if penalty is not None:
            logits = logits - penalty[:, None]
        token_mask = _as_factor(mask, (1, 2))  # (B, 1, 1, N)
        slot_mask = _as_factor(slot_mask, (1, 3))  # (B, 1, K, 1)
        if self.softmax_axis == "slots":
            attention = masked_softmax(logits, slot_mask, axis=2)
            return zero_where_masked(attention, token_mask)
        attention = masked_softmax(logits, token_mask, axis=3)
        return zero_where_masked(attention, slot_mask)

    def gather(self, attention, projections, mask) -> Tensor:
        """Gathers updates (B, K, D) by attention (B, H, K, N): line 8."""
        if (
            self.aggregation == "weighted_mean"
            and self.epsilon_position == "attention"
        ):
            attention = zero_where_masked(
                attention + self.epsilon, _as_factor(mask, (1, 2))
            )
        mass = ops.sum(attention, axis=-1)  # (B, H, K)
        updates = projections.gather(attention, mass)  # (B, K, H, F)
        # Divided last, where there is one row per slot and not per token.
        if self.aggregation == "weighted_mean":
            if self.epsilon_position == "denominator":
                mass = mass + self.epsilon
            mass = ops.maximum(mass, SMALLEST_MASS)
            updates = updates / ops.transpose(mass, (0, 2, 1))[..., None]
        elif self.aggregation == "scaled_sum":
            updates = updates / _count_tokens(attention, mask)
        updates = ops.reshape(
            updates, (-1, attention.shape[2], self.slot_size)
        )  # (B, K, D)
        if self.aggregation == "weighted_sum_layer_norm":
            # In float32 still: a sum over many tokens overflows float16.
            updates = self.norm_updates(updates)
        elif self.compute_dtype == "float16":
            # A sum over many tokens can be larger than float16 holds.
            updates = ops.clip(updates, -LARGEST_FLOAT16, LARGEST_FLOAT16)
        updates = ops.cast(updates, self.compute_dtype)
        if self.num_heads > 1:
            updates = self.mix_heads(updates)
        return updates


def _count_tokens(attention, mask):
    """Counts the tokens that take part: a number, or (B, 1, 1, 1)."""
    if mask is None:
        return ops.cast(ops.shape(attention)[-1], "float32")
    count = ops.sum(_as_factor(mask, (1, 2)), axis=-1, keepdims=True)
    return ops.maximum(count, 1.0)


def _as_factor(mask: Tensor | None, axes) -> Tensor | None:
    """Makes a mask float32, with axes of size one put in; keeps `None`."""
    if mask is None:
        return None
    return ops.expand_dims(ops.cast(mask, "float32"), axes)
