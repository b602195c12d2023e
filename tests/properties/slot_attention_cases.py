"""Any layer, and any call of one, for the properties of `SlotAttention`."""

from dataclasses import dataclass

from hypothesis import strategies as st

from keras_slots import SlotAttention
from keras_slots.layers import SlotCenters
from keras_slots.layers.slot_attention.slot_attention import OPTIONS
from tests.properties.draws import (
    POLICIES,
    SCALES,
    SEEDS,
    choices,
    numbers,
    some,
)

# Of every argument of the constructor: a test compares the names.
ARGUMENTS = {
    "num_slots": st.integers(1, 6) | st.integers(1, 20),
    "slot_size": st.sampled_from((4, 6, 8, 1, 2, 3)),
    "num_iterations": st.integers(1, 3) | st.integers(1, 6),
    "mlp_hidden_size": st.integers(1, 6),
    "epsilon": st.sampled_from((1e-8, 0.0, 1e-3, 1.0)),
    "use_layer_norm": st.booleans(),
    "use_mlp": st.booleans(),
    "use_projections": st.booleans(),
    "temperature": some(st.sampled_from((1.0, 1e-3, 30.0))),
    "num_heads": st.sampled_from((1, 1, 2, 3, 4)),
    "centers": some(st.builds(SlotCenters, st.integers(1, 3), st.booleans())),
    "background_slot": st.booleans(),
    "kernel_initializer": st.sampled_from(("glorot_uniform", "he_normal")),
    "slots_initializer": st.sampled_from(("glorot_uniform", "ones")),
    "seed": some(SEEDS),
    **{name: st.sampled_from(options) for name, options in OPTIONS.items()},
}
# Drawn one apart from the other: not all combinations fit.
ANY_ARGUMENTS = st.fixed_dictionaries(ARGUMENTS)


def fits(arguments):
    """Whether the layer is to take such arguments."""
    centers = arguments["centers"] is not None
    return not (
        arguments["slot_size"] % arguments["num_heads"]
        or (arguments["num_heads"] > 1 and not arguments["use_projections"])
        or (centers and arguments["slot_size"] < 2)
        or (arguments["background_slot"] and arguments["num_slots"] < 2)
    )


def mended(arguments):
    """The nearest arguments that fit."""
    heads = arguments["num_heads"] if arguments["use_projections"] else 1
    centers = arguments["centers"] is not None
    size = max(arguments["slot_size"], 2 if centers else 1)
    return arguments | {
        "num_heads": heads,
        "slot_size": -(-size // heads) * heads,
        "background_slot": arguments["background_slot"]
        and arguments["num_slots"] > 1,
    }


@dataclass
class Case:
    """A layer, the arrays of a call of it, and what else the call says."""

    arguments: dict
    policy: str = "float32"
    seed: int = 0
    scale: float = 1.0
    constant: bool = False
    batch: int = 2
    tokens: int = 5
    call_slots: int | None = None
    call_iterations: int | None = None
    starts: bool = True
    masked: bool = False
    slots_masked: bool = False
    scores: bool = False
    all_iterations: bool = False

    def __post_init__(self):
        size = self.arguments["slot_size"]
        projected = self.arguments["use_projections"]
        self.slots = self.call_slots or self.arguments["num_slots"]
        self.iterations = (
            self.call_iterations or self.arguments["num_iterations"]
        )
        self.features = 5 if projected else size
        if self.arguments["slot_initialization"] != "shared_gaussian":
            # Slots of their own cannot be added.
            self.starts = self.starts or (
                self.slots > self.arguments["num_slots"]
            )

    def make_layer(self):
        layer = SlotAttention(**self.arguments, dtype=self.policy)
        layer.build((None, None, self.features))
        return layer

    def make_tokens(self):
        return numbers(
            self.seed,
            self.batch,
            self.tokens,
            self.features,
            scale=self.scale,
            constant=self.constant,
        )

    def make_starts(self):
        size = self.arguments["slot_size"]
        return numbers(self.seed + 1, self.batch, self.slots, size)

    def make_options(self):
        """Further arguments of the call."""
        options = {
            "num_slots": self.call_slots,
            "num_iterations": self.call_iterations,
            "return_attention_scores": self.scores,
            "return_all_iterations": self.all_iterations,
        }
        if self.masked:
            options["mask"] = choices(self.seed + 2, self.batch, self.tokens)
        if self.slots_masked:
            options["slot_mask"] = choices(
                self.seed + 3, self.batch, self.slots
            )
        if self.arguments["centers"] is not None:
            places = numbers(self.seed + 4, self.tokens, 2)
            options["positions"] = places.clip(-1, 1)
        return options

    def shapes(self):
        """Of slots and attention."""
        steps = (self.iterations,) if self.all_iterations else ()
        head = (self.batch, *steps, self.slots)
        return (
            (*head, self.arguments["slot_size"]),
            (*head, self.tokens),
        )


def layers(**fixed):
    """Arguments that fit; those of `fixed` from other strategies."""
    return st.fixed_dictionaries({**ARGUMENTS, **fixed}).map(mended)


ANY_CASE = st.builds(
    Case,
    arguments=layers(),
    policy=st.sampled_from(tuple(POLICIES)),
    seed=SEEDS,
    scale=SCALES,
    constant=st.booleans(),
    batch=st.integers(1, 3),
    tokens=st.integers(1, 12),
    call_slots=some(st.integers(1, 20)),
    call_iterations=some(st.integers(1, 3) | st.integers(1, 6)),
    starts=st.booleans(),
    masked=st.booleans(),
    slots_masked=st.booleans(),
    scores=st.booleans(),
    all_iterations=st.booleans(),
)
