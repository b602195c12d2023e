"""SlotUpdate: how a slot takes up what it gathered, Algorithm 1, lines 9-10."""

import keras
from keras import ops

from keras_slots.layers.dense_layers import dense
from keras_slots.layers.fast.layer_norm import layer_norm
from keras_slots.types import Tensor


class SlotUpdate(keras.layers.Layer):
    """A GRU step and a residual MLP, shared by all slots.

    A part of `SlotAttention`, which checks and documents the arguments.
    """

    def __init__(
        self,
        slot_size,
        mlp_hidden_size,
        update,
        use_mlp,
        use_layer_norm,
        kernel_initializer,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.slot_size = slot_size
        self.mlp_hidden_size = mlp_hidden_size
        self.update = update
        self.use_mlp = use_mlp
        self.use_layer_norm = use_layer_norm
        self.kernel_initializer = kernel_initializer

    def build(self, slots_shape):
        if isinstance(self.update, keras.Layer):
            build_for_slots("update", self.update, slots_shape, slots_shape)
        elif self.update == "gru":
            self.gru = keras.layers.GRUCell(
                self.slot_size, name="gru", dtype=self.dtype_policy
            )
            self.gru.build((None, self.slot_size))
        if not self.use_mlp:
            return
        if self.use_layer_norm:
            self.norm_mlp = layer_norm(self, "norm_mlp", slots_shape)
        self.mlp_hidden = dense(
            self,
            "mlp_hidden",
            self.slot_size,
            self.mlp_hidden_size,
            activation="relu",
            kernel_initializer=self.kernel_initializer.clone(),
        )
        self.mlp_output = dense(
            self,
            "mlp_output",
            self.mlp_hidden_size,
            self.slot_size,
            kernel_initializer=self.kernel_initializer.clone(),
        )

    def call(self, updates: Tensor, slots: Tensor) -> Tensor:
        if isinstance(self.update, keras.Layer):
            slots = ops.cast(self.update(updates, slots), self.compute_dtype)
        elif self.update == "gru":
            slots = self._recur(updates, slots)
        else:
            slots = updates
        if self.use_mlp:
            normed = self.norm_mlp(slots) if self.use_layer_norm else slots
            slots = slots + self.mlp_output(self.mlp_hidden(normed))
        return slots  # (B, K, D)

    def _recur(self, updates, slots):
        # The state is the slot as it was, not its normalized form.
        num_slots = slots.shape[1]
        flat, _ = self.gru(
            ops.reshape(updates, (-1, self.slot_size)),
            [ops.reshape(slots, (-1, self.slot_size))],
        )  # (B * K, D)
        return ops.reshape(flat, (-1, num_slots, self.slot_size))


def build_for_slots(name: str, layer: keras.Layer, *shapes) -> None:
    """Builds a user's layer, named for errors; it must give slots (B, K, D)."""
    given = layer(*(keras.KerasTensor(shape) for shape in shapes))
    shape = getattr(given, "shape", None)
    if shape is None or tuple(shape[1:]) != tuple(shapes[0][1:]):
        raise ValueError(
            f"`{name}` must be a layer that gives slots of shape "
            f"{tuple(shapes[0])}. Received: {name}={layer!r}, which gives "
            f"{shape if shape is None else tuple(shape)}"
        )
