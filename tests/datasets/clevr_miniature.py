"""A small CLEVR of random images, prepared by TensorFlow Datasets itself.

The files that `prepare` writes are true ones: the published archive is made in
miniature, and TensorFlow Datasets is told that it has been downloaded.
"""

import json
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

# More than the 512 that are held back, and as few as shards can share.
SIZES = {"train": 530, "val": 12, "test": 3}
IMAGE_SHAPE = (10, 15, 3)
NUM_SHARDS = 3
CLASSES = {
    "size": ["large", "small"],
    "material": ["metal", "rubber"],
    "shape": ["sphere", "cylinder", "cube"],
    "color": [
        "red",
        "cyan",
        "green",
        "blue",
        "brown",
        "gray",
        "purple",
        "yellow",
    ],
}


def make_scene(rng, name, count):
    """A scene as the published JSON has it, but for what nobody reads."""
    objects = [
        {
            "3d_coords": rng.uniform(-3, 3, 3).tolist(),
            "pixel_coords": rng.uniform(0, 320, 3).tolist(),
            "rotation": rng.uniform(0, 360),
            **{k: str(rng.choice(v)) for k, v in CLASSES.items()},
        }
        for _ in range(count)
    ]
    return {"image_filename": name, "objects": objects}


def write_archive(folder, seed=0, most_objects=10, annotated=("train", "val")):
    """Writes the published archive in miniature.

    Returns:
        A dict from file names to `(pixels, scene)`.
    """
    rng = np.random.default_rng(seed)
    root = pathlib.Path(folder) / "CLEVR_v1.0"
    for name in ("scenes", "questions"):
        (root / name).mkdir(parents=True)
    contents = {}
    for split, size in SIZES.items():
        (root / "images" / split).mkdir(parents=True)
        scenes = []
        for i in range(size):
            name = f"CLEVR_{split}_{i:06d}.png"
            pixels = rng.integers(0, 256, IMAGE_SHAPE, "uint8")
            png = tf.io.encode_png(pixels).numpy()
            (root / "images" / split / name).write_bytes(png)
            count = 3 + i % (most_objects - 2)
            scenes.append(make_scene(rng, name, count))
            contents[name] = pixels, scenes[-1]
        questions = [
            {"image_filename": scene["image_filename"], "question": "How many?"}
            for scene in scenes
        ]
        path = root / "questions" / f"CLEVR_{split}_questions.json"
        path.write_text(json.dumps({"questions": questions}))
        if split in annotated:
            path = root / "scenes" / f"CLEVR_{split}_scenes.json"
            path.write_text(json.dumps({"scenes": scenes}))
    return contents


def prepare(folder, **options):
    """Writes an archive and prepares it.

    Returns:
        The `data_dir`, as a path, and what `write_archive` returns.
    """
    archive, data_dir = folder / "archive", folder / "prepared"
    contents = write_archive(archive, **options)
    # The builder asks a server for what it knows of the published files.
    no_server = mock.patch(
        "tensorflow_datasets.core.utils.gcs_utils.gcs_dataset_info_files",
        return_value=[],
    )
    downloaded = mock.patch.object(
        tfds.download.DownloadManager,
        "download_and_extract",
        return_value=str(archive),
    )
    with no_server, downloaded:
        builder = tfds.builder("clevr:3.1.0", data_dir=data_dir)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                try_download_gcs=False, num_shards=NUM_SHARDS
            )
        )
    return data_dir, contents


def stored_names(data_dir, split):
    """File names in the order of the files, read without any TFDS."""
    files = sorted((data_dir / "clevr" / "3.1.0").glob(f"clevr-{split}.tf*"))
    assert len(files) == NUM_SHARDS
    names = []
    for record in tf.data.TFRecordDataset(list(map(str, files))):
        example = tf.train.Example.FromString(record.numpy())
        name = example.features.feature["file_name"].bytes_list.value[0]
        names.append(name.decode())
    return names


def refuse_network(monkeypatch):
    """Shuts the one door through which TensorFlow Datasets go out to read."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    gcs = "tensorflow_datasets.core.utils.gcs_utils."
    monkeypatch.setattr(gcs + "gcs_dataset_info_files", refuse)
    monkeypatch.setattr(gcs + "is_dataset_on_gcs", refuse)
