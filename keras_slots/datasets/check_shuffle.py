"""Whether to shuffle, where the split decides unless the caller does."""


def check_shuffle(shuffle: bool | None, split: str) -> bool:
    """Gives `shuffle`, and for `None` whether `split` is for training.

    Raises:
        ValueError: If `shuffle` is neither a boolean nor `None`.
    """
    if shuffle is None:
        return split == "train"
    if not isinstance(shuffle, bool):
        raise ValueError(
            "`shuffle` must be `True`, `False` or `None`. "
            f"Received: shuffle={shuffle!r}"
        )
    return shuffle
