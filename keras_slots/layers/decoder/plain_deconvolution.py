"""A transposed convolution of stride 1, computed as a plain convolution.

At stride 1 a transposed convolution is a convolution with the kernel turned
by half a turn and its two channel axes exchanged. With padding SAME and odd
kernels both have the same padding, so this is exact. Backends can fuse the bias
and the activation into the plain form.
"""

import keras
from keras import ops

from keras_slots.types import Tensor


def deconvolve(inputs: Tensor, deconv: keras.layers.Conv2DTranspose) -> Tensor:
    """Computes a built `Conv2DTranspose` of padding SAME, with a bias."""
    if not is_plain(deconv):
        return deconv(inputs)
    kernel = ops.flip(ops.flip(deconv.kernel, axis=0), axis=1)  # (k, k, F, D)
    kernel = ops.cast(ops.swapaxes(kernel, 2, 3), inputs.dtype)
    outputs = ops.conv(inputs, kernel, padding="same")
    bias = ops.cast(deconv.bias, inputs.dtype)
    return deconv.activation(ops.add(outputs, bias))


def is_plain(deconv: keras.layers.Conv2DTranspose) -> bool:
    """Returns whether the plain form gives the same result."""
    odd = all(size % 2 == 1 for size in deconv.kernel_size)
    return odd and tuple(deconv.strides) == (1, 1)
