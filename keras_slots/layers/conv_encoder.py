"""ConvEncoder: image to tokens, section 5.1 of the supplement."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_slots.checks import (
    Sizes,
    as_integer,
    as_sizes,
    as_sizes_or_one,
    one_each,
)
from keras_slots.layers.dense_layers import dense, mlp
from keras_slots.layers.fast.layer_norm import layer_norm
from keras_slots.layers.soft_position_embed import SoftPositionEmbed
from keras_slots.types import Shape


@keras.saving.register_keras_serializable(package="keras_slots")
class ConvEncoder(keras.layers.Layer):
    """Turns an image into tokens, one for each cell of a feature map.

    The encoder has convolutions with ReLU (padding SAME), a position embedding,
    and for each location a layer normalization and an MLP: section 5.1 of the
    supplement of Locatello et al. (2020). The defaults are table 3 (CLEVR);
    `filters=(32, 32, 32, 32)` with `mlp_sizes=(32, 32)` is table 4
    (Tetrominoes, Multi-dSprites), and `strides=(1, 2, 2, 1)` the smaller map
    of the property prediction experiments (the starred layers of table 3).

    The weights do not depend on the size of the image.

    Args:
        filters: Integers, the channels of each convolution. Defaults to
            `(64, 64, 64, 64)`.
        kernel_sizes: Integer, or one for each convolution. Defaults to `5`.
        strides: Integer, or one for each convolution. Defaults to `1`.
        mlp_sizes: Integers, the units of each layer of the MLP; the last
            layer has no activation. Defaults to `(64, 64)`.
        num_frequencies: Integer, as in `SoftPositionEmbed`. Defaults to `0`.
        use_position_embedding: Whether tokens receive their positions
            (Figure 2). Defaults to `True`.
        append_color: Whether every token also carries the mean color of the
            pixels under it, through a linear layer that doubles the number of
            features (beyond the paper). Then tokens differ by color from the
            first step on, before the convolutions have learned anything.
            Defaults to `False`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(B, H, W, C)`. B, H and W may be unknown.

    Returns:
        Tokens `(B, N, D)`, row by row: N is the product of
        `grid_size(H, W)`, D the last of `mlp_sizes`, or of `filters` without
        an MLP; doubled by `append_color`.

    Raises:
        ValueError: If an argument is out of range or the input is not an image.

    Example:
    >>> import keras
    >>> from keras_slots.layers import ConvEncoder
    >>> encoder = ConvEncoder(filters=(8, 8), strides=(1, 2), mlp_sizes=(16,))
    >>> encoder(keras.ops.zeros((2, 35, 35, 3))).shape
    TensorShape([2, 324, 16])
    >>> encoder.grid_size(35, 35)
    (18, 18)

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """

    # Letters: B batch, H height, W width, C channels, N tokens, D features.

    def __init__(
        self,
        filters: Sequence[int] = (64, 64, 64, 64),
        kernel_sizes: Sizes = 5,
        strides: Sizes = 1,
        mlp_sizes: Sequence[int] = (64, 64),
        num_frequencies: int = 0,
        use_position_embedding: bool = True,
        append_color: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = as_sizes("filters", filters)
        self.kernel_sizes = as_sizes_or_one("kernel_sizes", kernel_sizes)
        self.strides = as_sizes_or_one("strides", strides)
        self.mlp_sizes = as_sizes("mlp_sizes", mlp_sizes)
        self.num_frequencies = as_integer(
            "num_frequencies", num_frequencies, minimum=0
        )
        self.use_position_embedding = use_position_embedding
        self.append_color = append_color
        if not self.filters:
            raise ValueError(
                "`filters` must have at least one entry. Received: filters=()"
            )
        one_each("kernel_sizes", self.kernel_sizes, len(self.filters))
        one_each("strides", self.strides, len(self.filters))
        self.input_spec = keras.InputSpec(ndim=4, name="inputs")
        if use_position_embedding:
            self.position = SoftPositionEmbed(
                num_frequencies, name="position", dtype=self.dtype_policy
            )

    def build(self, input_shape):
        shape = input_shape
        depth = len(self.filters)
        self.convs = []
        for index, (filters, kernel_size, stride) in enumerate(
            zip(
                self.filters,
                one_each("kernel_sizes", self.kernel_sizes, depth),
                one_each("strides", self.strides, depth),
                strict=True,
            )
        ):
            conv = keras.layers.Conv2D(
                filters,
                kernel_size,
                strides=stride,
                padding="same",
                activation="relu",
                name=f"conv{index}",
                dtype=self.dtype_policy,
            )
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            self.convs.append(conv)
        if self.use_position_embedding:
            self.position.build(shape)
        self.norm = layer_norm(self, "norm", (None, None, shape[-1]))
        self.mlp = mlp(self, "mlp", shape[-1], self.mlp_sizes)
        if self.append_color:
            size = (*self.filters, *self.mlp_sizes)[-1]
            self.color = dense(self, "color", input_shape[-1], size)

    def call(self, inputs):
        if "float" not in ops.dtype(inputs):
            raise ValueError(
                "`inputs` must hold floats. Convert images with integers from "
                "0 to 255 by `x / 127.5 - 1`. Received: "
                f"inputs.dtype={ops.dtype(inputs)}"
            )
        features = inputs
        for conv in self.convs:
            features = conv(features)
        if self.use_position_embedding:
            features = self.position(features)  # (B, h, w, F)
        batch, height, width, size = ops.shape(features)
        tokens = ops.reshape(features, (batch, height * width, size))
        tokens = self.norm(tokens)
        for layer in self.mlp:
            tokens = layer(tokens)
        if self.append_color:
            colors = self.color(self._mean_colors(inputs))
            tokens = ops.concatenate([tokens, colors], axis=-1)
        return tokens  # (B, N, D)

    def _mean_colors(self, inputs):
        """Averages the pixels under each token: (B, H, W, C) to (B, N, C).

        At the edges, only pixels inside the image count.
        """
        cell = math.prod(one_each("strides", self.strides, len(self.filters)))

        # On PyTorch, `average_pool` would count pixels of the edge twice.
        def sums(images):
            ones = ops.ones((cell, cell, images.shape[-1], 1), images.dtype)
            return ops.depthwise_conv(
                images, ones, cell, "same", data_format="channels_last"
            )

        colors = sums(inputs) / sums(ops.ones_like(inputs[:1, :, :, :1]))
        batch, height, width, channels = ops.shape(colors)
        return ops.reshape(colors, (batch, height * width, channels))

    def grid_size(
        self, height: int | None, width: int | None
    ) -> tuple[int | None, int | None]:
        """Returns the size of the map of tokens for an image size: `(h, w)`.

        Either is an integer, or `None` if unknown.
        """
        for stride in one_each("strides", self.strides, len(self.filters)):
            # Rounded up: padding is SAME.
            height = None if height is None else -(-height // stride)
            width = None if width is None else -(-width // stride)
        return height, width

    def compute_output_shape(self, input_shape) -> Shape:
        batch, height, width, _ = input_shape
        height, width = self.grid_size(height, width)
        num_tokens = None
        if height is not None and width is not None:
            num_tokens = height * width
        size = (*self.filters, *self.mlp_sizes)[-1]
        size *= 2 if self.append_color else 1
        return (batch, num_tokens, size)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_sizes": self.kernel_sizes,
            "strides": self.strides,
            "mlp_sizes": self.mlp_sizes,
            "num_frequencies": self.num_frequencies,
            "use_position_embedding": self.use_position_embedding,
            "append_color": self.append_color,
        }
