"""What the front page says runs as it stands."""

from pathlib import Path

import pytest

from tests.markdown_blocks import python_blocks, run_block

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = python_blocks(README)
# Shorter, for a test: fewer scenes, otherwise the same lines.
SHORTER = {
    '"train", batch_size=32': '"train", batch_size=32, num_scenes=64',
    '"test", batch_size=32': '"test", batch_size=32, num_scenes=64',
    "epochs=5": "epochs=1",
    # Tracing a graph takes longer than what it then does.
    ".make_optimizer())": ".make_optimizer(), run_eagerly=True)",
}


@pytest.mark.parametrize(
    "block",
    [*BLOCKS[:-1], pytest.param(BLOCKS[-1], marks=pytest.mark.slow)],
    ids=range(len(BLOCKS)),
)
def test_python_block_runs(block, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line, shorter in SHORTER.items():
        block = block.replace(line, shorter)
    run_block(block, "README.md", {}, capsys)


def test_every_shortening_is_of_a_line_in_the_readme():
    assert all(line in README for line in SHORTER)
    assert len(BLOCKS) == 3
