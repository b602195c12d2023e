"""The slots' images as a mixture of Gaussians: which slot made which pixel."""

from keras import ops

from keras_slots.layers.fast.masked_softmax import masked_softmax
from keras_slots.types import Tensor

# Under the logarithm of masks: a slot that covers less cannot claim a pixel.
SMALLEST_MASK = 1e-4


def posterior_masks(
    image: Tensor, slot_images: Tensor, masks: Tensor, pixel_noise: float
) -> Tensor:
    """Computes which slot made each pixel, given what the pixel looks like.

    A decoder's masks m_k tell where a slot k expects to be seen. With the
    image x and what the slots draw, x_k, Bayes' rule gives the probability

        p(k | x) = m_k N(x; x_k, s^2) / sum_j m_j N(x; x_j, s^2)

    that a pixel is the slot's, for Gaussian noise of standard deviation s.
    So an edge lies where the colors change, also where the decoder draws
    shapes roughly. Computed in float32.

    Args:
        image: Float tensor `(B, H, W, C)`.
        slot_images: Float tensor `(B, K, H, W, C)`.
        masks: Float tensor `(B, K, H, W, 1)`, which sum to one over the slots.
            Where all masks of a slot are zero, so are the results.
        pixel_noise: Float, the standard deviation s in units of the image.

    Returns:
        Float32 tensor `(B, K, H, W, 1)`, which sums to one over the slots.

    Example:

    >>> import keras
    >>> from keras_slots.layers import posterior_masks
    >>> image = keras.ops.ones((1, 8, 8, 3))  # White, and two slots:
    >>> drawn = keras.ops.ones((1, 1, 8, 8, 3))
    >>> slot_images = keras.ops.concatenate([drawn, -drawn], axis=1)
    >>> masks = keras.ops.full((1, 2, 8, 8, 1), 0.5)
    >>> posterior = posterior_masks(image, slot_images, masks, pixel_noise=0.1)
    >>> keras.ops.convert_to_numpy(posterior[0, :, 0, 0, 0]).tolist()
    [1.0, 0.0]

    References:
        - [Greff et al., 2017](https://arxiv.org/abs/1708.03498), equation 4
    """
    logits = _log_joint(image, slot_images, masks, pixel_noise)
    # A slot that is left out has no mask at all.
    used = ops.cast(
        ops.any(masks > 0, axis=(2, 3, 4), keepdims=True), "float32"
    )
    return masked_softmax(logits, used, axis=1)


def mixture_error(
    image: Tensor, slot_images: Tensor, masks: Tensor, pixel_noise: float
) -> Tensor:
    """Computes how unlikely each pixel is, on the scale of a squared error.

    The logarithm of `sum_k m_k exp(-|x - x_k|^2 / 2 s^2)`, times -2 s^2 / C:
    with one slot, the mean squared error over the channels.

    Args:
        image: As in `posterior_masks`.
        slot_images: As in `posterior_masks`.
        masks: As in `posterior_masks`.
        pixel_noise: As in `posterior_masks`.

    Returns:
        Float32 tensor `(B, H, W)`.
    """
    logits = _log_joint(image, slot_images, masks, pixel_noise)
    scale = 2.0 * pixel_noise**2 / image.shape[-1]
    return -scale * ops.logsumexp(logits, axis=1)[..., 0]


def _log_joint(image, slot_images, masks, pixel_noise):
    """Computes log m_k - |x - x_k|^2 / 2 s^2: (B, K, H, W, 1)."""
    image, slot_images, masks = (
        ops.cast(x, "float32") for x in (image, slot_images, masks)
    )
    square = ops.square(slot_images - image[:, None])
    distance = ops.sum(square, axis=-1, keepdims=True)
    return ops.log(masks + SMALLEST_MASK) - distance / (2.0 * pixel_noise**2)
