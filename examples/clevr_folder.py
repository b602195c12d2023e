"""Generated CLEVR-like scenes, as the examples share them."""


def cache_folder(cache, image_size, min_objects, max_objects):
    """Where scenes of this kind are kept, for every example to find.

    Args:
        cache: Path, what `--cache` says.
        image_size: Integer.
        min_objects: Integer.
        max_objects: Integer.
    """
    return cache / f"{image_size}-{min_objects}-{max_objects}"


def with_masks(scenes):
    """Pairs of image and mask, of scenes made `as_dict`."""
    return scenes.map(lambda scene: (scene["image"], scene["mask"]))
