"""The scenes of set_prediction.py: for training, validation and test."""

from clevr_folder import cache_folder

from keras_slots.datasets import clevr, clevr_scenes

# As published scenes would be, they are the same for every training. They come
# in the same order, too.
SCENES_SEED = 0


def open_scenes(options, preset):
    """The data that the options name.

    Returns:
        Triple of datasets of `(image, target)` in batches, for training,
        validation and test.

    Raises:
        SystemExit: If the data is not there or does not fit the options.
    """
    common = {
        "image_size": preset.image_shape[0],
        "max_objects": options.max_objects,
        "num_targets": options.max_objects,
        "layout": options.layout,
        "seed": SCENES_SEED,
    }
    try:
        if options.data == "clevr":
            return _open_clevr(options, common)
        return _open_clevr_scenes(options, common)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error


def _open_clevr_scenes(options, common):
    """Generated scenes; a folder of the cache for every kind of them."""
    common |= {
        "min_objects": options.min_objects,
        "cache": cache_folder(
            options.cache,
            common["image_size"],
            options.min_objects,
            options.max_objects,
        ),
    }
    size = options.eval_scenes
    sizes = {"validation": (size + 1) // 2, "test": size}
    train = clevr_scenes(
        "train",
        options.batch_size,
        num_scenes=options.train_scenes,
        drop_remainder=True,
        **common,
    )
    return train, *(
        clevr_scenes(split, 100, num_scenes=size, **common)
        for split, size in sizes.items()
    )


def _open_clevr(options, common):
    """The published scenes: 512 of training to validate, as in the paper."""
    common["data_dir"] = options.data_dir
    train = clevr("train", options.batch_size, drop_remainder=True, **common)
    return train, *(
        clevr(split, min(100, options.batch_size), **common)
        for split in ("train_eval", "validation")
    )
