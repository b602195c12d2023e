"""Files of every kind that the package reads, and ways to damage them."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_slots import SlotAttention
from keras_slots.callbacks import TrainingCheckpoint
from keras_slots.datasets import (
    clevr_scenes,
    convert_records,
    multi_object_records,
    record_shards,
)
from keras_slots.models import (
    SetPrediction,
    load_reference_checkpoint,
    trained_weights,
)
from tests.examples.records import write_records

NUM_SCENES = 6
PRESET = "clevr_scenes_properties"
CHECKPOINT = Path(__file__).parents[1] / "golden"
CHECKPOINT /= "official_checkpoint_set_prediction"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        make: Makes what is read in a folder.
        file: The file to damage, a pattern within the folder.
        read: Reads it all from the folder, as arrays.
        named: Whether an error must name the file or its folder: not where
            the reader is not ours.
    """

    make: Callable[[Path], None]
    file: str
    read: Callable[[Path], list[np.ndarray]]
    named: bool = True


def all_of(scenes):
    """What a dataset of dicts holds, as a list of arrays."""
    return [x for scene in scenes.as_numpy_iterator() for x in scene.values()]


def make_records(folder):
    write_records(folder / "scenes.tfrecords", NUM_SCENES)


def read_records(folder):
    path = folder / "scenes.tfrecords"
    return all_of(multi_object_records(path, as_dict=True))


def make_shards(folder):
    make_records(folder)
    convert_records(folder / "scenes.tfrecords", folder / "shards")


def read_shards(folder):
    return all_of(record_shards(folder / "shards", as_dict=True))


def read_cache(folder):
    scenes = clevr_scenes(
        "test",
        num_scenes=NUM_SCENES,
        max_objects=3,
        cache=folder / "cache",
        as_dict=True,
    )
    return all_of(scenes)


def small_model():
    """With weights, an optimizer and noise."""
    model = keras.Sequential(
        [keras.Input((4, 3)), SlotAttention(2, 3, mlp_hidden_size=4)]
    )
    model.compile("adam", "mse")
    return model


def make_checkpoint(folder):
    model = small_model()
    checkpoint = TrainingCheckpoint(folder / "run.npz")
    checkpoint.set_model(model)
    checkpoint.on_train_begin()
    checkpoint.on_epoch_end(0, {"loss": 1.0})


def read_checkpoint(folder):
    model = small_model()
    checkpoint = TrainingCheckpoint(folder / "run.npz")
    epochs = checkpoint.restore(model)
    values = [np.array(variable) for variable in model.variables]
    return [np.array(epochs), *values]


def make_weights(folder):
    for name in (f"{PRESET}.weights.h5", f"{PRESET}.json"):
        shutil.copy(trained_weights.FOLDER / name, folder)


def read_weights(folder):
    shipped = trained_weights.FOLDER
    trained_weights.FOLDER = folder
    try:
        return SetPrediction.from_preset(PRESET).get_weights()
    finally:
        trained_weights.FOLDER = shipped


def make_keras_file(folder):
    model = small_model()
    model.optimizer.build(model.trainable_variables)
    model.save(folder / "model.keras")


def read_keras_file(folder):
    return keras.saving.load_model(folder / "model.keras").get_weights()


def make_authors_checkpoint(folder):
    shutil.copytree(CHECKPOINT, folder / "authors")


def read_authors_checkpoint(folder):
    model = SetPrediction.from_preset("clevr_properties")
    load_reference_checkpoint(model, folder / "authors")
    return model.get_weights()


KINDS = {
    "published records": Kind(make_records, "scenes.tfrecords", read_records),
    "shard": Kind(make_shards, "shards/*.tfrecord", read_shards),
    "settings of shards": Kind(
        make_shards, "shards/settings.json", read_shards
    ),
    "counts of shards": Kind(make_shards, "shards/finished.json", read_shards),
    "cache": Kind(read_cache, "cache/*/*.tfrecord", read_cache),
    "settings of a cache": Kind(
        read_cache, "cache/*/settings.json", read_cache
    ),
    "checkpoint of a training": Kind(
        make_checkpoint, "run.npz", read_checkpoint
    ),
    "shipped weights": Kind(make_weights, "*.h5", read_weights),
    ".keras file": Kind(
        make_keras_file, "model.keras", read_keras_file, named=False
    ),
    "authors' checkpoint": Kind(
        make_authors_checkpoint, "authors/*.data*", read_authors_checkpoint
    ),
}


def flip_a_bit(data, chance):
    place = chance.randrange(len(data))
    byte = data[place] ^ 1 << chance.randrange(8)
    return data[:place] + bytes([byte]) + data[place + 1 :]


def cut_short(data, chance):
    return data[: chance.randrange(len(data))]


def blank_a_block(data, chance):
    place = chance.randrange(len(data))
    block = data[place : place + 512]
    return data[:place] + bytes(len(block)) + data[place + len(block) :]


def leave_out_a_piece(data, chance):
    start, stop = sorted(chance.sample(range(len(data) + 1), 2))
    return data[:start] + data[stop:]


def repeat_a_piece(data, chance):
    start, stop = sorted(chance.sample(range(len(data) + 1), 2))
    return data[:stop] + data[start:]


def noise_instead(data, chance):
    return chance.randbytes(chance.randrange(1000))


def another_type(data, chance):
    heads = (
        b"",
        b"{}",
        b"[1]",
        b"null",
        b"\x89PNG\r\n",
        b"PK\x03\x04",
        b"\x93",
    )
    return chance.choice(heads)


DAMAGES = (
    *[flip_a_bit] * 3,  # What happens most.
    cut_short,
    blank_a_block,
    leave_out_a_piece,
    repeat_a_piece,
    noise_instead,
    another_type,
)


def damage(data: bytes, seed: int) -> bytes:
    """A file as it should not be; another one for every seed."""
    chance = random.Random(seed)
    return DAMAGES[seed % len(DAMAGES)](data, chance)
