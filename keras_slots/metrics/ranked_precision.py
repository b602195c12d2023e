"""The area under a curve of precision over recall."""

from keras import ops


def ranked_precision(confidence, counted, found, num_objects):
    """Computes the average precision of detections, at several thresholds.

    The detections are sorted by decreasing confidence; equal detections keep
    their order. After each detection, precision is the share of detections so
    far that found an object, and recall the share of objects found. The result
    is the area under the curve of precision over recall, with each precision
    raised to the best precision at the same or a higher recall.

    `confidence` is (N,); `counted` (N,) is 0 for entries to leave out, and so
    is `found` (T, N), whether a detection found one of `num_objects`, at each
    threshold. Returns `float32` (T,), NaN if there are no objects.
    """
    # Sorting is stable on every backend, and under XLA, as tests check.
    order = ops.argsort(-confidence)
    found = ops.cast(ops.take(found, order, axis=1), "int32")
    counted = ops.cast(ops.take(counted, order, axis=0), "int32")
    # Integers, so that sums stay exact. An entry that is left out has the
    # precision of the entry before it, which changes nothing.
    rank = ops.maximum(ops.cumsum(counted, axis=0), 1)  # (N,)
    precision = ops.cast(ops.cumsum(found, axis=1), "float32") / ops.cast(
        rank, "float32"
    )  # (T, N)
    # Each true positive adds a step of recall. The sum runs along the last
    # axis, where backends add in a tree; along the first, float32 loses 3e-4.
    steps = ops.where(found > 0, _best_from_here_on(precision), 0.0)
    return ops.sum(steps, axis=1) / ops.cast(num_objects, "float32")


def _best_from_here_on(values):
    """Returns the largest value at or after each place: (T, N) -> (T, N).

    Each pass doubles the distance of the look ahead. Values are not negative.
    """
    num_rows, num_columns = ops.shape(values)

    def some_unseen(reach, values):
        return reach < num_columns

    def look_ahead(reach, values):
        padded = ops.concatenate([values, ops.zeros_like(values)], axis=1)
        ahead = ops.slice(padded, (0, reach), (num_rows, num_columns))
        return 2 * reach, ops.maximum(values, ahead)

    start = ops.convert_to_tensor(1, dtype="int32")
    return ops.while_loop(some_unseen, look_ahead, (start, values))[1]
