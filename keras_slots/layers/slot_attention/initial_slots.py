"""InitialSlots: where the slots of Algorithm 1 start."""

import keras
from keras import ops

from keras_slots.layers.slot_attention.replica_noise import ReplicaNoise
from keras_slots.types import Tensor


class InitialSlots(keras.layers.Layer):
    """The first slots: drawn from a learned Gaussian, or learned themselves.

    A part of `SlotAttention`, which checks and documents the arguments. A
    Gaussian shared by all slots can draw any number of them. The background's
    slot is learned in either case: one of its kind, it needs no noise to
    differ from the others.
    """

    def __init__(
        self,
        num_slots,
        slot_size,
        kind,
        has_background,
        initializer,
        seed,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_slots = num_slots
        self.slot_size = slot_size
        self.kind = kind
        self.has_background = has_background
        self.initializer = initializer
        self.seed_generator = ReplicaNoise(seed, name="seed_generator")

    def build(self, input_shape=None):
        rows = self.num_slots - self.has_background
        if self.kind == "shared_gaussian":
            rows = 1
        self.mu = self._parameter("mu", rows)
        if self.kind != "learned":
            self.log_sigma = self._parameter("log_sigma", rows)
        if self.has_background:
            self.background = self._parameter("background", 1)

    def _parameter(self, name, rows):
        # The leading 1 gives the fans of the authors' (1, 1, D) variables.
        # Never cast: the draw is made in float32 under every policy.
        return self.add_weight(
            name=name,
            shape=(1, rows, self.slot_size),
            initializer=self.initializer.clone(),
            autocast=False,
        )

    def draw(self, batch_size, num_slots: int) -> Tensor:
        """Draws float32 slots (B, K, D): Algorithm 1, line 1."""
        if not self.has_background:
            return self._draw(batch_size, num_slots)
        background = ops.broadcast_to(
            ops.cast(self.background, "float32"),
            (batch_size, 1, self.slot_size),
        )
        others = self._draw(batch_size, num_slots - 1)
        return ops.concatenate([background, others], axis=1)

    def _draw(self, batch_size, num_slots):
        """Draws the slots that are not the background's."""
        shape = (batch_size, num_slots, self.slot_size)
        mu = ops.cast(self.mu[:, :num_slots], "float32")  # (1, 1 or K, D)
        if self.kind == "learned":
            return ops.broadcast_to(mu, shape)
        sigma = ops.exp(ops.cast(self.log_sigma[:, :num_slots], "float32"))
        noise = keras.random.normal(
            shape, dtype="float32", seed=self.seed_generator
        )
        return mu + sigma * noise
