"""PropertyHead: slot to object properties, table 7 of the supplement."""

import keras
from keras import ops

from keras_slots.checks import (
    as_integer,
    as_integer_or_none,
    as_number,
    check_together,
)
from keras_slots.layers.dense_layers import dense
from keras_slots.layers.slot_centers import fourier_angles
from keras_slots.property_layout import NUM_COORDINATES
from keras_slots.types import Shape, Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class PropertyHead(keras.layers.Layer):
    """Predicts the properties and the position of each slot's object.

    The head is an MLP shared by all slots, with one hidden layer and ReLU, and
    a final sigmoid: discrete properties are one-hot encoded and coordinates are
    normalized to [0, 1] (section 5.4 and table 7).

    Args:
        num_features: Integer, the features of an object; the first three are
            its coordinates. Defaults to `19`, the features of CLEVR.
        hidden_size: Integer, units of the hidden layer. Defaults to `64`.
        coordinate_scale: Float, the range of the coordinates: the outputs lie
            in [0, `coordinate_scale`], like the targets (Figure 17).
            Defaults to `1.0`.
        center_frequencies: Integer. The head also receives the center of each
            slot's attention, by this number of octaves of Fourier features
            (beyond the paper, see `SlotCenters`). Defaults to `None`: it
            only reads the slot.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        slots: Float tensor `(..., K, slot_size)`.
        centers: Float tensor `(..., K, 2)`, with `center_frequencies`.

    Returns:
        Float tensor `(..., K, num_features)`, float32 under every policy.

    Raises:
        ValueError: If an argument is out of range, or `centers` are missing
            or not expected.

    Example:
    >>> import keras
    >>> from keras_slots.layers import PropertyHead
    >>> head = PropertyHead()
    >>> head(keras.random.normal((2, 10, 64), seed=0)).shape
    TensorShape([2, 10, 19])

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """

    # Letters: B batch, T iterations (if any), K slots, D slot size.

    def __init__(
        self,
        num_features: int = 19,
        hidden_size: int = 64,
        coordinate_scale: float = 1.0,
        center_frequencies: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_features = as_integer(
            "num_features", num_features, minimum=NUM_COORDINATES
        )
        self.hidden_size = as_integer("hidden_size", hidden_size)
        self.input_spec = keras.InputSpec(min_ndim=2, name="slots")
        self.coordinate_scale = as_number(
            "coordinate_scale", coordinate_scale, above=True
        )
        self.center_frequencies = as_integer_or_none(
            "center_frequencies", center_frequencies
        )

    def build(self, slots_shape):
        hidden_size = self.hidden_size
        self.hidden = dense(self, "hidden", slots_shape[-1], hidden_size)
        if self.center_frequencies is not None:
            # In float32, like positions: see `SlotCenters`.
            self.place = dense(
                self,
                "place",
                4 * self.center_frequencies + 2,
                hidden_size,
                use_bias=False,
                dtype="float32",
            )
        self.output_dense = dense(
            self, "output_dense", hidden_size, self.num_features
        )

    def call(self, slots, centers=None):
        check_together(
            centers=centers, center_frequencies=self.center_frequencies
        )
        places = tuple(getattr(centers, "shape", ()))
        if centers is not None and places[1:] != (*slots.shape[1:-1], 2):
            raise ValueError(
                "`centers` must be a tensor (..., K, 2) that fits the slots. "
                f"Received: centers={centers!r}, "
                f"slots.shape={tuple(slots.shape)}"
            )
        hidden = self.hidden(slots)
        if centers is not None:
            place = self._tell(centers)
            hidden = hidden + ops.cast(place, hidden.dtype)
        logits = self.output_dense(ops.relu(hidden))
        # Half precision rounds coordinates to a 256th of the scene.
        features = ops.sigmoid(ops.cast(logits, "float32"))
        if self.coordinate_scale == 1.0:
            return features
        return ops.concatenate(
            [
                self.coordinate_scale * features[..., :NUM_COORDINATES],
                features[..., NUM_COORDINATES:],
            ],
            axis=-1,
        )

    def _tell(self, centers: Tensor) -> Tensor:
        """Embeds the centers (..., K, 2) for the hidden layer."""
        centers = ops.cast(centers, "float32")
        angles = fourier_angles(centers, self.center_frequencies or 0)
        features = [centers, ops.sin(angles), ops.cos(angles)]
        return self.place(ops.concatenate(features, axis=-1))

    def compute_output_shape(self, slots_shape, centers_shape=None) -> Shape:
        return (*slots_shape[:-1], self.num_features)

    def compute_output_spec(self, slots, centers=None):
        # Keras would take the dtype of the policy.
        shape = self.compute_output_shape(slots.shape)
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_features": self.num_features,
            "hidden_size": self.hidden_size,
            "coordinate_scale": self.coordinate_scale,
            "center_frequencies": self.center_frequencies,
        }
