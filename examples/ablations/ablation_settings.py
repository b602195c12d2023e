"""What is ablated: one named setting for each curve of the supplement's plots.

A setting says in what it differs from the model and the training of the task,
whichever the task. To add one, give it a name in `SETTINGS` and a curve in
`FIGURES`; nothing else needs to know it.
"""

import dataclasses
from dataclasses import dataclass, field

from keras_slots.layers import SlotCenters

AROUND_CENTERS = {
    "decoder": {"center_frequencies": 4},
    "head": {"center_frequencies": 4},
}
# More than in training, and fewer (section 2, "Attention iterations").
TEST_ITERATIONS = tuple(range(1, 8))


@dataclass(frozen=True)
class Setting:
    """One difference from the default of a task.

    The first four are arguments of its parts; of decoder and head, a task has
    one. `training` are further fields of a `Preset`, rates and schedules.
    """

    slot_attention: dict = field(default_factory=dict)
    encoder: dict = field(default_factory=dict)
    decoder: dict = field(default_factory=dict)
    head: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    # "exact" and "more" are the curves of Figure 13, on scenes of few objects.
    slots: str = "usual"
    # Tokens must have the slots' size where nothing projects them.
    tokens_as_slots: bool = False
    # What a trained model is tested with beside its own number.
    test_iterations: tuple[int, ...] = ()

    def change(self, preset):
        """Changes the `Preset` of a task as the setting says."""
        changes = dict(self.training)
        for part in ("slot_attention", "encoder", "decoder", "head"):
            arguments = getattr(preset, part)
            if arguments is not None:  # A task has a decoder or a head.
                changes[part] = {**arguments, **getattr(self, part)}
        if self.tokens_as_slots:
            *hidden, _ = preset.make("encoder").mlp_sizes
            size = preset.slot_attention["slot_size"]
            changes["encoder"]["mlp_sizes"] = (*hidden, size)
        return dataclasses.replace(preset, **changes)


def _iterations(number):
    """Sets the number in training (Figure 6)."""
    return Setting({"num_iterations": number}, test_iterations=TEST_ITERATIONS)


SETTINGS = {
    "default": Setting(test_iterations=TEST_ITERATIONS),
    "weighted_sum": Setting({"aggregation": "weighted_sum"}),
    "weighted_sum_layer_norm": Setting(
        {"aggregation": "weighted_sum_layer_norm"}
    ),
    "no_position_embedding": Setting(encoder={"use_position_embedding": False}),
    "per_slot_gaussian": Setting({"slot_initialization": "per_slot_gaussian"}),
    # A sum, as the coefficients of a slot add up to one then (footnote 1).
    "softmax_over_inputs": Setting(
        {"softmax_axis": "inputs", "aggregation": "weighted_sum"}
    ),
    "no_gru": Setting({"update": "none"}),
    "iterations_1": _iterations(1),
    "iterations_2": _iterations(2),
    "iterations_4": _iterations(4),
    "iterations_5": _iterations(5),
    "no_layer_norm": Setting({"use_layer_norm": False}),
    "no_mlp": Setting({"use_mlp": False}),
    "temperature_1": Setting({"temperature": 1.0}),
    "epsilon_in_denominator": Setting({"epsilon_position": "denominator"}),
    "no_decay": Setting(training={"decay_rate": 1.0}),
    "no_warmup": Setting(training={"warmup_steps": 0}),
    "exact_slots": Setting(slots="exact"),
    "more_slots": Setting(slots="more"),
    "soft_k_means": Setting(
        {
            "update": "none",
            "use_layer_norm": False,
            "use_mlp": False,
            "use_projections": False,
        },
        tokens_as_slots=True,
    ),
    # Beyond the paper.
    "implicit_gradient": Setting({"gradient": "implicit"}),
    "bilevel_gradient": Setting({"gradient": "bilevel"}),
    "scaled_sum": Setting({"aggregation": "scaled_sum"}),
    "centers": Setting(
        {"centers": SlotCenters(4, name="centers")}, **AROUND_CENTERS
    ),
    "centers_and_scales": Setting(
        {"centers": SlotCenters(4, use_scales=True, name="centers")},
        **AROUND_CENTERS,
    ),
    "background_slot": Setting({"background_slot": True}),
    "self_attention": Setting({"slot_communication": "self_attention"}),
}


@dataclass(frozen=True)
class Figure:
    """One plot: names of curves and of their settings.

    With `by_test_iterations`, a second row of axes shows the final scores by
    the number of test iterations.
    """

    title: str
    curves: dict[str, str]
    by_test_iterations: bool = False


def _pair(number, title, usual, other, setting):
    """Makes a figure of two curves."""
    curves = {usual: "default", other: setting}
    return Figure(f"{title} (Figure {number})", curves)


FIGURES = {
    "1": Figure(
        "Aggregation (Figure 1)",
        {
            "weighted mean": "default",
            "weighted sum": "weighted_sum",
            "weighted sum + LayerNorm": "weighted_sum_layer_norm",
        },
    ),
    "2": _pair(
        2, "Position embedding", "with", "without", "no_position_embedding"
    ),
    "3": _pair(
        3,
        "Slot initialization",
        "shared Gaussian",
        "a Gaussian per slot",
        "per_slot_gaussian",
    ),
    "4": _pair(4, "Softmax axis", "slots", "inputs", "softmax_over_inputs"),
    "5": _pair(5, "Recurrent update", "GRU", "none", "no_gru"),
    "6": Figure(
        "Attention iterations in training (Figure 6)",
        {str(t): f"iterations_{t}" for t in range(1, 6)} | {"3": "default"},
        by_test_iterations=True,
    ),
    "7": _pair(7, "LayerNorm", "with", "without", "no_layer_norm"),
    "8": _pair(8, "Feedforward MLP", "with", "without", "no_mlp"),
    "9": _pair(
        9, "Softmax temperature", "square root of D", "1", "temperature_1"
    ),
    "10": _pair(
        10,
        "Offset for stability",
        "in the attention",
        "in the denominator",
        "epsilon_in_denominator",
    ),
    "11": _pair(11, "Learning rate decay", "with", "without", "no_decay"),
    "12": _pair(12, "Learning rate warm-up", "with", "without", "no_warmup"),
    "13": Figure(
        "Slots in training (Figure 13)",
        {"as many as needed": "exact_slots", "more": "more_slots"},
    ),
    "soft_k_means": Figure(
        "Soft k-means (section 2)",
        {"Slot Attention": "default", "soft k-means": "soft_k_means"},
    ),
    "beyond": Figure(
        "Beyond the paper",
        {
            "default": "default",
            "implicit gradient": "implicit_gradient",
            "bilevel gradient": "bilevel_gradient",
            "scaled sum": "scaled_sum",
            "centers": "centers",
            "centers and scales": "centers_and_scales",
            "background slot": "background_slot",
            "slots attend to slots": "self_attention",
        },
    ),
}
