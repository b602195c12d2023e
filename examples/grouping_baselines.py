"""What the simplest groupings score, to measure a model against.

Tetrominoes have few colours and stand apart, so much of their segmentation
falls to whoever looks at nothing but colour, or at nothing but place. A model
has found objects where it scores more than either.
"""

import numpy as np
from scipy.cluster.vq import kmeans, vq

_DARKEST_PIECE = -0.9  # Channels in [-1, 1]; a piece's are -1 or above -0.6.


def colour_masks(image, mask):
    """Groups by colour: pieces of one colour count as one object.

    Args:
        image: Float array `(B, H, W, 3)` in [-1, 1].
        mask: Integer array `(B, H, W)`; unused, for a common signature.

    Returns:
        Float array `(B, 8, H, W, 1)`: one mask for each set of channels that
        are lit, however brightly.
    """
    lit = image > _DARKEST_PIECE  # (B, H, W, 3)
    return _one_hot(lit @ np.array([1, 2, 4]), 8)


def position_masks(image, mask):
    """Groups by place: k-means on the coordinates of the pieces' pixels.

    It is told which pixels belong to pieces and how many pieces there are.

    Args:
        image: Float array `(B, H, W, 3)`; unused, for a common signature.
        mask: Integer array `(B, H, W)`: true labels, 0 the background.

    Returns:
        Float array `(B, 1 + number of pieces, H, W, 1)`: the groups' masks.
    """
    groups = np.zeros(mask.shape, int)
    for labels, group in zip(mask, groups, strict=True):
        places = np.argwhere(labels).astype(float)
        if not len(places):
            continue
        pieces = len(np.unique(labels[labels > 0]))
        centres, _ = kmeans(places, pieces, iter=5, rng=0)
        group[labels > 0] = 1 + vq(places, centres)[0]
    return _one_hot(groups, 1 + mask.max())


def _one_hot(groups, size):
    masks = groups[:, None] == np.arange(size)[:, None, None]  # (B, K, H, W)
    return masks[..., None].astype("float32")
