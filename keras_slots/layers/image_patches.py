"""Images put together from patches, one for each cell of a map."""

from keras import ops

from keras_slots.types import Tensor


def arrange_patches(patches: Tensor, side: int) -> Tensor:
    """A square of pixels for each cell (S, h, w, p * p * C).

    Args:
        patches: Tensor `(S, h, w, p * p * C)`, a patch row by row.
        side: Integer p.

    Returns:
        Tensor `(S, h * p, w * p, C)`.
    """
    if side == 1:
        return patches
    _, height, width, features = patches.shape
    channels = features // side**2
    patches = ops.reshape(patches, (-1, height, width, side, side, channels))
    patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
    return ops.reshape(patches, (-1, height * side, width * side, channels))
