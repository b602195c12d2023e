"""A vector copied onto a grid, fused with a transposed convolution.

The first transposed convolution of a spatial broadcast decoder sees the slot
at every cell, plus a position map that all slots share. It is linear, so its
result is the sum of

- the deconvolved position map, computed once for all slots, and
- at each pixel, the slot times the sum of the kernel taps that reach the
  pixel from inside the grid.

Along an axis only few sets of taps occur: one inside (one per phase of the
stride), and some at each border. For kernel 5 at stride 1 there are five sets,
so 25 small products for a slot replace a convolution over its whole map.

Letters: S slots of all examples, D slot size, h, w grid, H, W pixels, k
kernel size, F filters, P, Q patterns of taps along the height and width.
"""

from functools import lru_cache

import keras
import numpy as np
from keras import ops

from keras_slots.types import Tensor


def broadcast_deconvolve(
    slots: Tensor, position_map: Tensor, deconv: keras.layers.Conv2DTranspose
) -> Tensor:
    """Broadcasts slots (S, D), adds positions, deconvolves: (S, H, W, F).

    Never forms the sum. The position map is (1, h, w, D) with known h and w,
    and `deconv` a built layer with padding SAME and a bias.
    """
    _, height, width, _ = position_map.shape
    kernel = ops.cast(deconv.kernel, slots.dtype)
    shared = ops.conv_transpose(
        position_map, kernel, strides=deconv.strides, padding="same"
    )
    shared = shared + ops.cast(deconv.bias, slots.dtype)  # (1, H, W, F)
    rows = tap_patterns(height, deconv.kernel_size[0], deconv.strides[0])
    columns = tap_patterns(width, deconv.kernel_size[1], deconv.strides[1])
    products = _multiply_by_tap_sums(
        slots, kernel, rows[0], columns[0]
    )  # (S, P, Q, F)
    return deconv.activation(_spread(products, rows[1], columns[1]) + shared)


@lru_cache
def tap_patterns(
    size: int, kernel_size: int, stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the taps of a transposed convolution that reach each pixel.

    Padding is SAME along this axis: half of the pixels beyond `size * stride`
    are cut at the start, and the others, also an odd pixel, at the end.

    Returns:
        `taps`, float32 `(P, kernel_size)`: the distinct patterns, 1 for a
        tap that is used. `pattern`, float32 `(size * stride, P)`: 1 for the
        pattern of each pixel.
    """
    cut = max(kernel_size - stride, 0) // 2
    pixels = np.arange(size * stride)[:, None]
    # Tap t carries cell i to the pixel i * stride + t - cut.
    source = pixels + cut - np.arange(kernel_size)[None, :]
    counts = (source % stride == 0) & (source >= 0) & (source < size * stride)
    taps, index = np.unique(counts, axis=0, return_inverse=True)
    pattern = np.eye(len(taps))[index.reshape(-1)]
    return taps.astype("float32"), pattern.astype("float32")


def _multiply_by_tap_sums(slots, kernel, row_taps, column_taps):
    """Multiplies slots (S, D) by sums of the kernel's taps: (S, P, Q, F)."""
    row_taps = ops.convert_to_tensor(row_taps, dtype=slots.dtype)
    column_taps = ops.convert_to_tensor(column_taps, dtype=slots.dtype)
    sums = ops.einsum("pt,tufd->pufd", row_taps, kernel)
    sums = ops.einsum("qu,pufd->dpqf", column_taps, sums)  # (D, P, Q, F)
    size, *patterns_and_filters = sums.shape
    products = ops.matmul(slots, ops.reshape(sums, (size, -1)))
    return ops.reshape(products, (-1, *patterns_and_filters))


def _spread(products, row_pattern, column_pattern):
    """Spreads (S, P, Q, F) to (S, H, W, F); single patterns keep size 1.

    This uses products with zeros and ones, as the gradient of `take` is a slow
    scatter on a CPU.
    """
    height, num_rows = row_pattern.shape
    width, num_columns = column_pattern.shape
    filters = products.shape[-1]
    spread = products
    if num_columns > 1:
        pattern = ops.convert_to_tensor(column_pattern, dtype=products.dtype)
        spread = ops.matmul(pattern, spread)  # (S, P, W, F)
    else:
        width = 1
    if num_rows > 1:
        pattern = ops.convert_to_tensor(row_pattern, dtype=products.dtype)
        spread = ops.reshape(spread, (-1, num_rows, width * filters))
        spread = ops.matmul(pattern, spread)  # (S, H, W * F)
    else:
        height = 1
    return ops.reshape(spread, (-1, height, width, filters))
