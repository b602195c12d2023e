"""A folder belongs to the settings that claim it first."""

import os
import threading

import pytest

from keras_slots.datasets.storage import settings_file
from keras_slots.datasets.storage.settings_file import (
    claim_folder,
    read_settings,
)
from keras_slots.files import put_in_place


def claim_at_once(folder, all_settings):
    """Which claims are refused, of many at one moment."""
    start = threading.Barrier(len(all_settings))
    refused = []

    def claim(settings):
        start.wait()
        try:
            claim_folder("cache", folder, settings)
        except ValueError as error:
            refused.append(str(error))

    threads = [
        threading.Thread(target=claim, args=(settings,))
        for settings in all_settings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_of_many_settings_at_once_one_is_taken(tmp_path):
    for attempt in range(50):
        folder = str(tmp_path / str(attempt))
        refused = claim_at_once(folder, [{"seed": i} for i in range(8)])
        assert len(refused) == 7
        assert all("scenes of other settings" in text for text in refused)
        assert os.listdir(folder) == ["settings.json"]


def test_the_same_settings_at_once_are_all_taken(tmp_path):
    for attempt in range(50):
        folder = str(tmp_path / str(attempt))
        assert not claim_at_once(folder, [{"seed": 1}] * 8)


def test_a_disk_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    claim_folder("cache", str(tmp_path), {"seed": 1})
    assert read_settings(str(tmp_path)) == {"seed": 1}
    assert os.listdir(tmp_path) == ["settings.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="of Linux alone")
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(path, *arguments, **options):
        with open(path, "w"):
            return open("/dev/full", *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(settings_file, "open", full, raising=False)
        with pytest.raises(OSError, match="No space left"):
            claim_folder("cache", str(tmp_path), {"seed": 1})
    assert os.listdir(tmp_path) == []
    claim_folder("cache", str(tmp_path), {"seed": 1})


def test_what_a_file_browser_leaves_does_no_harm(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"")
    claim_folder("cache", str(tmp_path), {"seed": 1})
    (tmp_path / "settings.json").unlink()
    (tmp_path / "holiday.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"holds no settings\.json\. Received"):
        claim_folder("cache", str(tmp_path), {"seed": 1})


def test_two_writers_of_a_file_do_not_meet(tmp_path):
    path = str(tmp_path / "shard")
    with put_in_place(path) as first, put_in_place(path) as second:
        assert first != second
        for unfinished in (first, second):
            with open(unfinished, "w") as file:
                file.write("whole")
    assert os.listdir(tmp_path) == ["shard"]
