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
`datasets.convert_records` also crops, resizes and selects as you like.
"""

import argparse
from pathlib import Path

from keras_slots.datasets import convert_records, record_shards

# What the paper does to CLEVR (supplement, section 5.8).
PAPER = {"crop": ((29, 221), (64, 256)), "size": 128, "max_objects": 6}


def main():
    """Reads the command line, converts, and says what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("path", type=Path, help="the file as it was downloaded")
    add("folder", type=Path, help="where the shards go")
    add("--skip", type=int, default=0, help="records to leave out at first")
    add("--take", type=int, help="records to read then; default all")
    add("--paper", action="store_true", help="as the paper's CLEVR6")
    options = vars(parser.parse_args())
    changes = PAPER if options.pop("paper") else {}
    try:
        number = convert_records(**options, **changes)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    folder = options["folder"]
    image, mask = record_shards(folder).element_spec
    print(
        f"{number:,} scenes in {folder}: images {image.shape}, masks "
        f"{mask.shape}"
    )


if __name__ == "__main__":
    main()
