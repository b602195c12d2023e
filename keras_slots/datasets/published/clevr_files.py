"""CLEVR as TensorFlow Datasets prepares it: found, checked and read."""

import os

import tensorflow as tf

from keras_slots.property_layout import PROPERTIES

# The authors hold these training scenes back.
NUM_TRAIN_EVAL = 512
SPLITS = {
    "train": f"train[{NUM_TRAIN_EVAL}:]",
    "train_eval": f"train[:{NUM_TRAIN_EVAL}]",
    "validation": "validation",
}


class ClevrFiles:
    """The prepared files in a folder of TensorFlow Datasets.

    Only reads files, never the network: missing files are an error. `data_dir`
    is as in `clevr`.
    """

    def __init__(self, data_dir: str | os.PathLike | None):
        # Imported here, as it is an extra that no other dataset needs.
        try:
            import tensorflow_datasets as tfds
            from tensorflow_datasets.core import read_only_builder, registered
        except ImportError as error:
            raise ImportError(
                "`clevr` reads its scenes by TensorFlow Datasets, which cannot "
                "be imported. Install it with: "
                "pip install 'keras-slots[datasets]'"
            ) from error

        self._tfds = tfds
        self._data_dir = data_dir
        folder = None
        if data_dir is not None:
            folder = os.path.expanduser(os.fspath(data_dir))
        # `tfds.builder` would ask the network if files are missing.
        try:
            self._builder = read_only_builder.builder_from_files(
                "clevr", data_dir=folder
            )
        except registered.DatasetNotFoundError as error:
            raise FileNotFoundError(
                "`data_dir` must hold CLEVR as prepared by TensorFlow "
                "Datasets. Prepare it once with: "
                f"{_preparation(folder)}\n"
                "This downloads 17.7 GiB (19,021,600,724 bytes) and leaves "
                "17.8 GiB of prepared files beside the download, which can be "
                f"deleted then. Received: data_dir={data_dir!r}"
            ) from error
        self._check_labels()

    def _check_labels(self) -> None:
        objects = self._builder.info.features["objects"].feature
        for name, classes in PROPERTIES.items():
            found = tuple(objects[name].names)
            if found != classes:
                raise ValueError(
                    "`data_dir` must hold files that number the classes of "
                    f"{name!r} as {classes}, but their order is {found}. "
                    "Prepare them again, by a TensorFlow Datasets with the "
                    f"published order. Received: data_dir={self._data_dir!r}"
                )

    def size(self, split: str) -> int:
        """Returns the number of scenes in a split."""
        name = SPLITS[split].partition("[")[0]
        least = NUM_TRAIN_EVAL + 1 if name == "train" else 1
        found = self._builder.info.splits
        size = found[name].num_examples if name in found else 0
        if size < least:
            raise ValueError(
                f"`data_dir` must hold at least {least} scenes in {name!r} for "
                f"the split {split!r}, but holds {size}. "
                f"Received: data_dir={self._data_dir!r}"
            )
        if split == "train_eval":
            return NUM_TRAIN_EVAL
        return size - NUM_TRAIN_EVAL if split == "train" else size

    def scenes(self, split: str, shuffle: bool, seed: int) -> tf.data.Dataset:
        """Reads the scenes of a split; `seed` decides the order of the files.

        Returns:
            A `tf.data.Dataset` of dictionaries: `"image"`, the bytes of a PNG
            file; `"file_name"`, a string; `"objects"`, a dictionary of
            tensors whose first axis runs over the objects.
        """
        scenes = self._builder.as_dataset(
            split=SPLITS[split],
            shuffle_files=shuffle,
            # Decoding is most of the work, and filtered scenes need none.
            decoders={"image": self._tfds.decode.SkipDecoding()},
            read_config=self._tfds.ReadConfig(
                shuffle_seed=seed,
                shuffle_reshuffle_each_iteration=True,
                try_autocache=False,
                skip_prefetch=True,
            ),
        )
        first = next(iter(scenes.take(1)))
        if not first["objects"]["shape"].shape[0]:
            raise ValueError(
                "`data_dir` must hold annotated scenes, but the scenes of the "
                f"split {split!r} have no objects. Their annotations were "
                "missing when the files were prepared; prepare them again. "
                f"Received: data_dir={self._data_dir!r}"
            )
        return scenes


def _preparation(folder: str | None) -> str:
    """Returns the shell command that prepares the files."""
    where = "" if folder is None else f", data_dir={folder!r}"
    return (
        'python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder('clevr'{where}).download_and_prepare()\""
    )
