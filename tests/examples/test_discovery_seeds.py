"""The benchmark over seeds: its table and its picture, without trainings."""

import json

import pytest
from matplotlib.figure import Figure

from benchmarks.learning import discovery_seeds


@pytest.fixture
def folders(tmp_path):
    """Two runs, the second of which failed."""
    folders = {}
    for seed, (minutes, score) in enumerate([(8, 0.97), (9, -0.02)]):
        folder = folders[seed] = tmp_path / f"seed_{seed}"
        folder.mkdir()
        means = {"model": score, "color_alone": 0.8, "position_alone": 0.9}
        row = {name: {"mean": mean} for name, mean in means.items()}
        scores = dict.fromkeys(("fg_ari", "ari", "mbo", "mask_iou"), row)
        metrics = {"seconds": minutes * 60, **scores}
        (folder / "metrics.json").write_text(json.dumps(metrics))
        history = f"step,validation_fg_ari\n500,0.1\n1000,{score}\n"
        (folder / "history.csv").write_text(history)
    return folders


def test_the_table_has_every_seed_mean_and_spread(folders, capsys):
    discovery_seeds.print_table(folders, published=False)
    assert capsys.readouterr().out.splitlines() == [
        "| seed | minutes | FG-ARI | ARI | mBO | IoU "
        "| color alone, FG-ARI | position alone, FG-ARI |",
        "|---|---|---|---|---|---|---|---|",
        "| 0 | 8.0 | 0.970 | 0.970 | 0.970 | 0.970 | 0.800 | 0.900 |",
        "| 1 | 9.0 | -0.020 | -0.020 | -0.020 | -0.020 | 0.800 | 0.900 |",
        "| mean | 8.5 | 0.475 | 0.475 | 0.475 | 0.475 | 0.800 | 0.900 |",
        # 0.99 / sqrt(2), as of a sample.
        "| standard deviation | 0.7 "
        "| 0.700 | 0.700 | 0.700 | 0.700 | 0.000 | 0.000 |",
    ]


def test_a_single_seed_has_a_table_too(folders, capsys):
    discovery_seeds.print_table({0: folders[0]}, published=False)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "| standard deviation | 0.0 " + 6 * "| 0.000 " + "|"


def test_the_picture_hides_no_failed_seed(folders, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, path: figures.append(figure)
    )
    discovery_seeds.plot_curves(folders, tmp_path / "seeds.png")
    (axis,) = figures[0].axes
    bottom, top = axis.get_ylim()
    scores = [y for line in axis.lines for y in line.get_ydata()]
    assert bottom <= min(scores) and max(scores) <= top
