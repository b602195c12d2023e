"""Pictures and tables of ablations, from rows made by hand."""

import importlib
import pathlib

import pytest
from matplotlib.figure import Figure

from keras_slots.files import write_json

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.syspath_prepend(EXAMPLES / "ablations")
    names = ("ablation_report", "ablation_settings")
    return [importlib.import_module(name) for name in names]


def row(setting, seed, step, fg_ari, test_iterations=""):
    return {
        "task": "object_discovery",
        "setting": setting,
        "seed": str(seed),
        "step": str(step),
        "test_iterations": str(test_iterations),
        "fg_ari": str(fg_ari),
    }


ROWS = [
    row("default", 0, 10, 0.1),
    row("default", 0, 20, 0.5),
    row("default", 1, 10, 0.2),
    row("default", 1, 20, 0.7),
    row("default", 0, 20, 0.4, test_iterations=1),
    row("default", 1, 20, 0.5, test_iterations=1),
    row("default", 0, 20, 0.6, test_iterations=2),
    row("default", 1, 20, 0.8, test_iterations=2),
    row("no_gru", 0, 10, 0.1),
    row("no_gru", 0, 20, "nan"),
    row("no_gru", 1, 10, 0.1),
    row("no_gru", 1, 20, 0.1),
]


def test_the_table_has_every_seed_mean_and_spread(modules):
    table, _ = modules
    lines = table.make_table(ROWS).splitlines()
    title = "Object discovery: FG-ARI"
    assert lines[0].startswith("Final scores in %")
    assert lines[2].startswith(f"| setting | figures | {title} | ")
    # 0.2 / sqrt(2), as of a sample.
    assert lines[4].startswith("| `default` | 1, 2, 3, 4, 5, ")
    assert lines[4].endswith("| 60.0 ± 14.1 (50.0, 70.0) |  |  |")
    assert lines[5] == "| `no_gru` | 5 | diverged, 10.0 |  |  |"
    assert lines[7:] == [
        f"{title}, mean by test iterations:",
        "",
        "| setting | T = 1 | T = 2 |",
        "| --- | --- | --- |",
        "| `default` | 45.0 | 70.0 |",
    ]


def test_rows_are_of_all_runs_and_names(modules, tmp_path):
    """Settings that differ in nothing share a run."""
    report, _ = modules
    for seed, names in ((10, ["no_gru"]), (2, ["default", "exact_slots"])):
        folder = tmp_path / "runs" / f"object_discovery-{names[0]}-{seed}"
        scored = [{"step": 1, "fg_ari": 0.5}, {"step": 2, "fg_ari": 0.25}]
        folder.mkdir(parents=True)
        write_json(folder / "metrics.json", {"settings": names, "rows": scored})
    rows = report.read_rows(tmp_path)
    assert [(x["setting"], x["seed"], x["step"]) for x in rows] == [
        *(("default", 2, 1), ("default", 2, 2), ("no_gru", 10, 1)),
        *(("no_gru", 10, 2), ("exact_slots", 2, 1), ("exact_slots", 2, 2)),
    ]
    assert all(list(row) == list(report.COLUMNS) for row in rows)
    assert all(row["ap_inf"] is None for row in rows)


def test_curves_are_means_with_ranges_and_every_seed(modules, monkeypatch):
    figures, settings = modules
    drawn = []
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, path: drawn.append(figure)
    )
    figures.draw_figure(settings.FIGURES["6"], ROWS, "picture.png")
    by_step, by_iterations = drawn[0].axes  # Of one task, one column.
    assert by_step.get_title() == "Object discovery: FG-ARI"
    curves = {
        line.get_label(): line.get_xydata().tolist() for line in by_step.lines
    }
    assert curves["3"] == [[10, pytest.approx(0.15)], [20, 0.6]]
    values = [line.get_ydata().tolist() for line in by_step.lines]
    assert [0.1, 0.5] in values and [0.2, 0.7] in values
    assert by_iterations.get_xlabel() == "test iterations"
    values = [line.get_ydata().tolist() for line in by_iterations.lines]
    assert [0.45, pytest.approx(0.7)] in values and [0.4, 0.6] in values
    text = drawn[0].get_suptitle()
    assert text.endswith("(Figure 6): mean, range and each of 2 seeds")
    (legend,) = drawn[0].legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == list("12345")


def test_there_are_colors_for_every_curve(modules):
    figures, settings = modules
    for figure in settings.FIGURES.values():
        assert len(set(figure.curves.values())) == len(figure.curves)
        others = set(figure.curves.values()) - set(figures.DEFAULTS)
        assert len(others) <= len(figures.OTHERS)


def test_only_figures_with_rows_are_drawn(modules, tmp_path):
    figures, _ = modules
    paths = figures.draw_figures(["5", "13"], ROWS, tmp_path)
    assert paths == [tmp_path / "figure_5.png"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
