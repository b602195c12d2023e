"""Whether to shuffle: as the caller says, or as the split suggests."""


def check_shuffle(shuffle: bool | None, split: str) -> bool:
    """Returns `shuffle`, or for `None` whether `split` is the training split.

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
