"""Keys and values of the tokens: formed, or absorbed into the slots' side.

Algorithm 1 projects every token to a key and a value. Both projections are
linear, so they can act on the few slots instead of the many tokens:

    logits = (q W_q) (x W_k)^T = ((q W_q) W_k^T) x^T
    updates = A (x W_v)        = (A x) W_v

The results differ by rounding alone. `project_tokens` picks the form with
fewer multiplications; both have the methods `score` and `gather`.

Letters: B batch, N tokens, K slots, C token features, H heads, F features of
a head, D = H F.
"""

from keras import ops

from keras_slots.types import Tensor


class FormedProjections:
    """The literal form: keys and values of every token."""

    def __init__(self, tokens: Tensor, key_kernel, value_kernel):
        self.keys = ops.einsum("bnc,chf->bnhf", tokens, key_kernel)
        self.values = ops.einsum("bnc,chf->bnhf", tokens, value_kernel)

    def score(self, queries: Tensor) -> Tensor:
        """(B, K, H, F) queries to (B, H, K, N) logits."""
        return ops.einsum("bkhf,bnhf->bhkn", queries, self.keys)

    def gather(self, weights: Tensor) -> Tensor:
        """(B, H, K, N) weights to (B, K, H, F) weighted sums of values."""
        return ops.einsum("bhkn,bnhf->bkhf", weights, self.values)


class AbsorbedProjections:
    """The fast form for many tokens: no key and no value is ever formed."""

    def __init__(self, tokens: Tensor, key_kernel, value_kernel):
        self.tokens = tokens
        self.key_kernel = key_kernel
        self.value_kernel = value_kernel

    def score(self, queries: Tensor) -> Tensor:
        """(B, K, H, F) queries to (B, H, K, N) logits."""
        seen = ops.einsum("bkhf,chf->bhkc", queries, self.key_kernel)
        return ops.einsum("bhkc,bnc->bhkn", seen, self.tokens)

    def gather(self, weights: Tensor) -> Tensor:
        """(B, H, K, N) weights to (B, K, H, F) weighted sums of values."""
        seen = ops.einsum("bhkn,bnc->bhkc", weights, self.tokens)
        return ops.einsum("bhkc,chf->bkhf", seen, self.value_kernel)


class IdentityProjections:
    """No projections: tokens are their own keys and values (soft k-means)."""

    def __init__(self, tokens: Tensor):
        self.tokens = tokens

    def score(self, queries: Tensor) -> Tensor:
        """(B, K, 1, C) queries to (B, 1, K, N) logits."""
        return ops.einsum("bkhc,bnc->bhkn", queries, self.tokens)

    def gather(self, weights: Tensor) -> Tensor:
        """(B, 1, K, N) weights to (B, K, 1, C) weighted sums of tokens."""
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
    tokens: Tensor, key_kernel, value_kernel, num_slots, num_iterations
) -> FormedProjections | AbsorbedProjections:
    """The cheaper of the two forms for `tokens` (B, N, C)."""
    absorb = absorbing_is_cheaper(
        tokens.shape[1], num_slots, num_iterations, tuple(key_kernel.shape)
    )
    form = AbsorbedProjections if absorb else FormedProjections
    return form(tokens, key_kernel, value_kernel)
