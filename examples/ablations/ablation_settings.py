"""What is ablated: one named setting for each curve of the supplement's plots.

A setting says in what it differs from the model and the training of the task,
whichever the task, and in which figure it is drawn. To add one, give it a name
in `SETTINGS`; nothing else needs to know it.
"""

import dataclasses
from dataclasses import dataclass, field

from keras_slots.layers import SlotCenters


@dataclass(frozen=True)
class Setting:
    """One difference from the default of a task.

    Four are arguments of its parts; of decoder and head, a task has one.
    `training` are further fields of a `Preset`, rates and schedules.
    """

    figure: str = ""  # A key of `FIGURES`.
    label: str = ""  # Of the curve.
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


# More than in training, and fewer (section 2, "Attention iterations").
SWEPT = {"test_iterations": tuple(range(1, 8))}
AROUND_CENTERS = {
    "decoder": {"center_frequencies": 4},
    "head": {"center_frequencies": 4},
}
CENTERS = SlotCenters(4, name="centers")
SCALED_CENTERS = SlotCenters(4, use_scales=True, name="centers")
SOFT_K_MEANS = {
    "update": "none",
    "use_layer_norm": False,
    "use_mlp": False,
    "use_projections": False,
}
SETTINGS = {
    "default": Setting(**SWEPT),
    "weighted_sum": Setting(
        "1", "weighted sum", {"aggregation": "weighted_sum"}
    ),
    "weighted_sum_layer_norm": Setting(
        "1",
        "weighted sum + LayerNorm",
        {"aggregation": "weighted_sum_layer_norm"},
    ),
    "no_position_embedding": Setting(
        "2", "without", encoder={"use_position_embedding": False}
    ),
    "per_slot_gaussian": Setting(
        "3", "a Gaussian per slot", {"slot_initialization": "per_slot_gaussian"}
    ),
    # A sum, as the coefficients of a slot add up to one then (footnote 1).
    "softmax_over_inputs": Setting(
        "4", "inputs", {"softmax_axis": "inputs", "aggregation": "weighted_sum"}
    ),
    "no_gru": Setting("5", "none", {"update": "none"}),
    "iterations_1": Setting("6", "1", {"num_iterations": 1}, **SWEPT),
    "iterations_2": Setting("6", "2", {"num_iterations": 2}, **SWEPT),
    "iterations_4": Setting("6", "4", {"num_iterations": 4}, **SWEPT),
    "iterations_5": Setting("6", "5", {"num_iterations": 5}, **SWEPT),
    "no_layer_norm": Setting("7", "without", {"use_layer_norm": False}),
    "no_mlp": Setting("8", "without", {"use_mlp": False}),
    "temperature_1": Setting("9", "1", {"temperature": 1.0}),
    "epsilon_in_denominator": Setting(
        "10", "in the denominator", {"epsilon_position": "denominator"}
    ),
    "no_decay": Setting("11", "without", training={"decay_rate": 1.0}),
    "no_warmup": Setting("12", "without", training={"warmup_steps": 0}),
    "exact_slots": Setting("13", "as many as needed", slots="exact"),
    "more_slots": Setting("13", "more", slots="more"),
    "soft_k_means": Setting(
        "soft_k_means", "soft k-means", SOFT_K_MEANS, tokens_as_slots=True
    ),
    "implicit_gradient": Setting(
        "beyond", "implicit gradient", {"gradient": "implicit"}
    ),
    "bilevel_gradient": Setting(
        "beyond", "bilevel gradient", {"gradient": "bilevel"}
    ),
    "scaled_sum": Setting(
        "beyond", "scaled sum", {"aggregation": "scaled_sum"}
    ),
    "centers": Setting(
        "beyond", "centers", {"centers": CENTERS}, **AROUND_CENTERS
    ),
    "centers_and_scales": Setting(
        "beyond",
        "centers and scales",
        {"centers": SCALED_CENTERS},
        **AROUND_CENTERS,
    ),
    "background_slot": Setting(
        "beyond", "background slot", {"background_slot": True}
    ),
    "self_attention": Setting(
        "beyond",
        "slots attend to slots",
        {"slot_communication": "self_attention"},
    ),
}
# By name: a title, and the label of the default's curve, where it has one.
TITLES = {
    "1": ("Aggregation", "weighted mean"),
    "2": ("Position embedding", "with"),
    "3": ("Slot initialization", "shared Gaussian"),
    "4": ("Softmax axis", "slots"),
    "5": ("Recurrent update", "GRU"),
    "6": ("Attention iterations in training", "3"),
    "7": ("LayerNorm", "with"),
    "8": ("Feedforward MLP", "with"),
    "9": ("Softmax temperature", "square root of D"),
    "10": ("Offset for stability", "in the attention"),
    "11": ("Learning rate decay", "with"),
    "12": ("Learning rate warm-up", "with"),
    "13": ("Slots in training", None),
    "soft_k_means": ("Soft k-means (section 2)", "Slot Attention"),
    "beyond": ("Beyond the paper", "default"),
}


@dataclass(frozen=True)
class Figure:
    """One plot: names of curves and of their settings.

    With `by_test_iterations`, a second row of axes shows the final scores by
    the number of test iterations.
    """

    title: str
    curves: dict[str, str]
    by_test_iterations: bool


def _figure(name, title, usual):
    """Makes a figure of the settings that name it, after the default."""
    curves = {usual: "default"} if usual else {}
    curves |= {s.label: key for key, s in SETTINGS.items() if s.figure == name}
    if name.isdecimal():
        title = f"{title} (Figure {name})"
    if name == "6":  # Numbers, the default in the middle.
        curves = dict(sorted(curves.items()))
    return Figure(title, curves, by_test_iterations=name == "6")


FIGURES = {name: _figure(name, *words) for name, words in TITLES.items()}
