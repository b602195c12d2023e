"""Measures of how slots share the images, without labels.

Letters: B images, K slots, H height, W width, N tokens. Every measure is one
number, the mean over the images.
"""

import math

import numpy as np
from keras import ops
from scipy.optimize import linear_sum_assignment

from keras_slots.checks import check_shapes
from keras_slots.types import Tensor

# A slot with a smaller share of the image is not in use.
SMALL_SHARE = 0.01
# The overlap of two masks, weighted as in `_duplicate_slots`. If two slots
# share an object two to one, the intersection is half of the union.
DUPLICATE_OVERLAP = 0.5
# A smaller sum or variance is only a rounding error.
TINY = 1e-9


def measure_slots(
    masks: Tensor, attention: Tensor | None = None
) -> dict[str, float]:
    """Measures how well slots have separated the images.

    A pixel belongs to the slot with the largest mask, or to the first of
    several equal masks. All measures are means over the images:

    - `slot_usage`: share of the slots that own more than 1 % of the image.
    - `effective_slots`: the number of equally large slots that would have the
      same entropy, 1 to K.
    - `mask_entropy`: entropy over the slots, averaged over the pixels, as a
      share of its maximum: 0 if each pixel belongs to one slot, 1 if all slots
      share each pixel equally.
    - `attention_entropy`: the same for the tokens' attention.
    - `dead_slots`: share of the slots that own no pixel.
    - `duplicate_slots`: share of the slots that hold the same pixels as another
      slot. Two slots are duplicates if the intersection of their masks is more
      than half of the union, both summed over pixels with a weight of one minus
      the pixel's entropy. So a background that all slots share equally, the
      typical solution (section 3.1 of the supplement), does not count. Slots
      with less than 1 % of the weighted total do not count, either. The slots'
      vectors are not compared, as they can be similar for different objects.
    - `stripes`: the share of the masks' variance over the pixels that rows
      alone, or columns alone, explain, whichever is larger: 1 for stripes,
      about 1/3 for quarters of the image, less for objects.
    - `place_bound`: the correlation between the masks of two images, with
      slots in the order that agrees best with the first image (any of several
      equally good orders): 1 if the masks are the same for all images.
    - `largest_share`: share of the image that its largest slot owns.
    - `border_slots`: the effective number of slots on the image's border:
      1 if a single slot holds the background.

    If masks are NaN, `mask_entropy` is NaN, and all other measures are
    meaningless.

    Args:
        masks: Float tensor `(B, K, H, W, 1)` or `(B, K, H, W)`: shares of the
            slots in each pixel. They are scaled to sum to one over the slots.
            At least two images and two slots.
        attention: Float tensor `(B, K, N)` of the same slots, scaled in the
            same way. Defaults to `None`: no `attention_entropy`.

    Returns:
        A dict from names to floats.

    Raises:
        ValueError: If a shape does not fit, or a value is negative.

    Example:

    >>> import numpy as np
    >>> from keras_slots.callbacks import measure_slots
    >>> top = np.repeat([1.0, 0.0], 4)[:, None] * np.ones((8, 8))
    >>> masks = np.stack([top, 1 - top])[None].repeat(2, axis=0)
    >>> measures = measure_slots(masks)  # The top half and the bottom half.
    >>> round(measures["stripes"], 3), round(measures["effective_slots"], 3)
    (1.0, 2.0)
    """
    masks = _shares("masks", _without_channel(_to_array(masks)))
    batch, num_slots = masks.shape[:2]
    slots = np.arange(num_slots)[:, None, None]
    owned = masks.argmax(axis=1)[:, None] == slots  # (B, K, H, W)
    shares = owned.mean(axis=(2, 3))  # (B, K)
    entropy = _entropy(masks, axis=1) / math.log(num_slots)  # (B, H, W)
    measures = {
        "slot_usage": np.mean(shares > SMALL_SHARE),
        "effective_slots": _effective_slots(masks.mean(axis=(2, 3))),
        "mask_entropy": entropy.mean(),
        "dead_slots": np.mean(shares == 0),
        "duplicate_slots": _duplicate_slots(masks, 1 - entropy),
        "stripes": _stripes(masks),
        "place_bound": _place_bound(masks),
        "largest_share": shares.max(axis=1).mean(),
        "border_slots": _effective_slots(_border(masks).mean(axis=2)),
    }
    if attention is not None:
        attention = _to_array(attention)
        axes = {"attention": (attention, "(B, K, N)")}
        check_shapes(axes, B=batch, K=num_slots)
        entropy = _entropy(_shares("attention", attention), axis=1)
        measures["attention_entropy"] = entropy.mean() / math.log(num_slots)
    return {name: float(value) for name, value in measures.items()}


def _to_array(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def _without_channel(masks):
    axes = "(B, K, H, W, 1)" if masks.ndim == 5 else "(B, K, H, W)"
    check_shapes({"masks": (masks, axes)})
    if min(masks.shape[:2]) < 2:
        raise ValueError(
            "`masks` must have at least two images and two slots, to compare "
            f"them. Received: masks.shape={masks.shape}"
        )
    return masks[..., 0] if masks.ndim == 5 else masks


def _shares(name, values):
    """Scales sums over the slots, axis 1, to one; equal shares if all are 0."""
    if np.any(values < 0):
        raise ValueError(
            f"`{name}` must not be negative. Received: {name} from "
            f"{np.nanmin(values)}"
        )
    total = values.sum(axis=1, keepdims=True)
    even = 1 / values.shape[1]
    return np.where(total == 0, even, values / np.maximum(total, TINY))


def _entropy(shares, axis):
    return -np.sum(shares * np.log(np.maximum(shares, TINY)), axis=axis)


def _effective_slots(mass):
    """Computes the effective number of slots from their mass (B, K)."""
    return np.exp(_entropy(mass, axis=1)).mean()


def _border(masks):
    """Returns the outermost pixels (B, K, P) of masks (B, K, H, W)."""
    height, width = masks.shape[2:]
    rows, columns = np.ogrid[:height, :width]
    at_border = (
        (rows == 0)
        | (rows == height - 1)
        | (columns == 0)
        | (columns == width - 1)
    )
    return masks[:, :, at_border]


def _duplicate_slots(masks, weights):
    """Computes the share of slots with the same pixels as another slot."""
    weighted = masks * weights[:, None]  # (B, K, H, W)
    mass = weighted.sum(axis=(2, 3))  # (B, K)
    in_use = mass > SMALL_SHARE * mass.sum(axis=1, keepdims=True)
    duplicate = np.zeros(in_use.shape, bool)
    num_slots = masks.shape[1]
    for i in range(num_slots):
        for j in range(i):
            both = np.minimum(weighted[:, i], weighted[:, j]).sum(axis=(1, 2))
            either = mass[:, i] + mass[:, j] - both
            alike = both > DUPLICATE_OVERLAP * np.maximum(either, TINY)
            alike &= in_use[:, i] & in_use[:, j]
            duplicate[:, i] |= alike
            duplicate[:, j] |= alike
    return duplicate.mean()


def _stripes(masks):
    """Computes the share of variance that rows, or columns, explain."""
    total = masks.var(axis=(2, 3)).sum(axis=1)  # (B,)
    by_row = masks.mean(axis=3).var(axis=2).sum(axis=1)
    by_column = masks.mean(axis=2).var(axis=2).sum(axis=1)
    explained = np.maximum(by_row, by_column)
    return np.where(total > TINY, explained / np.maximum(total, TINY), 0).mean()


def _place_bound(masks):
    """Computes the mean correlation of the masks of two different images."""
    batch, num_slots = masks.shape[:2]
    flat = masks.reshape(batch, num_slots, -1)
    centered = flat - flat.mean(axis=2, keepdims=True)
    # Slots drawn from one Gaussian come in any order.
    for index in range(1, batch):
        agreement = centered[0] @ centered[index].T  # (K, K)
        # The matching needs numbers; NaN still spreads through the masks.
        agreement = np.nan_to_num(agreement)
        _, order = linear_sum_assignment(agreement, maximize=True)
        centered[index] = centered[index, order]
    norms = np.sqrt(np.sum(centered**2, axis=(1, 2), keepdims=True))
    units = centered / np.maximum(norms, TINY)
    # The sum over all pairs of images, minus the pairs of an image with itself.
    pairs = np.sum(units.sum(axis=0) ** 2) - np.sum(units**2)
    return pairs / (batch * (batch - 1))
