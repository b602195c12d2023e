"""Tokens that are multiplied many times, and whose gradient is collected.

Every iteration of attention multiplies the tokens X twice, to score and to
gather them, and each product adds a matrix as large as X to its gradient:

    logits  = Q X^T    adds  dlogits^T Q
    updates = W X      adds  W^T dupdates

But the factors are small, and the sum of such products is one product of the
factors stacked:

    dX = [dlogits_1; W_1; dlogits_2; ...]^T [Q_1; dupdates_1; Q_2; ...]

So nothing as large as the tokens is made and added up 2 T times. To bring the
factors to one place, the tokens come with pairs of zeros, one pair for each
product, which are passed along with it, are not read, and receive its factors
as their gradients. The gradient of the tokens is made from those of all pairs.

Gradients written by hand go backwards only: on JAX, `jax.jvp` refuses them.

Letters: B batch, N tokens, C features, R rows (slots of all heads).
"""

import keras
from keras import ops

from keras_slots.types import Tensor


class CollectedTokens:
    """Tokens (B, N, C) to multiply with R rows, `num_products` times at most.

    Collecting the gradient does not pay where only the products of one
    iteration have one.
    """

    def __init__(
        self, tokens: Tensor, num_rows: int, num_products: int, collect: bool
    ):
        self.tokens = tokens
        # In Keras, custom gradients have one output on torch.
        self.collects = collect and keras.config.backend() != "torch"
        if self.collects:
            self.receivers = _receivers(tokens, num_rows, num_products)

    def score(self, queries: Tensor) -> Tensor:
        """Multiplies (B, R, C) with every token: (B, R, N)."""
        if not self.collects:
            return _score(self.tokens, queries)
        return _collected_score(self.tokens, queries, *next(self.receivers))

    def gather(self, weights: Tensor) -> Tensor:
        """Sums the tokens by weights (B, R, N): (B, R, C)."""
        if not self.collects:
            return _gather(self.tokens, weights)
        return _collected_gather(self.tokens, weights, *next(self.receivers))


def _receivers(tokens, num_rows, num_products):
    """Pairs of zeros, whose gradients make up that of the tokens."""

    @ops.custom_gradient
    def with_gradient(tokens):
        batch, num_tokens, size = ops.shape(tokens)
        left = ops.zeros((batch, num_rows, num_tokens), tokens.dtype)
        right = ops.zeros((batch, num_rows, size), tokens.dtype)

        def gradient(*factors):
            if len(factors) == 1:  # JAX passes the list as it came out.
                (factors,) = factors
            lefts = ops.concatenate(factors[0::2], axis=1)
            rights = ops.concatenate(factors[1::2], axis=1)
            return ops.einsum("brn,brc->bnc", lefts, rights)

        return [left, right] * num_products, gradient

    zeros = with_gradient(tokens)
    return zip(zeros[0::2], zeros[1::2], strict=True)


def _score(tokens, queries):
    return ops.einsum("brc,bnc->brn", queries, tokens)


def _gather(tokens, weights):
    return ops.einsum("brn,bnc->brc", weights, tokens)


@ops.custom_gradient
def _collected_score(tokens, queries, left, right):
    def gradient(upstream):
        of_queries = _gather(tokens, upstream)
        return _elsewhere(tokens), of_queries, upstream, queries

    return _score(tokens, queries), gradient


@ops.custom_gradient
def _collected_gather(tokens, weights, left, right):
    def gradient(upstream):
        of_weights = _score(tokens, upstream)
        return _elsewhere(tokens), of_weights, weights, upstream

    return _gather(tokens, weights), gradient


def _elsewhere(tokens):
    """Returns zeros: these tokens get their gradient from the receivers."""
    if keras.config.backend() == "tensorflow":
        return None  # Zeros would be added up all the same.
    return ops.zeros_like(tokens)
