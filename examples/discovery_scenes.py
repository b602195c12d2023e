"""The scenes of object_discovery.py, and what a model scores on them."""

from functools import partial

import keras
import numpy as np
from run_folder import to_float32
from scipy.cluster.vq import kmeans2, vq

from keras_slots import datasets
from keras_slots.metrics import (
    adjusted_rand_index,
    mask_iou,
    mean_best_overlap,
)

# Fewer where each takes milliseconds to render.
TRAIN_SCENES = {
    "tetrominoes": 60_000,
    "multi_dsprites": 60_000,
    "clevr_scenes": 30_000,
}
TEST_BATCH = 64
TOO_SHORT = (
    "A file too short to train on can still be scored: train without "
    "--records, then add --records and --evaluate-only."
)
SCORES = {
    "fg_ari": ("FG-ARI", adjusted_rand_index),
    "ari": ("ARI", partial(adjusted_rand_index, ignore_background=False)),
    "mbo": ("mBO", mean_best_overlap),
    "mask_iou": ("IoU", mask_iou),
}
BASELINES = {
    "color_alone": "grouped by color",
    "position_alone": "k-means on places, told the objects' pixels and number",
}
DARKEST_PIECE = -0.9  # Channels in [-1, 1]; a piece's are -1 or above -0.6.


def open_scenes(options, preset):
    """Opens batches of `(image, mask)` to train, validate and test on.

    No two of these datasets share a scene. Exits if the records are not there
    or too few, or do not fit the preset.
    """
    # What shuffles the scenes draws on this seed beside its own.
    keras.utils.set_random_seed(options.seed)
    size, train = options.batch_size, options.train_scenes
    few = options.eval_scenes
    if options.records is None:
        shared = {"cache": options.cache, "seed": options.seed}
        make = partial(generate, options.data, **shared)
        return (
            make("train", size, train, drop_remainder=True),
            make("validation", size, few),
            make("test", TEST_BATCH, few),
        )
    read = partial(_read, options.records, preset, TOO_SHORT)
    # Between those for training and for validation.
    test = read(TEST_BATCH, skip=train, take=few)
    shared = {"seed": options.seed, "cache": True}
    return (
        read(size, take=train, shuffle=True, drop_remainder=True, **shared),
        read(size, skip=train + few, take=few, **shared),
        test,
    )


def open_unseen_scenes(options, preset, trained):
    """Opens batches to score that `trained`, a model's settings, left out."""
    few, records = options.eval_scenes, options.records
    if records is None:
        shared = {"cache": options.cache, "seed": options.seed}
        return generate(options.data, "test", TEST_BATCH, few, **shared)
    if not {"records", "train_scenes"} <= trained.keys():
        raise SystemExit(
            "What the model was trained on must be known, so that it is not "
            "scored on that. Nothing says it in "
            f"{options.output / 'settings.json'}"
        )
    skip = trained["train_scenes"]
    # This file may be the one, or a part or a copy of it.
    hint = (
        f"The model was trained on the first {skip:,} records of "
        f"{trained['records']}; only later ones are scored."
    )
    try:
        return _read(records, preset, hint, TEST_BATCH, skip=skip, take=few)
    except SystemExit:
        if trained["records"] is not None:
            raise
    # It never saw a record. The file is either too short for the usual test
    # scenes, so that any will do, or damaged, which shows once more.
    return _read(records, preset).take(few).batch(TEST_BATCH)


def generate(data, split, *sizes, cache, seed=0, size=64, most=6, **kwargs):
    """Generates `(image, mask)`; scenes that take long are kept in `cache`.

    CLEVR-like ones are of that size, with 3 to `most` objects: 6 are those of
    the paper's CLEVR6. They are the same for every seed.
    """
    if data != "clevr_scenes":
        return getattr(datasets, data)(split, *sizes, seed=seed, **kwargs)
    cache = cache / f"{size}-3-{most}"  # As set_prediction.py names it.
    kwargs |= {"image_size": size, "max_objects": most, "cache": cache}
    scenes = datasets.clevr_scenes(split, *sizes, as_dict=True, **kwargs)
    return scenes.map(lambda scene: (scene["image"], scene["mask"]))


def _read(path, preset, hint="", batch_size=None, cache=False, **kwargs):
    """Reads scenes of a published file, or of the shards made from one."""
    try:
        if path.is_dir():  # Fast enough without a cache.
            scenes = datasets.record_shards(path, batch_size, **kwargs)
        else:
            scenes = datasets.multi_object_records(
                path, batch_size=batch_size, cache=cache, **kwargs
            )
    except (OSError, ValueError) as error:
        raise SystemExit(f"{error}\n{hint}") from error
    found = tuple(scenes.element_spec[0].shape[-3:])
    if found != tuple(preset.image_shape):
        raise SystemExit(
            f"The model takes images of shape {preset.image_shape}, and those "
            f"of the records have shape {found}. Choose another --preset, or "
            "crop and resize the records by `datasets.convert_records`. "
            f"Received: --records {path}"
        )
    return scenes


# Scores ----------------------------------------------------------------------


def evaluate(model, scenes, data):
    """Scores the model and the baselines; gives something to look at.

    Returns:
        Pair of a dict and of arguments for `plot_slots`. In the dict, each of
        `SCORES` maps the model and each baseline to mean, standard error and
        number of scenes; `mean_squared_error` is of the reconstructions
        alone, whatever else the loss holds.
    """
    # Tetrominoes have six pure hues, which needs no k-means.
    by_color = hue_masks if data == "tetrominoes" else cluster_masks
    names = ("model", *BASELINES)
    scores = {score: {name: [] for name in names} for score in SCORES}
    errors, shown = [], None
    for image, mask in scenes.as_numpy_iterator():
        outputs = to_float32(model.predict_on_batch(image))
        shown = shown or {"images": image, "outputs": outputs, "mask": mask}
        groups = by_color(image, mask), position_masks(image, mask)
        groups = (outputs["masks"], *groups)
        for name, masks in zip(names, groups, strict=True):
            for score, (_, measure) in SCORES.items():
                scores[score][name].extend(np.array(measure(mask, masks)))
        difference = outputs["reconstruction"] - image
        errors.extend(np.mean(difference**2, axis=(1, 2, 3)))
    results = {
        score: {name: summary(values) for name, values in rows.items()}
        for score, rows in scores.items()
    }
    return {**results, "mean_squared_error": float(np.mean(errors))}, shown


def summary(values):
    """Gives mean, standard error (0 for one value), number of scenes."""
    # A scene without an object has no overlap to count.
    values = np.array(values)[~np.isnan(values)]
    error = np.std(values) / np.sqrt(max(len(values) - 1, 1))
    return {
        "mean": float(np.mean(values)),
        "standard_error": float(error),
        "scenes": len(values),
    }


def print_results(results):
    """Prints the scores of the model and the baselines, and its error."""
    scenes = results["fg_ari"]["model"]["scenes"]
    print(f"\nOn {scenes} held-out scenes, mean ± standard error")
    titles = "".join(f"{title:18}" for title, _ in SCORES.values())
    print(f"  {'':16}{titles}".rstrip())
    for name, note in {"model": "", **BASELINES}.items():
        cells = ""
        for score in SCORES:
            row = results[score][name]
            cells += f"{row['mean']:.4f} ± {row['standard_error']:.4f}   "
        name = name.replace("_", " ")
        print(f"  {name:16}{cells}{note}".rstrip())
    error = results["mean_squared_error"]
    print(f"Mean squared error of the reconstructions: {error:.5f}")


# Groupings: masks (B, K, H, W, 1) for images (B, H, W, 3) and true labels.
# Objects of few colors that stand apart are grouped well by color or place
# alone. A model has found objects where it scores more than either.


def hue_masks(image, mask):
    """Groups by the channels that are lit: pieces of one hue are one object."""
    lit = image > DARKEST_PIECE  # (B, H, W, 3)
    return _one_hot(lit @ np.array([1, 2, 4]), 8)


def position_masks(image, mask):
    """Groups by place, told the objects' pixels and number."""
    places = np.stack(np.indices(mask.shape[1:]), axis=-1)  # (H, W, 2)
    return cluster_masks(np.broadcast_to(places, (*mask.shape, 2)), mask)


def cluster_masks(features, mask):
    """Groups by features (B, H, W, F), told the objects' pixels and number."""
    groups = np.zeros(mask.shape, int)
    for values, labels, group in zip(features, mask, groups, strict=True):
        inside = labels > 0
        if inside.any():
            pixels = values[inside].astype(float)
            count = len(np.unique(labels[inside]))
            group[inside] = 1 + _clusters(pixels, count)
    return _one_hot(groups, 1 + mask.max())


def _clusters(features, count):
    """Assigns each of P pixels to a cluster (P,): the best of five."""
    groupings = []
    for seed in range(5):
        # "++": starts apart from each other, which finds flat colors at once.
        centers, _ = kmeans2(features, count, minit="++", rng=seed)
        groupings.append(vq(features, centers))
    return min(groupings, key=lambda group: np.sum(group[1] ** 2))[0]


def _one_hot(groups, size):
    masks = groups[:, None] == np.arange(size)[:, None, None]  # (B, K, H, W)
    return masks[..., None].astype("float32")
