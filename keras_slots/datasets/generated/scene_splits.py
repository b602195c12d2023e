"""Training, validation and test: disjoint by a hash of the scene."""

from collections.abc import Callable

import numpy as np

# The paper's sizes for training and test; it tunes on training scenes.
SPLIT_SIZES = {"train": 60_000, "validation": 320, "test": 320}
SPLITS = tuple(SPLIT_SIZES)

# Of all possible scenes, one in sixteen belongs to validation, one in sixteen
# to test, the rest to training: the large split rejects the fewest scenes.
NUM_BUCKETS = 16
_VALIDATION_BUCKET, _TEST_BUCKET = 0, 1


def bucket_in_split(split: str, bucket: np.ndarray) -> np.ndarray:
    """Returns whether scenes with these hashes, below 16, belong to `split`."""
    if split == "validation":
        return bucket == _VALIDATION_BUCKET
    if split == "test":
        return bucket == _TEST_BUCKET
    return (bucket != _VALIDATION_BUCKET) & (bucket != _TEST_BUCKET)


def first_scenes(
    sample_block: Callable[[int], tuple[np.ndarray, ...]], num_scenes: int
) -> tuple[np.ndarray, ...]:
    """Returns the first scenes of a split, from as many blocks as needed.

    `sample_block` maps the index of a block of candidates to the scenes of the
    split among them: arrays, the scenes' axis first.
    """
    blocks: list[tuple[np.ndarray, ...]] = []
    count = 0
    while count < num_scenes:
        blocks.append(sample_block(len(blocks)))
        count += len(blocks[-1][0])
    return tuple(
        np.concatenate(parts)[:num_scenes]
        for parts in zip(*blocks, strict=True)
    )
