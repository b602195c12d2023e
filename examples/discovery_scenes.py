"""The scenes of object_discovery.py: what it trains, validates, tests on."""

import keras
from clevr_folder import cache_folder, with_masks

from keras_slots.datasets import (
    clevr_scenes,
    multi_dsprites,
    multi_object_records,
    record_shards,
    tetrominoes,
)

TEST_BATCH = 64


def _tetrominoes(split, options, **kwargs):
    return tetrominoes(split, seed=options.seed, **kwargs)


def _multi_dsprites(split, options, **kwargs):
    return multi_dsprites(split, seed=options.seed, **kwargs)


def _clevr_scenes(split, options, **kwargs):
    """As many objects as in the paper's CLEVR6; kept, as they take long."""
    scenes = clevr_scenes(
        split,
        as_dict=True,
        min_objects=3,
        max_objects=6,
        # One folder with the scenes that set_prediction.py makes, whose seed
        # is the same for every training.
        cache=cache_folder(options.cache, 64, 3, 6),
        **kwargs,
    )
    return with_masks(scenes)


GENERATED = {
    "tetrominoes": _tetrominoes,
    "multi_dsprites": _multi_dsprites,
    "clevr_scenes": _clevr_scenes,
}


def open_scenes(options, image_shape):
    """Opens every scene of a run, or exits and says what the file lacks.

    Args:
        options: The command line.
        image_shape: `(H, W, C)` of the images that the model takes.

    Returns:
        Triple of datasets of `(image, mask)` batches: to train on, to validate
        on and to test on. No two of them share a scene.
    """
    # What shuffles the scenes draws on this seed beside its own.
    keras.utils.set_random_seed(options.seed)
    train, evaluate = options.train_scenes, options.eval_scenes
    if options.records is None:
        return (
            _generate("train", options, train, drop_remainder=True),
            _generate("validation", options, evaluate),
            _generate("test", options, evaluate, TEST_BATCH),
        )
    path = options.records
    shared = {
        "batch_size": options.batch_size,
        "seed": options.seed,
        "cache": True,
    }
    try:
        # The test scenes lie between those for training and for validation.
        test = _read(path, image_shape, TEST_BATCH, skip=train, take=evaluate)
        return (
            _read(
                path,
                image_shape,
                take=train,
                shuffle=True,
                drop_remainder=True,
                **shared,
            ),
            _read(
                path,
                image_shape,
                skip=train + evaluate,
                take=evaluate,
                **shared,
            ),
            test,
        )
    except ValueError as error:
        raise SystemExit(
            f"{error}\nA file too short to train on can still be scored: "
            "train without --records, then add --records and --evaluate-only."
        ) from error


def _generate(split, options, num_scenes, batch_size=None, **kwargs):
    return GENERATED[options.data](
        split,
        options,
        batch_size=batch_size or options.batch_size,
        num_scenes=num_scenes,
        **kwargs,
    )


def _read(path, image_shape, batch_size=None, cache=False, **kwargs):
    """Scenes of a published file, or of the shards made from one."""
    if path.is_dir():  # Fast enough without a cache.
        scenes = record_shards(path, batch_size, **kwargs)
    else:
        scenes = multi_object_records(
            path, batch_size=batch_size, cache=cache, **kwargs
        )
    found = tuple(scenes.element_spec[0].shape[-3:])
    if found != tuple(image_shape):
        raise SystemExit(
            f"The model takes images of shape {tuple(image_shape)}, and those "
            f"of the records have shape {found}. Choose another --preset, or "
            "crop and resize the records by convert_records.py. Received: "
            f"--records {path}"
        )
    return scenes


def open_unseen_scenes(options, image_shape, trained):
    """Opens scenes to score a trained model on, none of its training.

    Args:
        options: The command line; of it count only what to score.
        image_shape: `(H, W, C)` of the images that the model takes.
        trained: Dict, the settings that the model was trained with.

    Returns:
        Dataset of `(image, mask)` batches.
    """
    path, take = options.records, options.eval_scenes
    if path is None:
        return _generate("test", options, take, TEST_BATCH)
    if not {"records", "train_scenes"} <= trained.keys():
        raise SystemExit(
            "What the model was trained on must be known, so that it is not "
            "scored on that. Nothing says it in "
            f"{options.output / 'settings.json'}"
        )
    skip = trained["train_scenes"]
    try:
        return _read(path, image_shape, TEST_BATCH, skip=skip, take=take)
    except ValueError as error:
        # This file may be the one, or a part or a copy of it.
        if trained["records"] is not None:
            raise SystemExit(
                f"{error}\nThe model was trained on the first {skip:,} records "
                f"of {trained['records']}; only later ones are scored."
            ) from error
    # The model never saw a record. The file is either too short for the usual
    # test scenes, so that any will do, or damaged, which shows once more.
    try:
        return _read(path, image_shape).take(take).batch(TEST_BATCH)
    except ValueError as error:
        raise SystemExit(str(error)) from error
