"""Cropping and resizing of images and masks."""

from collections.abc import Sequence

import tensorflow as tf

from keras_slots.checks import as_sizes_or_one, one_each

Crop = tuple[tuple[int, int], tuple[int, int]]


class ImageWindow:
    """Crops and resizes images and their masks in the same way.

    `crop` and `size` are as in `multi_object_records`. In the images' `shape`
    rows, columns and channels come last.
    """

    def __init__(
        self,
        crop: Crop | None,
        size: int | Sequence[int] | None,
        shape: tuple[int, ...],
    ):
        *self._frames, height, width, self._channels = shape
        self.crop = ((0, height), (0, width))
        if crop is not None:
            self.crop = _as_crop(crop, height, width)
        (top, bottom), (left, right) = self.crop
        self._cropped = bottom - top, right - left
        self.size: tuple[int, ...] = self._cropped
        if size is not None:
            self.size = one_each("size", as_sizes_or_one("size", size), 2)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Returns the shape of a cropped and resized image."""
        return (*self.mask_shape, self._channels)

    @property
    def mask_shape(self) -> tuple[int, ...]:
        """Returns the shape of a cropped and resized mask."""
        return (*self._frames, *self.size)

    def image(self, image: tf.Tensor) -> tf.Tensor:
        """Crops uint8 images (B, ..., H, W, C) and resizes them bilinearly.

        Like the paper's code, does not smooth them first. Rounds to uint8.
        """
        if self.size == self._cropped:
            return self._cut(image)
        resized = self._resize(image, tf.image.ResizeMethod.BILINEAR)
        return tf.cast(tf.round(resized), tf.uint8)

    def mask(self, mask: tf.Tensor) -> tf.Tensor:
        """Crops and resizes integer labels (B, ..., H, W)."""
        mask = mask[..., None]  # (B, ..., H, W, 1)
        if self.size == self._cropped:
            return self._cut(mask)[..., 0]
        # Any other method would mix the numbers of objects.
        method = tf.image.ResizeMethod.NEAREST_NEIGHBOR
        return self._resize(mask, method)[..., 0]

    def _cut(self, pixels):
        (top, bottom), (left, right) = self.crop
        return pixels[..., top:bottom, left:right, :]

    def _resize(self, pixels, method):
        channels = pixels.shape[-1]
        pixels = self._cut(pixels)
        # TensorFlow resizes one batch axis; frames of a video share it.
        frames = tf.reshape(pixels, (-1, *self._cropped, channels))
        frames = tf.image.resize(frames, self.size, method)
        return tf.reshape(frames, (-1, *self._frames, *self.size, channels))


def _as_crop(crop, height, width) -> Crop:
    try:
        ((top, bottom), (left, right)) = crop
        inside = 0 <= top < bottom <= height and 0 <= left < right <= width
        found = tuple(map(int, (top, bottom, left, right)))
    except (TypeError, ValueError):
        inside = False
    if not inside or found != (top, bottom, left, right):
        raise ValueError(
            "`crop` must be ((first row, row after the last), (first column, "
            f"column after the last)) within {height} rows and {width} "
            f"columns. Received: crop={crop!r}"
        )
    return found[:2], found[2:]
