"""Layers that any Keras model can use."""

from keras_slots.layers.conv_encoder import ConvEncoder as ConvEncoder
from keras_slots.layers.decoder.mix_slots import mix_slots as mix_slots
from keras_slots.layers.decoder.pixel_mixture import (
    posterior_masks as posterior_masks,
)
from keras_slots.layers.decoder.spatial_broadcast_decoder import (
    SpatialBroadcastDecoder as SpatialBroadcastDecoder,
)
from keras_slots.layers.property_head import PropertyHead as PropertyHead
from keras_slots.layers.slot_attention.literal_slot_attention import (
    literal_slot_attention as literal_slot_attention,
)
from keras_slots.layers.slot_attention.slot_attention import (
    SlotAttention as SlotAttention,
)
from keras_slots.layers.slot_centers import SlotCenters as SlotCenters
from keras_slots.layers.slot_mlp import SlotMLP as SlotMLP
from keras_slots.layers.soft_position_embed import (
    SoftPositionEmbed as SoftPositionEmbed,
)
from keras_slots.layers.spread_slots import SpreadSlots as SpreadSlots
