"""Keys and values of the tokens: formed, or absorbed into the slots' side.

Algorithm 1 projects every token to a key and a value. Both projections are
linear, so they can act on the few slots instead of the many tokens:

    logits = (q W_q) (x W_k)^T = ((q W_q) W_k^T) x^T
    updates = A (x W_v)        = (A x) W_v

So does most of the layer normalization before them. Taking the mean off a
token's features is linear, too, and its scale and shift follow it:

    norm(x) W = r (x - mean(x)) diag(scale) W + shift W
              = r x (V - mean(V)) + b     with V = diag(scale) W, b = shift W

where the mean of V is over its rows, and r = 1 / deviation(x) is one number
per token. No normalized token is ever formed.

The results differ by rounding alone. `project_tokens` picks the form with
fewer multiplications; both have the methods `score` and `gather`.

Letters: B batch, N tokens, K slots, C token features, H heads, F features of
a head, D = H F.
"""

from typing import NamedTuple

from keras import ops

from keras_slots.layers.slot_attention.collected_tokens import CollectedTokens
from keras_slots.types import Tensor


class Projection(NamedTuple):
    """A map of tokens: kernel (C, H, F), and bias (H, F) or `None`."""

    kernel: Tensor
    bias: Tensor | None = None


class FormedProjections:
    """The literal form: keys and values of every token."""

    def __init__(
        self,
        tokens: Tensor,
        scale: Tensor | None,
        key: Projection,
        value: Projection,
    ):
        self.keys = _form(tokens, scale, key)
        self.values = _form(tokens, scale, value)

    def score(self, queries: Tensor) -> Tensor:
        """Scores queries (B, K, H, F): logits (B, H, K, N)."""
        return ops.einsum("bkhf,bnhf->bhkn", queries, self.keys)

    def gather(self, weights: Tensor, mass: Tensor) -> Tensor:
        """Sums values by weights (B, H, K, N): (B, K, H, F)."""
        return ops.einsum("bhkn,bnhf->bkhf", weights, self.values)


def _form(tokens, scale, projection):
    formed = ops.einsum("bnc,chf->bnhf", tokens, projection.kernel)
    if scale is not None:
        formed = formed * scale[:, :, None, None]
    return formed if projection.bias is None else formed + projection.bias


class AbsorbedProjections:
    """The fast form for many tokens: no key and no value is ever formed."""

    def __init__(
        self,
        tokens: CollectedTokens,
        scale: Tensor | None,
        key: Projection,
        value: Projection,
    ):
        self.tokens = tokens
        self.scale = None if scale is None else scale[:, None, None, :]
        self.key = key
        self.value = value

    def score(self, queries: Tensor) -> Tensor:
        """Scores queries (B, K, H, F): logits (B, H, K, N)."""
        queries = ops.transpose(queries, (0, 2, 1, 3))  # (B, H, K, F)
        kernel = ops.transpose(self.key.kernel, (1, 2, 0))  # (H, F, C)
        seen = _by_head(queries, kernel)  # (B, H, K, C)
        logits = self._scaled(_by_row(self.tokens.score, seen))
        if self.key.bias is None:
            return logits
        offset = ops.sum(
            queries * self.key.bias[:, None], axis=-1, keepdims=True
        )  # (B, H, K, 1)
        return logits + offset

    def gather(self, weights: Tensor, mass: Tensor) -> Tensor:
        """Sums values by weights (B, H, K, N): (B, K, H, F).

        `mass` (B, H, K) is the sum of the weights over the tokens.
        """
        weights = self._scaled(weights)
        seen = _by_row(self.tokens.gather, weights)  # (B, H, K, C)
        kernel = ops.transpose(self.value.kernel, (1, 0, 2))  # (H, C, F)
        values = _by_head(seen, kernel)  # (B, H, K, F)
        if self.value.bias is not None:
            values = values + mass[..., None] * self.value.bias[:, None]
        return ops.transpose(values, (0, 2, 1, 3))

    def _scaled(self, tensor):
        """Multiplies (B, H, K, N) by the scale of each token."""
        return tensor if self.scale is None else tensor * self.scale


def _by_row(product, tensor):
    """Runs a product of rows, (B, R, X) to (B, R, Y), on (B, H, K, X)."""
    _, num_heads, num_slots, size = ops.shape(tensor)
    rows = ops.reshape(tensor, (-1, num_heads * num_slots, size))
    result = product(rows)
    size = ops.shape(result)[-1]
    return ops.reshape(result, (-1, num_heads, num_slots, size))


def _by_head(tensor, kernel):
    """Multiplies (B, H, K, X) by (H, X, Y), one product for each head.

    Not `einsum`, which LiteRT's converter gets wrong for a batch of one.
    """
    _, num_heads, num_slots, size = ops.shape(tensor)
    tensor = ops.transpose(tensor, (1, 0, 2, 3))
    rows = ops.reshape(tensor, (num_heads, -1, size))  # (H, B * K, X)
    result = ops.matmul(rows, kernel)  # (H, B * K, Y)
    shape = (num_heads, -1, num_slots, ops.shape(result)[-1])
    return ops.transpose(ops.reshape(result, shape), (1, 0, 2, 3))


class IdentityProjections:
    """No projections: tokens are their own keys and values (soft k-means)."""

    def __init__(self, tokens: Tensor):
        self.tokens = tokens

    def score(self, queries: Tensor) -> Tensor:
        """Scores queries (B, K, 1, C): logits (B, 1, K, N)."""
        return ops.einsum("bkhc,bnc->bhkn", queries, self.tokens)

    def gather(self, weights: Tensor, mass: Tensor) -> Tensor:
        """Sums tokens by weights (B, 1, K, N): (B, K, 1, C)."""
        return ops.einsum("bhkn,bnc->bkhc", weights, self.tokens)


def absorbing_is_cheaper(
    num_tokens: int | None,
    num_slots: int,
    num_iterations: int,
    key_kernel_shape: tuple[int, int, int],
) -> bool:
    """Compares the multiplications of the two forms for one example."""
    if num_tokens is None:
        return True  # Unknown sizes are images, and images are large.
    features, heads, head_size = key_kernel_shape
    size = heads * head_size
    formed = num_tokens * size * (features + num_iterations * num_slots)
    absorbed = (
        num_iterations * num_slots * features * (num_tokens * heads + size)
    )
    return absorbed < formed


def project_tokens(
    tokens: Tensor,
    scale: Tensor | None,
    key: Projection,
    value: Projection,
    num_slots: int,
    num_iterations: int,
    collect: bool,
) -> FormedProjections | AbsorbedProjections:
    """Chooses the cheaper of the two forms for `tokens` (B, N, C).

    `scale` (B, N), if there is one, multiplies what the kernels make of each
    token. `collect` is whether all products with the tokens will have a
    gradient.
    """
    if absorbing_is_cheaper(
        tokens.shape[1], num_slots, num_iterations, tuple(key.kernel.shape)
    ):
        num_rows = key.kernel.shape[1] * num_slots  # Slots of all heads.
        collected = CollectedTokens(
            tokens, num_rows, 2 * num_iterations, collect
        )
        return AbsorbedProjections(collected, scale, key, value)
    return FormedProjections(tokens, scale, key, value)
