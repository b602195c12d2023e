"""SlotCommunication: slots tell each other what they hold."""

import keras
from keras import ops

from keras_slots.layers.fast.layer_norm import layer_norm
from keras_slots.types import Tensor


class SlotCommunication(keras.layers.Layer):
    """Self-attention among the slots of an example, with a residual.

    In the paper slots know of each other by competing for tokens alone. The
    supplement (section 1, "Communication between slots") names self-attention
    as a more explicit way. Here it ends every iteration: normalize, attend,
    add, in the order of Xiong et al. (2020). Permuting the slots permutes the
    result. Slots that take no part neither send nor receive.

    A part of `SlotAttention`, which checks and documents the arguments.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)
        - [Xiong et al., 2020](https://arxiv.org/abs/2002.04745)
    """

    def __init__(
        self, slot_size, num_heads, use_layer_norm, kernel_initializer, **kwargs
    ):
        super().__init__(**kwargs)
        self.slot_size = slot_size
        self.num_heads = num_heads
        self.use_layer_norm = use_layer_norm
        self.kernel_initializer = kernel_initializer

    def build(self, slots_shape):
        if self.use_layer_norm:
            self.norm_messages = layer_norm(self, "norm_messages", slots_shape)
        self.messages = keras.layers.MultiHeadAttention(
            self.num_heads,
            key_dim=self.slot_size // self.num_heads,
            kernel_initializer=self.kernel_initializer.clone(),
            name="messages",
            dtype=self.dtype_policy,
        )
        self.messages.build(slots_shape, slots_shape)

    def call(self, slots: Tensor, slot_mask: Tensor | None = None) -> Tensor:
        normed = self.norm_messages(slots) if self.use_layer_norm else slots
        if slot_mask is None:
            return slots + self.messages(normed, normed)  # (B, K, D)
        senders = ops.cast(slot_mask, "bool")[:, None, :]  # (B, 1, K)
        received = self.messages(normed, normed, attention_mask=senders)
        receivers = ops.cast(slot_mask, "bool")[:, :, None]  # (B, K, 1)
        return slots + ops.where(receivers, received, ops.zeros_like(received))
