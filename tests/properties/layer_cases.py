"""Any of the other layers, with an input and the shapes that come out."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from keras_slots import SoftPositionEmbed, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder, PropertyHead, SlotMLP
from tests.properties.draws import SEEDS, choices, numbers, some


@dataclass
class Case:
    """A layer's arguments, its inputs' shapes, and its outputs' shapes."""

    cls: type
    arguments: dict
    inputs: dict[str, tuple]
    outputs: list[tuple]
    # (B, K) of a mask of slots.
    slot_mask: tuple | None = None
    # Float32 under every policy.
    exact: bool = False
    seed: int = 0

    def make_layer(self, policy="float32"):
        layer = self.cls(**self.arguments, dtype=policy)
        layer.build(next(iter(self.inputs.values())))
        return layer

    def make_inputs(self, scale=1.0, constant=False):
        """The first of a scale, places as they are: about -1 to 1."""
        scales = [scale] + [1.0] * (len(self.inputs) - 1)
        arrays = {
            name: numbers(self.seed + i, *shape, scale=one, constant=constant)
            for i, ((name, shape), one) in enumerate(
                zip(self.inputs.items(), scales, strict=True)
            )
        }
        if "scales" in arrays:  # Standard deviations.
            arrays["scales"] = abs(arrays["scales"]) + 0.05
        return arrays

    def make_mask(self):
        if self.slot_mask is None:
            return {}
        return {"slot_mask": choices(self.seed, *self.slot_mask)}


SIZES = st.integers(1, 3)
SIDES = st.integers(1, 7)


def some_sizes(draw, length, sizes=SIZES):
    """One for all, or one each."""
    return draw(sizes | st.lists(sizes, min_size=length, max_size=length))


def each(sizes, length):
    return [sizes] * length if isinstance(sizes, int) else sizes


@st.composite
def soft_position_embeds(draw):
    shape = (draw(SIZES), draw(SIDES), draw(SIDES), draw(SIZES))
    arguments = {"num_frequencies": draw(st.integers(0, 3))}
    return Case(SoftPositionEmbed, arguments, {"inputs": shape}, [shape])


@st.composite
def conv_encoders(draw):
    batch, height, width = draw(SIZES), draw(SIDES), draw(SIDES)
    filters = draw(st.lists(SIZES, min_size=1, max_size=3))
    mlp_sizes = draw(st.lists(SIZES, max_size=2))
    strides = some_sizes(draw, len(filters))
    arguments = {
        "filters": filters,
        "kernel_sizes": some_sizes(draw, len(filters), st.integers(1, 5)),
        "strides": strides,
        "mlp_sizes": mlp_sizes,
        "num_frequencies": draw(st.integers(0, 2)),
        "use_position_embedding": draw(st.booleans()),
        "append_color": draw(st.booleans()),
    }
    rows, columns = height, width
    for stride in each(strides, len(filters)):
        rows, columns = -(-rows // stride), -(-columns // stride)
    size = (*filters, *mlp_sizes)[-1] * (1 + arguments["append_color"])
    return Case(
        ConvEncoder,
        arguments,
        {"inputs": (batch, height, width, draw(SIZES))},
        [(batch, rows * columns, size)],
    )


@st.composite
def decoders(draw):
    batch, slots, size = draw(SIZES), draw(SIZES), draw(st.integers(1, 4))
    filters = draw(st.lists(SIZES, max_size=2))
    strides = some_sizes(draw, len(filters))
    grid = draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    patch = draw(st.integers(1, 2))
    cell = patch
    for stride in each(strides, len(filters)):
        cell *= stride
    image = [side * cell for side in grid]
    cut = draw(st.booleans())
    if cut:
        image = [side - draw(st.integers(0, cell - 1)) for side in image]
    centers = draw(some(st.integers(1, 2)))
    channels = draw(SIZES)
    arguments = {
        "grid_size": grid,
        "filters": filters,
        "kernel_sizes": some_sizes(draw, len(filters), st.integers(1, 5)),
        "strides": strides,
        "output_channels": channels,
        "output_kernel_size": draw(st.integers(1, 4)),
        "patch_size": patch,
        "output_size": image if cut else None,
        "num_frequencies": draw(st.integers(0, 2)),
        "center_frequencies": centers,
        "mask_falloff": draw(st.sampled_from((0.0, 2.0))) if centers else 0.0,
        "background_slot": centers is not None and draw(st.booleans()),
        "mask_penalty": draw(st.sampled_from((0.0, 0.1))),
        "rematerialize": draw(st.booleans()),
    }
    inputs = {"slots": (batch, slots, size)}
    if centers:
        inputs["centers"] = (batch, slots, 2)
        if draw(st.booleans()):
            inputs["scales"] = (batch, slots, 2)
    drawn = (batch, slots, *image)
    return Case(
        SpatialBroadcastDecoder,
        arguments,
        inputs,
        [(batch, *image, channels), (*drawn, channels), (*drawn, 1)],
        slot_mask=(batch, slots) if draw(st.booleans()) else None,
    )


@st.composite
def property_heads(draw):
    centers = draw(some(st.integers(1, 2)))
    features = draw(st.integers(3, 8))
    arguments = {
        "num_features": features,
        "hidden_size": draw(SIZES),
        "coordinate_scale": draw(st.sampled_from((1.0, 0.1, 5.0))),
        "center_frequencies": centers,
    }
    head = draw(st.lists(SIZES, min_size=1, max_size=3))
    inputs = {"slots": (*head, draw(SIZES))}
    if centers:
        inputs["centers"] = (*head, 2)
    outputs = [(*head, features)]
    return Case(PropertyHead, arguments, inputs, outputs, exact=True)


@st.composite
def slot_mlps(draw):
    batch, slots, size = draw(SIZES), draw(SIZES), draw(SIZES)
    shared = draw(st.lists(SIZES, max_size=2))
    arguments = {
        "num_slots": slots,
        "slot_size": size,
        "mlp_sizes": draw(st.lists(SIZES, max_size=2)),
        "slot_mlp_sizes": shared,
        "map_size": draw(SIZES),
    }
    tokens = (draw(st.sampled_from((1, 4, 9))),)
    if draw(st.booleans()):
        tokens = (draw(SIDES), draw(SIDES))
    return Case(
        SlotMLP,
        arguments,
        {"inputs": (batch, *tokens, draw(SIZES))},
        [(batch, slots, (size, *shared)[-1])],
    )


def seeded(some_cases):
    return st.builds(
        lambda case, seed: replace(case, seed=seed), some_cases, SEEDS
    )


DECODERS = seeded(decoders())
BY_CLASS = {
    SoftPositionEmbed: seeded(soft_position_embeds()),
    ConvEncoder: seeded(conv_encoders()),
    SpatialBroadcastDecoder: DECODERS,
    PropertyHead: seeded(property_heads()),
    SlotMLP: seeded(slot_mlps()),
}
ANY_CASE = st.one_of(*BY_CLASS.values())
