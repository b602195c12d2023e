"""SlotMLP: the baseline of section 5.5, tables 8 and 9 of the supplement."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_slots.checks import as_integer, as_sizes
from keras_slots.layers.dense_layers import mlp
from keras_slots.types import Shape

# Section 5.5: the map is resized to keep the first layer's kernel small.
DEFAULT_MAP_SIZE = 16


@keras.saving.register_keras_serializable(package="keras_slots")
class SlotMLP(keras.layers.Layer):
    """Makes slots from tokens with an MLP: the baseline to Slot Attention.

    It replaces `SlotAttention` in a model (section 5.5). The map of tokens is
    resized to 16 x 16 and flattened, and an MLP turns it into all slots at
    once. So slots are not interchangeable: each slot has its own weights, and
    their number is fixed. The defaults are table 8 (set prediction);
    `SlotMLP.for_object_discovery` makes table 9.

    Args:
        num_slots: Integer K.
        slot_size: Integer D.
        mlp_sizes: Integers, the hidden layers, with ReLU. Defaults to
            `(512, 512)`.
        slot_mlp_sizes: Integers, the layers of an MLP that all slots share,
            after the first MLP; ReLU between them, but not at the end. The
            last is the size of the output slots. Defaults to `()`: no shared
            MLP.
        map_size: Integer, the side of the resized map of tokens. Defaults to
            `16`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(B, N, D_in)`, the tokens of a square map row by
            row, or `(B, H, W, D_in)`, the tokens of any map.

    Returns:
        Slots `(B, K, D)`, or `(B, K, slot_mlp_sizes[-1])`.

    Raises:
        ValueError: If an argument is out of range, or N is not a square.

    Example:
    >>> import keras
    >>> from keras_slots.layers import SlotMLP
    >>> layer = SlotMLP(num_slots=10, slot_size=64, mlp_sizes=(32, 32))
    >>> layer(keras.random.normal((2, 32 * 32, 8), seed=0)).shape
    TensorShape([2, 10, 64])

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """

    # Letters: B batch, N tokens, K slots, D slot size.

    def __init__(
        self,
        num_slots: int,
        slot_size: int,
        mlp_sizes: Sequence[int] = (512, 512),
        slot_mlp_sizes: Sequence[int] = (),
        map_size: int = DEFAULT_MAP_SIZE,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_slots = as_integer("num_slots", num_slots)
        self.slot_size = as_integer("slot_size", slot_size)
        self.mlp_sizes = as_sizes("mlp_sizes", mlp_sizes)
        self.slot_mlp_sizes = as_sizes("slot_mlp_sizes", slot_mlp_sizes)
        self.map_size = as_integer("map_size", map_size)
        self.input_spec = keras.InputSpec(min_ndim=3, max_ndim=4, name="inputs")

    @classmethod
    def for_object_discovery(
        cls, num_slots: int, slot_size: int, **kwargs
    ) -> "SlotMLP":
        """Makes the deeper MLP of table 9, with another MLP that slots share.

        Args:
            num_slots: Integer.
            slot_size: Integer; `64` in the paper, as in the shared MLP.
            **kwargs: Other arguments of `SlotMLP`.

        Returns:
            A `SlotMLP`.
        """
        return cls(
            num_slots,
            slot_size,
            mlp_sizes=(512, 1024, 1024),
            slot_mlp_sizes=(64, slot_size),
            **kwargs,
        )

    def build(self, input_shape):
        _map_shape(input_shape)
        features = self.map_size**2 * input_shape[-1]
        sizes = (*self.mlp_sizes, self.num_slots * self.slot_size)
        self.mlp = mlp(self, "mlp", features, sizes)
        self.slot_mlp = mlp(
            self, "slot_mlp", self.slot_size, self.slot_mlp_sizes
        )

    def call(self, inputs):
        height, width = _map_shape(inputs.shape)
        size = inputs.shape[-1]
        grid = ops.reshape(inputs, (-1, height, width, size))
        if (height, width) != (self.map_size, self.map_size):
            grid = ops.image.resize(
                grid,
                (self.map_size, self.map_size),
                data_format="channels_last",
            )  # (B, 16, 16, D_in)
        features = ops.reshape(
            ops.cast(grid, inputs.dtype), (-1, self.map_size**2 * size)
        )
        for dense in self.mlp:
            features = dense(features)
        slots = ops.reshape(features, (-1, self.num_slots, self.slot_size))
        for dense in self.slot_mlp:
            slots = dense(slots)
        return slots  # (B, K, D)

    def compute_output_shape(self, input_shape) -> Shape:
        size = (self.slot_size, *self.slot_mlp_sizes)[-1]
        return (input_shape[0], self.num_slots, size)

    def get_config(self):
        return {
            **super().get_config(),
            "num_slots": self.num_slots,
            "slot_size": self.slot_size,
            "mlp_sizes": self.mlp_sizes,
            "slot_mlp_sizes": self.slot_mlp_sizes,
            "map_size": self.map_size,
        }


def _map_shape(shape) -> tuple[int, int]:
    """Returns height and width of the map that the tokens come from."""
    if len(shape) == 4 and None not in shape[1:3]:
        return shape[1], shape[2]
    side = math.isqrt(shape[1] or 0)
    if len(shape) == 4 or not shape[1] or side**2 != shape[1]:
        raise ValueError(
            "`inputs` must be the tokens of a square map, or have the map's "
            "shape (B, H, W, D_in), of known size. "
            f"Received: inputs.shape={tuple(shape)}"
        )
    return side, side
