"""Exact batched linear assignment, in the graph."""

import numpy as np
from keras import ops

from keras_slots.checks import check_tensor
from keras_slots.types import Tensor

# Replaces costs that are not finite and bounds finite costs, so that the sums
# of costs inside the search cannot overflow float32.
_LARGE = 1e30
# The bits of an int32 without its sign.
_WORD_BITS = 31


def linear_sum_assignment(cost: Tensor) -> Tensor:
    """Assigns rows to columns so that the sum of the chosen costs is least.

    Solves one assignment problem per batch element, exactly: the total cost is
    the same as for `scipy.optimize.linear_sum_assignment`. If several
    assignments have the least cost, one of them is returned. Every row gets its
    own column. With more rows than columns, every column gets its own row, and
    the other rows get `-1`.

    The algorithm augments one row at a time along a shortest path, found by
    Dijkstra's method on reduced costs (Jonker and Volgenant, 1987). It only
    uses `keras.ops` and one loop of bounded length, so it runs eagerly, in a
    graph and under `jit_compile=True`, with an unknown batch size. Costs are
    compared in `float32` (`float64` costs in `float64`), without tolerances.

    Gradients do not flow through the result.

    Args:
        cost: Tensor of shape `(batch_size, num_rows, num_columns)`. The
            numbers of rows and columns must be static. In eager mode, every
            cost must be finite. In a graph, where values cannot be checked, a
            cost that is not finite counts as a very large cost, and the result
            is still an assignment.

    Returns:
        `int32` tensor of shape `(batch_size, num_rows)`: the column of each
        row, `-1` for a row without a column.

    Raises:
        ValueError: If `cost` does not have rank 3 or a static number of rows
            and columns, or, in eager mode, is not finite.

    Example:
    >>> cost = [[[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]]]
    >>> column = keras_slots.ops.linear_sum_assignment(cost)
    >>> keras.ops.convert_to_numpy(column).tolist()
    [[1, 0, 2]]

    References:
    - [Jonker and Volgenant, 1987](https://doi.org/10.1007/BF02278710)
    - [Crouse, 2016](https://doi.org/10.1109/TAES.2016.140952): the algorithm
      of SciPy's function.
    """
    cost = _validated(cost)
    num_rows, num_columns = cost.shape[1:]
    if 0 in tuple(cost.shape):
        return ops.full((ops.shape(cost)[0], num_rows), -1, dtype="int32")
    if num_rows > num_columns:
        # Transposed, the columns choose among the rows. Then the result is
        # already the column of each row.
        return ops.transpose(_match(ops.transpose(cost, (2, 1, 0))))
    row_of = _match(ops.transpose(cost, (1, 2, 0)))  # (m, B)
    holds = ops.swapaxes(_one_hot(row_of, num_rows), 0, 1)  # (m, n, B)
    return ops.transpose(_first_true(holds))  # (B, n)


def _validated(cost):
    """Returns finite costs in a floating dtype, cut off from gradients."""
    cost = ops.convert_to_tensor(cost)
    check_tensor("cost", cost, "(batch_size, num_rows, num_columns)")
    if None in tuple(cost.shape)[1:]:
        raise ValueError(
            "`cost` must have a static number of rows and columns. "
            f"Received: cost.shape={tuple(cost.shape)}"
        )
    if ops.dtype(cost) != "float64":
        cost = ops.cast(cost, "float32")
    cost = ops.stop_gradient(cost)
    finite = ops.isfinite(cost)
    _check_finite(finite)
    return ops.where(finite, ops.clip(cost, -_LARGE, _LARGE), _LARGE)


def _check_finite(finite):
    """Raises if values are known and not all are finite."""
    count = ops.sum(ops.cast(ops.logical_not(finite), "int32"))
    try:
        count = int(ops.convert_to_numpy(count))
    except (NotImplementedError, TypeError, ValueError):
        return  # Symbolic, as in `tf.function` or `jax.jit`: no values yet.
    if count:
        raise ValueError(
            "`cost` must be finite. "
            f"Received: cost with {count} non-finite values"
        )


# Below: batch size B, n rows, m >= n columns, and the batch on the last axis,
# which is the fastest for processors. `row_of` (m, B) is the assignment, seen
# from the columns: the row of each column, -1 for a free column. `price` (m, B)
# are the dual potentials of the columns. The potentials of the rows follow, as
# a matched pair has reduced cost zero: u[i] = cost[i, j] - price[j] for the
# column j of row i.


def _match(cost):
    """Computes the row of each column: (n, m, B), n <= m -> (m, B).

    Dijkstra's search goes from each row without a column, over columns, to the
    nearest free column. The batch elements are independent: in the same step
    some scan a column, others end a search and begin the next search. So there
    are as many steps as the slowest element alone needs.
    """
    num_rows, num_columns = cost.shape[:2]
    # A constant per row changes no assignment, and small numbers round less.
    cost = cost - ops.min(cost, axis=1, keepdims=True)
    # A free column must keep price 0. If n = m no column stays free, and other
    # initial prices assign more rows at once.
    price = ops.min(cost, axis=0)  # (m, B)
    if num_rows < num_columns:
        price = ops.zeros_like(price)
    row_of, unmatched = _match_greedily(cost - price)  # (m, B), (n, B)
    costs_of = _row_reader(cost)
    own_bit = _column_bits(num_columns)  # (W, m, 1)

    def any_unmatched(unmatched, *state):
        return ops.any(unmatched)

    # The current search: `distance` (m, B) from its first row to each column;
    # `via` (m, B), the row from which the column was reached; `path` (W, m, B),
    # the set of columns on the path to it, in bits; `scanned` (m, B).
    def scan_nearest(unmatched, row_of, price, distance, via, path, scanned):
        active = ops.any(unmatched, axis=0)  # (B,)
        at_j, nearest = _nearest(distance, scanned, free=row_of < 0)
        i = ops.max(ops.where(at_j, row_of, -1), axis=0)  # (B,), -1: free
        ends, goes_on = active & (i < 0), active & (i >= 0)
        scanned = scanned | at_j
        path_to_j = ops.max(ops.where(at_j, path, 0), axis=1)  # (W, B)

        # If the search ends, prices fall and all rows on the path move by one
        # column. The next search starts from the next row.
        price = price + ops.where(scanned & ends, distance - nearest, 0.0)
        on_path = ops.any(
            ops.bitwise_and(ops.expand_dims(path_to_j, 1), own_bit) != 0, axis=0
        )  # (m, B)
        row_of = ops.where(on_path & ends, via, row_of)
        first = _one_hot(_first_true(unmatched), num_rows)  # (n, B)
        unmatched = unmatched & ~(first & ends)

        # Columns may be nearer through row i, or from a new first row.
        row = ops.where(ends, _first_true(unmatched), ops.maximum(i, 0))
        reduced = costs_of(row) - price  # (m, B)
        implied = ops.sum(ops.where(at_j, reduced, 0.0), axis=0)  # u[i]
        through = reduced + ops.where(ends, 0.0, nearest - implied)
        nearer = ends | (goes_on & ~scanned & (through < distance))
        distance = ops.where(nearer, through, distance)
        via = ops.where(nearer, row, via)
        path_to_j = ops.where(ends, 0, path_to_j)
        longer = ops.bitwise_or(ops.expand_dims(path_to_j, 1), own_bit)
        path = ops.where(nearer, longer, path)
        scanned = scanned & ~ends
        return unmatched, row_of, price, distance, via, path, scanned

    first = _first_true(unmatched)  # (B,)
    distance = costs_of(first) - price
    via = ops.zeros_like(row_of) + first
    path = ops.expand_dims(ops.zeros_like(row_of), 0) + own_bit
    scanned = ops.zeros_like(row_of, dtype="bool")
    # A search scans at most n columns: n - 1 with a row, and a free column.
    _, row_of, *_ = ops.while_loop(
        any_unmatched,
        scan_nearest,
        (unmatched, row_of, price, distance, via, path, scanned),
        maximum_iterations=num_rows**2,
    )
    return row_of


def _match_greedily(reduced):
    """Gives each row its cheapest column, if no earlier row wants it.

    Returns `row_of` (m, B) and which rows have no column, (n, B).
    """
    num_columns = reduced.shape[1]
    wanted = ops.swapaxes(
        _one_hot(ops.argmin(reduced, axis=1), num_columns), 0, 1
    )  # (n, m, B)
    rank = ops.cumsum(ops.cast(wanted, "int32"), axis=0)
    given = wanted & (rank == 1)
    row_of = ops.where(ops.any(given, axis=0), _first_true(given), -1)
    return row_of, ~ops.any(given, axis=1)


def _nearest(distance, scanned, free):
    """Returns the nearest new column, one-hot (m, B), and its distance (B,).

    A free column wins against equally near columns and ends the search.
    """
    reached = ops.where(scanned, float("inf"), distance)
    nearest = ops.min(reached, axis=0)
    ties = reached == nearest
    rank = ops.cast(ties, "int32") + ops.cast(ties & free, "int32")
    return _one_hot(ops.argmax(rank, axis=0), distance.shape[0]), nearest


def _row_reader(cost):
    """Returns a function from a row's index (B,) to its costs (m, B)."""
    num_rows, num_columns, batch_size = ops.shape(cost)
    rows = ops.reshape(ops.transpose(cost, (2, 0, 1)), (-1, num_columns))
    offset = ops.arange(batch_size, dtype="int32") * num_rows

    def costs_of(row):
        return ops.transpose(ops.take(rows, offset + row, axis=0))

    return costs_of


def _column_bits(num_columns):
    """Returns each column as a set: a bit in one of W words, (W, m, 1)."""
    column = np.arange(num_columns)
    word, bit = divmod(column, _WORD_BITS)
    own = np.zeros((word[-1] + 1, num_columns, 1), "int32")
    own[word, column, 0] = 1 << bit
    return ops.convert_to_tensor(own)


def _one_hot(index, size):
    """Makes a boolean one-hot code on a new first axis."""
    rank = len(index.shape)
    choices = ops.reshape(ops.arange(size, dtype="int32"), (size, *[1] * rank))
    return choices == ops.cast(index, "int32")


def _first_true(mask):
    """Returns the index of the first true value on the first axis, or 0."""
    return ops.cast(ops.argmax(ops.cast(mask, "int32"), axis=0), "int32")
