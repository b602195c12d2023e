"""What the front page says runs as it stands."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)
# Shorter, for a test: fewer scenes, otherwise the same lines.
SHORTER = {
    '"train", batch_size=32': '"train", batch_size=32, num_scenes=64',
    '"test", batch_size=32': '"test", batch_size=32, num_scenes=64',
    "epochs=5": "epochs=1",
}


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_python_block_runs(block, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line, shorter in SHORTER.items():
        block = block.replace(line, shorter)
    exec(compile(block, "README.md", "exec"), {})
    for printed in re.findall(r"^print\(.*  # (.*)$", block, flags=re.M):
        assert printed in capsys.readouterr().out


def test_every_shortening_is_of_a_line_in_the_readme():
    assert all(line in README for line in SHORTER)
    assert len(BLOCKS) == 2
