"""The folder that `convert_records` fills and `record_shards` reads."""

import os
import re
from dataclasses import dataclass

import keras
import tensorflow as tf

from keras_slots.datasets.published.image_window import ImageWindow
from keras_slots.datasets.published.record_file import RecordFile
from keras_slots.datasets.published.record_formats import FORMATS
from keras_slots.datasets.published.scene_elements import scene_spec
from keras_slots.datasets.storage.scene_shards import (
    Arrays,
    shard_bytes,
    write_shard,
)
from keras_slots.datasets.storage.settings_file import (
    claim_folder,
    read_json,
    read_settings,
)
from keras_slots.files import write_json

SHARD_RECORDS = 500
# Changes whenever the same settings give other scenes or other files.
_VERSION = 1
# Written last: the number of records read and the number of scenes kept.
_FINISHED = "finished.json"
_SHARD = re.compile(r"records-(\d{8})-(\d{8})-(\d{8})\.tfrecord")


@dataclass(frozen=True)
class Shard:
    """A file with the scenes kept from the records from `start` to `stop`."""

    path: str
    start: int
    stop: int
    num_scenes: int


class ShardFolder:
    """Shards of one conversion, in the order of the records.

    A shard's name states its records and its scenes, and a shard is either
    whole or missing. So the files themselves show where an interrupted
    conversion continues, and whether a shard is missing.
    """

    def __init__(self, folder: str, settings: dict):
        if settings["version"] != _VERSION:
            raise ValueError(f"version {settings['version']}")
        self.folder = folder
        self.first = settings["skip"]
        self.format = FORMATS[settings["dataset"]]
        window = ImageWindow(
            settings["crop"], settings["size"], self.format.image_shape
        )
        self.spec = scene_spec(self.format, window)

    @classmethod
    def claim(
        cls, folder: str, file: RecordFile, skip: int, take: int | None
    ) -> "ShardFolder":
        """Opens a folder for the scenes of a file, a new or a resumed one."""
        settings = {
            "version": _VERSION,
            "dataset": file.format.name,
            "source": os.path.basename(file.path),
            "source_bytes": tf.io.gfile.stat(file.path).length,
            "crop": file.window.crop,
            "size": file.window.size,
            "max_objects": file.max_objects,
            "skip": skip,
            "take": take,
        }
        claim_folder("folder", folder, settings)
        return cls(folder, settings)

    @classmethod
    def open(cls, folder: str) -> "ShardFolder":
        """Opens a folder whose conversion has finished."""
        settings = read_settings(folder) or {}
        try:
            shards = cls(folder, settings)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                "`folder` must name a folder made by `convert_records` of this "
                "version; convert again where it is damaged. "
                f"Received: folder={folder!r}"
            ) from error
        if not shards.is_complete():
            raise ValueError(
                "`folder` must hold a whole conversion, but shards are "
                "missing; call `convert_records` again with the same "
                f"arguments to continue. Received: folder={folder!r}"
            )
        return shards

    def shards(self) -> list[Shard]:
        """Returns the shards from the first record on, without a gap."""
        found = {}
        for name in os.listdir(self.folder):
            match = _SHARD.fullmatch(name)
            if match:
                path = os.path.join(self.folder, name)
                shard = Shard(path, *map(int, match.groups()))
                # A file that was cut short counts as missing.
                size = shard_bytes(self.spec, shard.num_scenes)
                if os.path.getsize(path) == size:
                    found[shard.start] = shard
        row = []
        stop = self.first
        while stop in found:
            row.append(found[stop])
            stop = row[-1].stop
        return row

    def fill(self, file: RecordFile, take: int | None) -> None:
        """Makes the missing shards in one pass over the file."""
        done = self.counts()["records"]
        missing = None if take is None else take - done
        start = stop = self.first + done
        print(f"Converting {file.path} into {self.folder}, from record {start}")
        bar = keras.utils.Progbar(missing, interval=1, unit_name="record")
        parts: list[Arrays] = []
        for number, scenes in file.read(start, missing):
            parts.append(scenes)
            stop += number
            bar.add(number)
            if stop - start >= SHARD_RECORDS:
                self._write(start, stop, parts)
                start, parts = stop, []
        if parts:
            self._write(start, stop, parts)

    def _write(self, start, stop, parts):
        num_scenes = sum(len(part["image"]) for part in parts)
        name = f"records-{start:08d}-{stop:08d}-{num_scenes:08d}.tfrecord"
        write_shard(os.path.join(self.folder, name), parts)

    def counts(self) -> dict[str, int]:
        """Returns the number of records in the shards, and of scenes kept."""
        shards = self.shards()
        return {
            "records": sum(shard.stop - shard.start for shard in shards),
            "scenes": sum(shard.num_scenes for shard in shards),
        }

    def finish(self) -> None:
        """Marks the folder as complete."""
        write_json(os.path.join(self.folder, _FINISHED), self.counts())

    def is_complete(self) -> bool:
        """Returns whether all shards are there."""
        path = os.path.join(self.folder, _FINISHED)
        if not os.path.exists(path):
            return False
        return read_json(path) == self.counts()
