"""What the simplest groupings score, to measure a model against.

Objects of few colors that stand apart, as Tetrominoes are, fall in large part
to whoever looks at nothing but color, or at nothing but place. A model has
found objects where it scores more than either.
"""

import numpy as np
from scipy.cluster.vq import kmeans2, vq

_DARKEST_PIECE = -0.9  # Channels in [-1, 1]; a piece's are -1 or above -0.6.


def color_grouping(data):
    """The grouping by color for these scenes: a function `(image, mask)`.

    Args:
        data: String. Pieces of `"tetrominoes"` have one of six pure hues,
            which needs no k-means; the objects of other scenes any.
    """
    return hue_masks if data == "tetrominoes" else color_masks


def hue_masks(image, mask):
    """Groups by hue: pieces of one hue count as one object.

    Args:
        image: Float array `(B, H, W, 3)` in [-1, 1].
        mask: Integer array `(B, H, W)`; unused, for a common signature.

    Returns:
        Float array `(B, 8, H, W, 1)`: one mask for each set of channels that
        are lit, however brightly.
    """
    lit = image > _DARKEST_PIECE  # (B, H, W, 3)
    return _one_hot(lit @ np.array([1, 2, 4]), 8)


def color_masks(image, mask):
    """Groups by color: k-means on the colors of the objects' pixels.

    It is told which pixels belong to objects and how many objects there are.

    Args:
        image: Float array `(B, H, W, 3)`.
        mask: Integer array `(B, H, W)`: true labels, 0 the background.

    Returns:
        Float array `(B, 1 + number of objects, H, W, 1)`: the groups' masks.
    """
    return _cluster_masks(image, mask)


def position_masks(image, mask):
    """Groups by place: k-means on the coordinates of the objects' pixels.

    It is told which pixels belong to objects and how many objects there are.

    Args:
        image: Float array `(B, H, W, 3)`; unused, for a common signature.
        mask: Integer array `(B, H, W)`: true labels, 0 the background.

    Returns:
        Float array `(B, 1 + number of objects, H, W, 1)`: the groups' masks.
    """
    places = np.stack(np.indices(mask.shape[1:]), axis=-1)  # (H, W, 2)
    return _cluster_masks(np.broadcast_to(places, (*mask.shape, 2)), mask)


def _cluster_masks(features, mask):
    """K-means on the objects' pixels, each described by features (F,)."""
    groups = np.zeros(mask.shape, int)
    for values, labels, group in zip(features, mask, groups, strict=True):
        inside = labels > 0
        if not inside.any():
            continue
        num_objects = len(np.unique(labels[inside]))
        group[inside] = 1 + _clusters(values[inside].astype(float), num_objects)
    return _one_hot(groups, 1 + mask.max())


def _clusters(features, count):
    """Which of the clusters (P,) each of P pixels is in: the best of five."""
    groupings = []
    for seed in range(5):
        # "++": starts apart from each other, which finds flat colors at once.
        centers, _ = kmeans2(features, count, minit="++", rng=seed)
        groupings.append(vq(features, centers))
    return min(groupings, key=lambda group: np.sum(group[1] ** 2))[0]


def _one_hot(groups, size):
    masks = groups[:, None] == np.arange(size)[:, None, None]  # (B, K, H, W)
    return masks[..., None].astype("float32")
