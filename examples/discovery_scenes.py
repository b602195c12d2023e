"""The scenes of object_discovery.py: what it trains, validates, tests on."""

import keras

from keras_slots.datasets import multi_object_records, tetrominoes

TEST_BATCH = 64


def open_scenes(options):
    """Opens every scene of a run, or exits and says what the file lacks.

    Returns:
        Triple of datasets of `(image, mask)` batches: to train on, to validate
        on and to test on. No two of them share a scene.
    """
    # What shuffles the scenes draws on this seed beside its own.
    keras.utils.set_random_seed(options.seed)
    train, evaluate = options.train_scenes, options.eval_scenes
    shared = {"batch_size": options.batch_size, "seed": options.seed}
    if options.records is None:
        return (
            tetrominoes(
                "train", num_scenes=train, drop_remainder=True, **shared
            ),
            tetrominoes("validation", num_scenes=evaluate, **shared),
            tetrominoes("test", TEST_BATCH, evaluate, options.seed),
        )
    path = options.records
    shared |= {"path": path, "cache": True}
    try:
        return (
            multi_object_records(
                take=train, shuffle=True, drop_remainder=True, **shared
            ),
            # The test scenes lie between these two.
            multi_object_records(
                skip=train + evaluate, take=evaluate, **shared
            ),
            multi_object_records(
                path, batch_size=TEST_BATCH, skip=train, take=evaluate
            ),
        )
    except ValueError as error:
        raise SystemExit(
            f"{error}\nA file too short to train on can still be scored: "
            "train without --records, then add --records and --evaluate-only."
        ) from error


def open_unseen_scenes(options, trained):
    """Opens scenes to score a trained model on, none of its training.

    Args:
        options: The command line; of it count only what to score.
        trained: Dict, the settings that the model was trained with.

    Returns:
        Dataset of `(image, mask)` batches.
    """
    path, take = options.records, options.eval_scenes
    if path is None:
        return tetrominoes("test", TEST_BATCH, take, options.seed)
    if not {"records", "train_scenes"} <= trained.keys():
        raise SystemExit(
            "What the model was trained on must be known, so that it is not "
            "scored on that. Nothing says it in "
            f"{options.output / 'settings.json'}"
        )
    skip = trained["train_scenes"]
    try:
        return multi_object_records(
            path, batch_size=TEST_BATCH, skip=skip, take=take
        )
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
        return multi_object_records(path).take(take).batch(TEST_BATCH)
    except ValueError as error:
        raise SystemExit(str(error)) from error
