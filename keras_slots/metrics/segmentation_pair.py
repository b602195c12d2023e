"""A true and a predicted segmentation of the same images."""

import numpy as np
from keras import ops

from keras_slots.checks import check_shapes


class SegmentationPair:
    """True labels and slots of the same pixels, with functions to count them.

    Each pixel belongs to the slot with the largest mask, or to the first of
    several equal masks. Labels may be any number of any integers.
    """

    # B batch, H height, W width, K slots.
    def __init__(self, mask, masks, ignore_background):
        mask = ops.convert_to_tensor(mask)
        masks = ops.convert_to_tensor(masks)
        check_shapes(
            {"mask": (mask, "(B, H, W)"), "masks": (masks, "(B, K, H, W, 1)")}
        )
        # Identifiers and hashes may need more bits than 32.
        wide = ops.dtype(mask) in ("int64", "uint32", "uint64")
        self.labels = ops.cast(mask, "int64" if wide else "int32")  # (B, H, W)
        self.everywhere = ops.ones_like(self.labels, dtype="bool")  # (B, H, W)
        self.in_segment = self.everywhere
        if ignore_background:
            self.in_segment = self.labels != 0

        num_slots = ops.shape(masks)[1]
        slot = ops.argmax(ops.squeeze(masks, axis=-1), axis=1)  # (B, H, W)
        slot = ops.expand_dims(ops.cast(slot, "int32"), 2)
        slots = ops.reshape(ops.arange(num_slots, dtype="int32"), (-1, 1))
        self._in_slot = ops.cast(slot == slots, "float32")  # (B, H, K, W)

    def count_in_slots(self, pixels):
        """Counts the pixels in each slot: (B, H, W) -> (B, K) `int32`.

        The counts are exact for images of any size. Matrix products are fast
        in `float32`, which can hold the count of a row of pixels exactly, but
        not always the count of an image.
        """
        pixels = ops.expand_dims(ops.cast(pixels, "float32"), 3)
        per_row = ops.squeeze(ops.matmul(self._in_slot, pixels), axis=3)
        return ops.sum(ops.cast(per_row, "int32"), axis=1)

    def fold_segments(self, add_segment, state):
        """Updates a state with one true segment of each image at a time.

        Starts with the largest label, and takes as many steps as the image with
        the most segments has. A step is `add_segment(cell, *state) -> state`,
        with `cell` (B, K) each slot's number of pixels in the segment, all 0
        for an image without segments left. Returns the last state.
        """
        smallest = int(np.iinfo(ops.dtype(self.labels)).min)

        def any_left(left, *state):
            return ops.any(left)

        def next_segment(left, *state):
            label = ops.max(
                ops.where(left, self.labels, smallest),
                axis=(1, 2),
                keepdims=True,
            )
            at = left & (self.labels == label)  # (B, H, W)
            return left & ~at, *add_segment(self.count_in_slots(at), *state)

        _, height, width = ops.shape(self.labels)
        _, *state = ops.while_loop(
            any_left,
            next_segment,
            (self.in_segment, *state),
            maximum_iterations=height * width,
        )
        return state
