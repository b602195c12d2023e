"""SpatialBroadcastDecoder: slots to an image, section 5.3 of the supplement."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_slots.checks import (
    Sizes,
    as_integer,
    as_integer_or_none,
    as_number,
    as_sizes,
    as_sizes_or_one,
    check_shapes,
    check_together,
    one_each,
)
from keras_slots.layers.decoder.broadcast_deconvolution import (
    broadcast_deconvolve,
)
from keras_slots.layers.decoder.centered_position_embed import (
    CenteredPositionEmbed,
    cell_positions,
    squared_distances,
)
from keras_slots.layers.decoder.mix_slots import mix_slots
from keras_slots.layers.decoder.plain_deconvolution import deconvolve
from keras_slots.layers.decoder.rematerialize import one_by_one
from keras_slots.layers.fast.masked_softmax import fill_where_masked
from keras_slots.layers.slot_centers import is_object
from keras_slots.layers.soft_position_embed import SoftPositionEmbed
from keras_slots.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class SpatialBroadcastDecoder(keras.layers.Layer):
    """Decodes each slot to an image and a mask, and mixes the images.

    Every slot is copied onto a grid, receives the position of each cell, and is
    decoded by transposed convolutions that all slots share. The last
    convolution gives the channels of an image and one more channel. Its softmax
    over the slots is the slot's mask, the slot's share of each pixel. The image
    is the sum of the slots' images weighted by their masks (section 5.3 of the
    supplement of Locatello et al., 2020).

    The defaults with the image size as `grid_size` are table 6 (Tetrominoes,
    Multi-dSprites). Table 5 (CLEVR, 128 x 128) is `grid_size=8`,
    `filters=(64,) * 5`, `strides=(2, 2, 2, 2, 1)`. With kernels of size 1
    the decoder is an MLP for each cell; `patch_size` then lets a small grid
    fill a large image.

    The softmax and the mixture are computed in float32 under every dtype
    policy.

    Args:
        grid_size: Integer or pair (height, width), the grid that slots are
            copied onto.
        filters: Integers, the channels of each transposed convolution except
            the last. Defaults to `(32, 32, 32)`.
        kernel_sizes: Integer, or one for each of `filters`. Defaults to `5`.
        strides: Integer, or one for each of `filters`. Defaults to `1`.
        output_channels: Integer C, the channels of the image. Defaults to
            `3`.
        output_kernel_size: Integer, the kernel of the last transposed
            convolution. Defaults to `3`.
        patch_size: Integer. The last transposed convolution gives a square
            with this side, in pixels, for each of its cells. Defaults to
            `1`.
        output_size: Integer or pair (height, width), the size of the image.
            Decoded pixels beyond it, which must be fewer than for one cell of
            the grid, are cut at the bottom and right. `None` cuts
            nothing: the grid times strides times `patch_size`. Defaults to
            `None`.
        num_frequencies: Integer, as in `SoftPositionEmbed`; not used with
            `center_frequencies`. Defaults to `0`.
        center_frequencies: Integer F. Every slot is drawn around its own
            center: cells receive their position relative to this center, by F
            octaves of Fourier features, instead of their position in the
            image (beyond the paper). The call then needs `centers`. Defaults
            to `None`.
        mask_falloff: Float. The weight of the squared distance to the slot's
            center, in half image sizes, which is subtracted from the logits of
            the masks: a pixel then tends to belong to the nearest slot. Needs
            `center_frequencies`. Defaults to `0.0`.
        background_slot: Whether the first slot is for the background: it is
            drawn around the middle of the image, and its mask has no falloff.
            Needs `center_frequencies`. Defaults to `False`.
        mask_penalty: Float. The weight of a penalty in the loss: the mean
            square of the decoded logits of the masks. It makes slots paint
            shades with colors instead of masks, so that masks only show which
            slot a pixel belongs to. Defaults to `0.0`.
        rematerialize: Boolean, less memory for more time in training. The
            examples are decoded one after the other, and once more in the
            gradient, so that memory does not grow with the batch. The results
            are the same. Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        slots: Float tensor `(B, K, D)`. B and K may be unknown.
        slot_mask: Boolean tensor `(B, K)`, `True` for slots that take part.
            All other masks are zero, and these slots do not influence the
            image.
        centers: Float tensor `(B, K, 2)`, the (y, x) of the slots' centers
            with the outermost pixels at -1 and 1, for a decoder with
            `center_frequencies`.
        scales: Float tensor `(B, K, 2)`, the height and width of slots with
            scales: the units of their cells' positions.

    Returns:
        `(image, slot_images, masks)` of shapes `(B, H, W, C)`,
        `(B, K, H, W, C)` and `(B, K, H, W, 1)`. Masks sum to one over the
        slots of an example, unless no slot takes part.

    Raises:
        ValueError: If an argument is out of range or a shape does not fit.

    Example:
    >>> import keras
    >>> from keras_slots.layers import SpatialBroadcastDecoder
    >>> slots = keras.random.normal((2, 4, 16), seed=0)
    >>> decoder = SpatialBroadcastDecoder(grid_size=8, filters=(8, 8))
    >>> image, slot_images, masks = decoder(slots)
    >>> image.shape, slot_images.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2, 4, 8, 8, 3]))
    >>> masks.shape
    TensorShape([2, 4, 8, 8, 1])

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
        - [Watters et al., 2019](https://arxiv.org/abs/1901.07017)
    """

    # Letters: B batch, K slots, D slot size, h, w grid, H, W image, C
    # channels, p patch size.

    def __init__(
        self,
        grid_size: Sizes,
        filters: Sequence[int] = (32, 32, 32),
        kernel_sizes: Sizes = 5,
        strides: Sizes = 1,
        output_channels: int = 3,
        output_kernel_size: int = 3,
        patch_size: int = 1,
        output_size: Sizes | None = None,
        num_frequencies: int = 0,
        center_frequencies: int | None = None,
        mask_falloff: float = 0.0,
        background_slot: bool = False,
        mask_penalty: float = 0.0,
        rematerialize: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.grid_size = as_sizes_or_one("grid_size", grid_size)
        self.filters = as_sizes("filters", filters)
        self.kernel_sizes = as_sizes_or_one("kernel_sizes", kernel_sizes)
        self.strides = as_sizes_or_one("strides", strides)
        self.output_channels = as_integer("output_channels", output_channels)
        self.output_kernel_size = as_integer(
            "output_kernel_size", output_kernel_size
        )
        self.patch_size = as_integer("patch_size", patch_size)
        self.output_size = output_size
        if output_size is not None:
            self.output_size = as_sizes_or_one("output_size", output_size)
        self.num_frequencies = as_integer(
            "num_frequencies", num_frequencies, minimum=0
        )
        self.center_frequencies = as_integer_or_none(
            "center_frequencies", center_frequencies
        )
        self.mask_falloff = as_number("mask_falloff", mask_falloff)
        self.background_slot = background_slot
        self.mask_penalty = as_number("mask_penalty", mask_penalty)
        self.rematerialize = rematerialize
        self._check_arguments()
        self.input_spec = keras.InputSpec(ndim=3, name="slots")
        options = {"name": "position", "dtype": self.dtype_policy}
        if center_frequencies is None:
            self.position = SoftPositionEmbed(num_frequencies, **options)
        else:
            self.position = CenteredPositionEmbed(center_frequencies, **options)

    def _check_arguments(self):
        one_each("kernel_sizes", self.kernel_sizes, len(self.filters))
        decoded, cell = self.decoded_size(), self.pixels_per_cell()
        for name in ("mask_falloff", "background_slot"):
            if getattr(self, name) and self.center_frequencies is None:
                raise ValueError(
                    f"`{name}` needs `center_frequencies`. Received: "
                    f"{name}={getattr(self, name)}, center_frequencies=None"
                )
        for size, output in zip(decoded, self._image_size(), strict=True):
            if not size - cell < output <= size:
                raise ValueError(
                    f"`output_size` must be the decoded size, {decoded}, or "
                    f"smaller by less than one cell, {cell} pixels. "
                    f"Received: output_size={self.output_size}"
                )

    def _grid_size(self) -> tuple[int, ...]:
        return one_each("grid_size", self.grid_size, 2)

    def pixels_per_cell(self) -> int:
        """Returns the number of pixels of a grid cell along one axis."""
        strides = one_each("strides", self.strides, len(self.filters))
        return math.prod(strides) * self.patch_size

    def decoded_size(self) -> tuple[int, ...]:
        """Returns height and width before any cut."""
        grid_size = self._grid_size()
        return tuple(size * self.pixels_per_cell() for size in grid_size)

    def _image_size(self) -> tuple[int, ...]:
        if self.output_size is None:
            return self.decoded_size()
        return one_each("output_size", self.output_size, 2)

    def build(self, slots_shape):
        depth = len(self.filters)
        grid_size = self._grid_size()
        shape = (None, *grid_size, slots_shape[-1])
        self.position.build(shape)
        output_filters = self.patch_size**2 * (self.output_channels + 1)
        self.deconvs = []
        for index, (filters, kernel_size, stride) in enumerate(
            zip(
                (*self.filters, output_filters),
                (
                    *one_each("kernel_sizes", self.kernel_sizes, depth),
                    self.output_kernel_size,
                ),
                (*one_each("strides", self.strides, depth), 1),
                strict=True,
            )
        ):
            deconv = keras.layers.Conv2DTranspose(
                filters,
                kernel_size,
                strides=stride,
                padding="same",
                activation="relu" if index < depth else None,
                name=f"deconv{index}",
                dtype=self.dtype_policy,
            )
            deconv.build(shape)
            shape = deconv.compute_output_shape(shape)
            self.deconvs.append(deconv)

    def call(self, slots, slot_mask=None, centers=None, scales=None):
        self._check_call(slots, slot_mask, centers, scales)
        if slot_mask is not None:
            slot_mask = ops.cast(slot_mask, "bool")
        slots = fill_where_masked(slots, slot_mask)
        if scales is not None:
            scales = fill_where_masked(scales, slot_mask, 1.0)
        if centers is not None:
            centers = fill_where_masked(centers, slot_mask)
            centers = self.position.correct(slots, centers)
            if self.background_slot:
                centers = centers * is_object(ops.shape(slots)[1])
        places = [place for place in (centers, scales) if place is not None]
        inputs = [slots, *places]
        if self.rematerialize:
            decoded = one_by_one(self._decode, inputs, self.trainable_variables)
        else:
            decoded = self._decode(*inputs)  # (B, K, H, W, C + 1)
        return self._mix(decoded, slot_mask, centers)

    def _check_call(self, slots, slot_mask, centers, scales):
        check_together(
            centers=centers, center_frequencies=self.center_frequencies
        )
        if scales is not None and centers is None:
            raise ValueError(
                f"`scales` need `centers`. Received: scales={scales!r}"
            )
        check_shapes(
            {
                "slots": (slots, "(B, K, D)"),
                "slot_mask": (slot_mask, "(B, K)"),
                "centers": (centers, "(B, K, 2)"),
                "scales": (scales, "(B, K, 2)"),
            }
        )

    def _decode(self, slots: Tensor, *places: Tensor) -> Tensor:
        """Decodes slots (B, K, D) to images and logits (B, K, H, W, C + 1)."""
        num_slots = ops.shape(slots)[1]
        if places:
            decoded = self._first_layer_around(slots, *places)
        else:
            decoded = self._first_layer(slots)
        for deconv in self.deconvs[1:]:
            decoded = deconvolve(decoded, deconv)
        # (B * K, H, W, C + 1)
        decoded = arrange_patches(decoded, self.patch_size)
        height, width = self._image_size()
        decoded = decoded[:, :height, :width]
        return ops.reshape(
            decoded,
            (-1, num_slots, height, width, self.output_channels + 1),
        )

    def _first_layer(self, slots):
        """Decodes every slot on the same grid to (B * K, h, w, F)."""
        return broadcast_deconvolve(
            ops.reshape(slots, (-1, slots.shape[-1])),
            self.position.embedding(*self._grid_size()),
            self.deconvs[0],
        )

    def _first_layer_around(self, slots, *places):
        """Decodes every slot on a grid around its center, (B * K, h, w, F)."""
        slot_size = slots.shape[-1]
        cells = cell_positions(
            self._grid_size(), self._image_size(), self.pixels_per_cell()
        )  # (h * w, 2)
        placed = slots[:, :, None] + self.position(cells, *places)
        placed = ops.reshape(placed, (-1, *self._grid_size(), slot_size))
        return deconvolve(placed, self.deconvs[0])

    def _mix(self, decoded, slot_mask, centers):
        """Splits (B, K, H, W, C + 1) and sums the slots' weighted images."""
        decoded = ops.cast(decoded, "float32")
        slot_images, logits = _split(decoded, self.output_channels)
        if self.mask_penalty:
            self.add_loss(self.mask_penalty * mean_square(logits, slot_mask))
        if self.mask_falloff:
            distances = object_distances(
                centers, self._image_size(), self.background_slot
            )
            logits = logits - self.mask_falloff * distances
        image, masks = mix_slots(slot_images, logits, slot_mask)
        return tuple(
            ops.cast(output, self.compute_dtype)
            for output in (image, slot_images, masks)
        )

    def compute_output_shape(self, slots_shape) -> tuple[Shape, Shape, Shape]:
        batch, num_slots, _ = slots_shape
        height, width = self._image_size()
        return (
            (batch, height, width, self.output_channels),
            (batch, num_slots, height, width, self.output_channels),
            (batch, num_slots, height, width, 1),
        )

    def compute_output_spec(
        self, slots, slot_mask=None, centers=None, scales=None
    ):
        self._check_call(slots, slot_mask, centers, scales)
        return tuple(
            keras.KerasTensor(shape, dtype=self.compute_dtype)
            for shape in self.compute_output_shape(slots.shape)
        )

    def get_config(self):
        config = {
            name: getattr(self, name)
            for name in (
                "grid_size",
                "filters",
                "kernel_sizes",
                "strides",
                "output_channels",
                "output_kernel_size",
                "patch_size",
                "output_size",
                "num_frequencies",
                "center_frequencies",
                "mask_falloff",
                "background_slot",
                "mask_penalty",
                "rematerialize",
            )
        }
        return {**super().get_config(), **config}


def _split(decoded, num_channels):
    """Splits (..., C + 1) into (..., C) and (..., 1), if possible at once.

    The gradients of two slices are padded and added, which doubles the time of
    the mixture. But on PyTorch, Keras does not know the shapes of a split
    without its data, and would run the whole model for a symbolic call.
    """
    if keras.config.backend() == "torch":
        return decoded[..., :num_channels], decoded[..., num_channels:]
    return ops.split(decoded, [num_channels], axis=-1)


def arrange_patches(patches: Tensor, side: int) -> Tensor:
    """Arranges patches (S, h, w, p * p * C) as pixels (S, h * p, w * p, C)."""
    if side == 1:
        return patches
    _, height, width, features = patches.shape
    channels = features // side**2
    patches = ops.reshape(patches, (-1, height, width, side, side, channels))
    patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
    return ops.reshape(patches, (-1, height * side, width * side, channels))


def mean_square(logits: Tensor, slot_mask: Tensor | None) -> Tensor:
    """Averages squared logits (B, K, H, W, 1) of slots that take part."""
    square = ops.mean(ops.square(logits), axis=(2, 3, 4))  # (B, K)
    if slot_mask is None:
        return ops.mean(square)
    weights = ops.cast(slot_mask, "float32")
    return ops.sum(square * weights) / ops.maximum(ops.sum(weights), 1.0)


def object_distances(centers: Tensor, image_size, has_background) -> Tensor:
    """Computes squared distances of pixels to centers: (B, K, H, W, 1).

    They are 0 for the background's slot, which has no place.
    """
    distances = squared_distances(centers, image_size)
    if not has_background:
        return distances
    return distances * is_object(ops.shape(centers)[1])[:, :, None, None]
