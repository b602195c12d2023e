"""Training, validation and test: disjoint by a hash of the scene."""

from collections.abc import Callable

import numpy as np

# The paper's for training and test; it tunes on scenes for training.
SPLIT_SIZES = {"train": 60_000, "validation": 320, "test": 320}
SPLITS = tuple(SPLIT_SIZES)

# Every sixteenth scene there can be belongs to validation, every sixteenth to
# test, the rest to training: the large split rejects least.
NUM_BUCKETS = 16
_VALIDATION_BUCKET, _TEST_BUCKET = 0, 1


def bucket_in_split(split: str, bucket: np.ndarray) -> np.ndarray:
    """Whether scenes with these hashes, below 16, belong to `split`."""
    if split == "validation":
        return bucket == _VALIDATION_BUCKET
    if split == "test":
        return bucket == _TEST_BUCKET
    return (bucket != _VALIDATION_BUCKET) & (bucket != _TEST_BUCKET)


def first_scenes(
    sample_block: Callable[[int], tuple[np.ndarray, ...]], num_scenes: int
) -> tuple[np.ndarray, ...]:
    """The first scenes of a split, out of as many blocks as it takes.

    Args:
        sample_block: Function from the index of a block of candidates to those
            that belong to the split: arrays, the scenes' axis first.
        num_scenes: Integer.
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
