"""Every setting changes what its figure is about, and nothing else."""

import importlib
import pathlib

import keras
import pytest

from keras_slots.layers import SlotCenters

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SOFT_K_MEANS = {
    "update": "none",
    "use_layer_norm": False,
    "use_mlp": False,
    "use_projections": False,
}


def centers(**kwargs):
    """The configuration of a part that places slots."""
    layer = SlotCenters(4, name="centers", **kwargs)
    return keras.saving.serialize_keras_object(layer)


# Setting, part, and what differs from the default there.
CHANGES = [
    ("weighted_sum", "slot_attention", {"aggregation": "weighted_sum"}),
    (
        "weighted_sum_layer_norm",
        "slot_attention",
        {"aggregation": "weighted_sum_layer_norm"},
    ),
    ("no_position_embedding", "encoder", {"use_position_embedding": False}),
    (
        "per_slot_gaussian",
        "slot_attention",
        {"slot_initialization": "per_slot_gaussian"},
    ),
    (
        "softmax_over_inputs",
        "slot_attention",
        {"softmax_axis": "inputs", "aggregation": "weighted_sum"},
    ),
    ("no_gru", "slot_attention", {"update": "none"}),
    *(
        (f"iterations_{number}", "slot_attention", {"num_iterations": number})
        for number in (1, 2, 4, 5)
    ),
    ("no_layer_norm", "slot_attention", {"use_layer_norm": False}),
    ("no_mlp", "slot_attention", {"use_mlp": False}),
    ("temperature_1", "slot_attention", {"temperature": 1.0}),
    (
        "epsilon_in_denominator",
        "slot_attention",
        {"epsilon_position": "denominator"},
    ),
    ("no_decay", "training", {"decay_rate": 1.0}),
    ("no_warmup", "training", {"warmup_steps": 0}),
    ("soft_k_means", "slot_attention", SOFT_K_MEANS),
    ("implicit_gradient", "slot_attention", {"gradient": "implicit"}),
    ("bilevel_gradient", "slot_attention", {"gradient": "bilevel"}),
    ("scaled_sum", "slot_attention", {"aggregation": "scaled_sum"}),
    ("centers", "slot_attention", {"centers": centers()}),
    (
        "centers_and_scales",
        "slot_attention",
        {"centers": centers(use_scales=True)},
    ),
    ("background_slot", "slot_attention", {"background_slot": True}),
    (
        "self_attention",
        "slot_attention",
        {"slot_communication": "self_attention"},
    ),
]
# What a task changes in other parts on top.
ELSEWHERE = {
    "centers": {"center_frequencies": 4},
    "centers_and_scales": {"center_frequencies": 4},
}
PARTS = {
    "object_discovery": ("encoder", "slot_attention", "decoder"),
    "property_prediction": ("encoder", "slot_attention", "head"),
}


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.syspath_prepend(EXAMPLES / "ablations")
    names = ("ablation_settings", "ablation_tasks")
    return [importlib.import_module(name) for name in names]


def configs(task):
    """All arguments of the parts and of the schedule, by part."""
    parts = {
        part: task.preset.make(part).get_config() for part in PARTS[task.name]
    }
    schedule = task.preset.make_optimizer().get_config()["learning_rate"]
    return {**parts, "training": schedule["config"]}


def difference(config, other):
    return {
        name: value
        for name, value in config.items()
        if value != other[name] and name not in ("name", "dtype")
    }


@pytest.mark.parametrize("scale", ["small", "paper"])
@pytest.mark.parametrize(
    ("setting", "part", "change"),
    CHANGES,
    ids=[f"{setting}" for setting, *_ in CHANGES],
)
def test_a_setting_changes_these_arguments_alone(
    modules, scale, setting, part, change
):
    settings, tasks = modules
    for task in tasks.make_tasks(scale).values():
        default = configs(task)
        changed = configs(task.changed(settings.SETTINGS[setting]))
        for name, config in changed.items():
            expected = change if name == part else {}
            if name in ("decoder", "head"):
                expected = ELSEWHERE.get(setting, {})
            assert difference(config, default[name]) == expected, name


@pytest.mark.parametrize(
    ("scale", "exact", "more", "usual"),
    [
        # Slots and most objects, of discovery and of prediction.
        ("small", [(4, 3), (3, 3)], [(6, 3), (6, 3)], [(4, 3), (3, 3)]),
        ("paper", [(7, 6), (6, 6)], [(11, 6), (10, 6)], [(7, 6), (10, 10)]),
    ],
)
def test_numbers_of_slots_and_objects(modules, scale, exact, more, usual):
    settings, tasks = modules
    for setting, expected in (
        ("exact_slots", exact),
        ("more_slots", more),
        ("default", usual),
    ):
        changed = [
            task.changed(settings.SETTINGS[setting])
            for task in tasks.make_tasks(scale).values()
        ]
        assert [
            (task.preset.slot_attention["num_slots"], task.max_objects)
            for task in changed
        ] == expected


def test_no_setting_is_forgotten(modules):
    settings, _ = modules
    tested = {setting for setting, *_ in CHANGES}
    tested |= {"default", "exact_slots", "more_slots"}
    assert tested == set(settings.SETTINGS)
    drawn = {
        setting
        for figure in settings.FIGURES.values()
        for setting in figure.curves.values()
    }
    assert drawn == set(settings.SETTINGS)
    figures = [*map(str, range(1, 14)), "soft_k_means", "beyond"]
    assert list(settings.FIGURES) == figures


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["small", "paper"])
def test_every_model_can_be_built(modules, scale):
    settings, tasks = modules
    for task in tasks.make_tasks(scale).values():
        for setting in settings.SETTINGS.values():
            changed = task.changed(setting)
            model = changed.make_model()
            slots = model.slot_attention.num_slots
            assert slots >= changed.max_objects


def test_the_paper_s_schedules_and_batches(modules):
    """Table 10, and section 2 for what is scored."""
    _, tasks = modules
    discovery, prediction = tasks.make_tasks("paper").values()
    for task, expected in (
        (discovery, (500_000, 320, 64, 10_000, 100_000)),
        (prediction, (150_000, 500, 512, 1_000, 50_000)),
    ):
        preset = task.preset
        assert expected == (
            task.steps,
            task.eval_scenes,
            preset.batch_size,
            preset.warmup_steps,
            preset.decay_steps,
        )
        assert preset.image_shape == (128, 128, 3)
        assert task.steps % task.epoch_steps == 0
