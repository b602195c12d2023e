"""Makes a published file of the Multi-Object Datasets fast to train on.

CLEVR6 as in the paper, training scenes and test scenes, from the file that

    https://storage.googleapis.com/multi-object-datasets/clevr_with_masks/\
clevr_with_masks_train.tfrecords

names (10.5 GB):

    python examples/convert_records.py clevr_with_masks_train.tfrecords \
scenes/train --take 70000 --paper
    python examples/convert_records.py clevr_with_masks_train.tfrecords \
scenes/test --skip 70000 --paper

The same command goes on where it stopped. `datasets.record_shards` reads it.
"""

import argparse
from pathlib import Path

from keras_slots.datasets import convert_records, record_shards

# What the paper does to CLEVR (supplement, section 5.8).
PAPER = {"crop": [29, 221, 64, 256], "size": [128], "max_objects": 6}


def parse_options():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("path", type=Path, help="the file as it was downloaded")
    add("folder", type=Path, help="where the shards go")
    add("--skip", type=int, default=0, help="records to leave out at first")
    add("--take", type=int, help="records to read then; default all")
    add(
        "--crop",
        type=int,
        nargs=4,
        metavar=("TOP", "BOTTOM", "LEFT", "RIGHT"),
        help="the rows and columns to keep, the second of each left out",
    )
    add("--size", type=int, nargs="+", help="the side, or height and width")
    add("--max-objects", type=int, help="leave out scenes of more objects")
    add("--paper", action="store_true", help="as the paper's CLEVR6")
    if parser.parse_known_args()[0].paper:
        parser.set_defaults(**PAPER)
    return parser.parse_args()


def main():
    """Converts, and says what came out."""
    options = parse_options()
    crop, size = options.crop, options.size
    if crop is not None:
        crop = (crop[:2], crop[2:])
    if size is not None and len(size) == 1:
        (size,) = size
    try:
        number = convert_records(
            options.path,
            options.folder,
            skip=options.skip,
            take=options.take,
            crop=crop,
            size=size,
            max_objects=options.max_objects,
        )
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    image, mask = record_shards(options.folder).element_spec
    print(
        f"{number:,} scenes in {options.folder}: images {image.shape}, masks "
        f"{mask.shape}"
    )


if __name__ == "__main__":
    main()
