"""A dataset's elements as arrays."""

import numpy as np


def everything(dataset):
    """All elements of a batched dataset of dictionaries, joined."""
    batches = list(dataset.as_numpy_iterator())
    return {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}
