"""Files that are complete or missing."""

import csv
import json

import pytest

from keras_slots.files import write_json, write_rows


def test_json_and_rows_are_read_as_they_were(tmp_path):
    write_json(tmp_path / "values.json", {"step": [1, 2.5, None]})
    rows = [{"step": "1", "name": "a, b"}, {"step": "2", "name": ""}]
    write_rows(tmp_path / "rows.csv", rows)
    content = json.loads((tmp_path / "values.json").read_text())
    assert content == {"step": [1, 2.5, None]}
    with open(tmp_path / "rows.csv", newline="") as file:
        assert list(csv.DictReader(file)) == rows


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="not in fieldnames"):
        write_rows(path, [{"step": 1}, {"steps": 2}])
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert path.read_text() == "old"
