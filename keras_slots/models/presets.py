"""Presets: the configurations of tables 3 to 7 and 10, and lighter ones."""

from dataclasses import dataclass

import keras

from keras_slots.checks import check_option
from keras_slots.layers.conv_encoder import ConvEncoder
from keras_slots.layers.decoder.spatial_broadcast_decoder import (
    SpatialBroadcastDecoder,
)
from keras_slots.layers.property_head import PropertyHead
from keras_slots.layers.slot_attention.slot_attention import SlotAttention
from keras_slots.layers.slot_centers import SlotCenters
from keras_slots.layers.spread_slots import SpreadSlots
from keras_slots.schedules.warmup_exponential_decay import (
    WarmupExponentialDecay,
)

PARTS = {
    "encoder": ConvEncoder,
    "slot_attention": SlotAttention,
    "decoder": SpatialBroadcastDecoder,
    "head": PropertyHead,
}


@dataclass(frozen=True)
class Preset:
    """One configuration: the parts of the model and how it is trained.

    Attributes:
        image_shape: `(H, W, C)` of the images.
        encoder: Arguments of `ConvEncoder`.
        slot_attention: Arguments of `SlotAttention`.
        decoder: Arguments of `SpatialBroadcastDecoder`, in a preset of
            `ObjectDiscovery`. Defaults to `None`.
        head: Arguments of `PropertyHead`, in a preset of `SetPrediction`.
            Defaults to `None`.
        learning_rate, warmup_steps, decay_steps, decay_rate: Arguments of
            `WarmupExponentialDecay` (section 5.6). Defaults to those of
            object discovery in tables 10a and 10b.
        batch_size: Integer. Defaults to `64`.
        train_steps: Integer. Defaults to `500_000`.
        pixel_noise: Float, as in `ObjectDiscovery`. Defaults to `None`.
        slot_charge: Float, as in `ObjectDiscovery`. Defaults to `0.0`.
        penalty_start: Integer, as in `ObjectDiscovery`. Defaults to `0`.
        loss_at_every_iteration: Boolean, as in `SetPrediction`. Defaults to
            `False`.
    """

    image_shape: tuple[int, int, int]
    encoder: dict
    slot_attention: dict
    decoder: dict | None = None
    head: dict | None = None
    learning_rate: float = 4e-4
    warmup_steps: int = 10_000
    decay_steps: int = 100_000
    decay_rate: float = 0.5
    batch_size: int = 64
    train_steps: int = 500_000
    pixel_noise: float | None = None
    slot_charge: float = 0.0
    penalty_start: int = 0
    loss_at_every_iteration: bool = False

    def make(self, part: str, dtype=None) -> keras.layers.Layer:
        """Makes a part of this preset, with fresh weights.

        Args:
            part: `"encoder"`, `"slot_attention"`, `"decoder"` or `"head"`.
            dtype: Dtype or policy of the part. Defaults to `None`.

        Returns:
            A layer.

        Raises:
            ValueError: If the preset has no such part.
        """
        check_option("part", part, PARTS)
        arguments = getattr(self, part)
        if arguments is None:
            models = ["ObjectDiscovery", "SetPrediction"]
            own, other = models if self.head is None else models[::-1]
            raise ValueError(
                f"This preset is one of `{own}`: it has no {part}. Choose one "
                f"of `{other}`. Received: {part}=None"
            )
        copies = {name: _copy(value) for name, value in arguments.items()}
        return PARTS[part](**copies, dtype=dtype)

    def make_optimizer(self) -> keras.optimizers.Optimizer:
        """Makes Adam with the warm-up and decay of this preset (table 10)."""
        schedule = WarmupExponentialDecay(
            self.learning_rate,
            warmup_steps=self.warmup_steps,
            decay_steps=self.decay_steps,
            decay_rate=self.decay_rate,
        )
        return keras.optimizers.Adam(
            schedule, beta_1=0.9, beta_2=0.999, epsilon=1e-8
        )


def _copy(value):
    """Copies a layer, so that no two models share its weights."""
    if isinstance(value, keras.Layer):
        return value.from_config(value.get_config())
    return value


def _paper_preset(image_size, channels, num_slots, decoder) -> Preset:
    """Makes a preset of the paper: tables 3 to 6 and 10."""
    return Preset(
        image_shape=(image_size, image_size, 3),
        encoder={"filters": (channels,) * 4, "mlp_sizes": (channels,) * 2},
        slot_attention={"num_slots": num_slots, "slot_size": 64},
        decoder=decoder,
    )


def _table_6(image_size):
    return {"grid_size": image_size, "filters": (32, 32, 32)}


def _spread_slots(num_slots, **kwargs) -> dict:
    """Makes learned slots with centers that start apart (beyond the paper)."""
    return {
        "num_slots": num_slots,
        "slot_size": 64,
        "slot_initialization": "learned",
        "slots_initializer": SpreadSlots(),
        "centers": SlotCenters(4, name="centers"),
        **kwargs,
    }


def _small_preset(size, strides, num_slots, decoder, **training) -> Preset:
    """Makes a preset to train on a processor (beyond the paper).

    Slots with centers, one of them for the background, and masks that say
    which slot made each pixel. What was tried on the way here is in
    docs/results/masks.md.
    """
    return Preset(
        image_shape=(size, size, 3),
        encoder={
            "filters": (32, 32, 32),
            "strides": strides,
            "mlp_sizes": (64, 64),
            "num_frequencies": 4,
            "append_color": True,
        },
        slot_attention=_spread_slots(
            num_slots, background_slot=True, gradient="bilevel"
        ),
        decoder={"background_slot": True, **decoder},
        learning_rate=1e-3,
        warmup_steps=300,
        decay_steps=3_000,
        batch_size=32,
        pixel_noise=0.2,
        **training,
    )


# For 64 x 64 pixels: 32 x 32 cells of 2 x 2.
CELLS = {
    "grid_size": 8,
    "filters": (64, 64),
    "kernel_sizes": 5,
    "strides": (2, 2),
    "patch_size": 2,
    "output_kernel_size": 3,
    "center_frequencies": 5,
    "mask_falloff": 2.0,
}
# For 35 x 35 pixels: an MLP that draws a patch for each cell.
PATCHES = {
    "grid_size": 7,
    "filters": (256, 256, 256),
    "kernel_sizes": 1,
    "output_kernel_size": 1,
    "patch_size": 5,
    "center_frequencies": 4,
    "mask_falloff": 8.0,
}
PRESETS = {
    "tetrominoes_paper": _paper_preset(35, 32, 4, _table_6(35)),
    "multi_dsprites_paper": _paper_preset(64, 32, 6, _table_6(64)),
    "clevr6": _paper_preset(
        128,
        64,
        7,
        # Table 5.
        {
            "grid_size": 8,
            "filters": (64,) * 5,
            "strides": (2, 2, 2, 2, 1),
        },
    ),
    "tetrominoes": _small_preset(
        35,
        strides=(2, 1, 1),
        num_slots=4,
        decoder=PATCHES,
        slot_charge=0.005,
        penalty_start=1_500,
        train_steps=9_000,
    ),
    "multi_dsprites": _small_preset(
        64,
        strides=(2, 2, 1),
        num_slots=6,
        decoder=CELLS,
        slot_charge=0.02,
        penalty_start=500,
        train_steps=4_000,
    ),
    "clevr_scenes": _small_preset(
        64,
        strides=(2, 2, 1),
        num_slots=8,
        decoder=CELLS,
        slot_charge=0.006,
        penalty_start=500,
        train_steps=5_000,
    ),
    # Table 3 with the starred strides, tables 7 and 10c.
    "clevr_properties": Preset(
        image_shape=(128, 128, 3),
        encoder={"strides": (1, 2, 2, 1)},
        slot_attention={"num_slots": 10, "slot_size": 64},
        head={"num_features": 19, "hidden_size": 64},
        warmup_steps=1_000,
        decay_steps=50_000,
        batch_size=512,
        train_steps=150_000,
    ),
    # Beyond the paper: slots with centers, told to the head. Six objects at
    # most; see docs/results/set_prediction.md.
    "clevr_scenes_properties": Preset(
        image_shape=(64, 64, 3),
        encoder={
            "filters": (32, 64, 64),
            "strides": (2, 2, 1),
            "num_frequencies": 4,
        },
        slot_attention=_spread_slots(6),
        head={
            "num_features": 19,
            "hidden_size": 128,
            "center_frequencies": 4,
        },
        learning_rate=1e-3,
        warmup_steps=300,
        decay_steps=3_000,
        batch_size=32,
        train_steps=8_000,
        loss_at_every_iteration=True,
    ),
}


def get_preset(name: str) -> Preset:
    """Returns the configuration called `name`.

    Args:
        name: String, a key of `PRESETS`.

    Returns:
        A `Preset`.

    Raises:
        ValueError: If there is no such preset.

    Example:

    >>> from keras_slots.models import get_preset
    >>> get_preset("clevr6").image_shape
    (128, 128, 3)
    """
    check_option("name", name, PRESETS)
    return PRESETS[name]
