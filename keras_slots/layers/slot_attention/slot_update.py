"""SlotUpdate: how a slot takes up what it gathered, Algorithm 1, lines 9-10."""

import keras
from keras import ops

from keras_slots.layers.fast.layer_norm import layer_norm
from keras_slots.layers.slot_attention.options import build_for_slots
from keras_slots.types import Tensor


class SlotUpdate(keras.layers.Layer):
    """A GRU step and a residual MLP, shared by all slots.

    A part of `SlotAttention`, which checks the arguments.

    Args:
        slot_size: Integer D.
        mlp_hidden_size: Integer, hidden units of the MLP.
        update: `"gru"`; `"none"`, where the updates are the new slots (Figure
            5); or a layer that is called with `(updates, slots)`. The MLP
            follows in every case.
        use_mlp: Whether the residual MLP follows (Figure 8).
        use_layer_norm: Whether the MLP's input is normalized (Figure 7).
        kernel_initializer: Initializer of the MLP's kernels.
        **kwargs: Arguments of `keras.layers.Layer`.
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
        self.mlp_hidden = self._dense(
            "mlp_hidden", self.mlp_hidden_size, "relu"
        )
        self.mlp_hidden.build(slots_shape)
        self.mlp_output = self._dense("mlp_output", self.slot_size, None)
        self.mlp_output.build((*slots_shape[:-1], self.mlp_hidden_size))

    def _dense(self, name, units, activation):
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=self.kernel_initializer.clone(),
            name=name,
            dtype=self.dtype_policy,
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
