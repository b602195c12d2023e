"""Exact batched linear assignment, in the graph."""

from keras import ops

from keras_slots.checks import check_rank
from keras_slots.types import Tensor

# Stands for costs that are not finite and bounds those that are, so that the
# sums of costs inside the search cannot overflow float32.
_LARGE = 1e30


def linear_sum_assignment(cost: Tensor) -> Tensor:
    """Assigns rows to columns so that the sum of the chosen costs is least.

    Solves one assignment problem per batch element, exactly: the total cost
    equals that of `scipy.optimize.linear_sum_assignment`. Where several
    assignments share the least cost, one of them is returned. Every row is
    assigned to a column of its own; with more rows than columns, every column
    is assigned to a row of its own, and the rows left over get `-1`.

    The algorithm augments one row at a time along a shortest path, found by
    Dijkstra's method on reduced costs (Jonker and Volgenant, 1987). All
    batch elements advance together. It is made of `keras.ops` and loops of
    bounded length alone, so it runs eagerly, in a graph and under
    `jit_compile=True`, with the batch size unknown. Costs are compared in
    `float32` (in `float64` if they come so), without tolerances.

    Gradients do not flow through the result.

    Args:
        cost: Tensor of shape `(batch_size, num_rows, num_columns)`. The
            numbers of rows and columns must be static. Eagerly, every cost
            must be finite. In a graph, where values cannot be examined, a
            cost that is not finite counts as a very large one, and the result
            is still an assignment.

    Returns:
        `int32` tensor of shape `(batch_size, num_rows)`: the column of each
        row, `-1` for a row without a column.

    Raises:
        ValueError: If `cost` does not have rank 3 or a static number of rows
            and columns, or if it is found not to be finite.

    Example:
    >>> cost = [[[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]]]
    >>> column = keras_slots.ops.linear_sum_assignment(cost)
    >>> keras.ops.convert_to_numpy(column).tolist()
    [[1, 0, 2]]

    References:
    - [Jonker and Volgenant, 1987](https://doi.org/10.1007/BF02278710)
    - [Crouse, 2016](https://doi.org/10.1109/TAES.2016.140952), on which
      SciPy's function rests.
    """
    cost = _validated(cost)
    num_rows, num_columns = cost.shape[1:]
    if 0 in tuple(cost.shape):
        return ops.full((ops.shape(cost)[0], num_rows), -1, dtype="int32")
    if num_rows > num_columns:
        # The columns choose among the rows: what each row is held by is then
        # its column already.
        return _match(ops.transpose(cost, (0, 2, 1)))
    row_of = _match(cost)  # (B, m)
    holds = _one_hot(row_of, num_rows)  # (B, m, n)
    return _first_true(ops.swapaxes(holds, 1, 2))  # (B, n)


def _validated(cost):
    """Returns finite costs in a floating dtype, cut off from gradients."""
    cost = ops.convert_to_tensor(cost)
    check_rank("cost", cost.shape, "(batch_size, num_rows, num_columns)")
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
    """Raises if values are at hand and not all are finite."""
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


# Below: batch size B, n rows, m >= n columns. `row_of` (B, m) is the
# assignment, seen from the columns: the row each column holds, -1 for a free
# column. `price` (B, m) are the dual potentials of the columns. Those of the
# rows are implied, since a matched pair has reduced cost zero:
# u[i] = cost[i, j] - price[j] for the column j that holds row i.


def _match(cost):
    """The row of each column: (B, n, m), n <= m -> (B, m)."""
    num_rows, num_columns = cost.shape[1:]
    # A constant per row changes no assignment. Small numbers round finer.
    cost = cost - ops.min(cost, axis=2, keepdims=True)
    # A free column must keep price 0. If n = m no column stays free, and the
    # prices may start where they settle more rows at once.
    price = ops.min(cost, axis=1)  # (B, m)
    if num_rows < num_columns:
        price = ops.zeros_like(price)
    row_of, unmatched = _match_greedily(cost - ops.expand_dims(price, 1))

    def any_unmatched(unmatched, price, row_of):
        return ops.any(unmatched)

    def match_one_row(unmatched, price, row_of):
        start = _first_true(unmatched)  # (B,)
        active = ops.any(unmatched, axis=1)  # (B,)
        price, previous, sink = _search(cost, price, row_of, start, active)
        row_of = _augment(row_of, previous, sink, start, num_rows)
        return unmatched & ~_one_hot(start, num_rows), price, row_of

    _, _, row_of = ops.while_loop(
        any_unmatched,
        match_one_row,
        (unmatched, price, row_of),
        maximum_iterations=num_rows,
    )
    return row_of


def _match_greedily(reduced):
    """Gives each row its cheapest column, if no earlier row wants that one.

    Returns `row_of` and which rows are left, (B, n).
    """
    wanted = _one_hot(ops.argmin(reduced, axis=2), reduced.shape[2])
    rank = ops.cumsum(ops.cast(wanted, "int32"), axis=1)
    given = wanted & (rank == 1)  # (B, n, m)
    row_of = _first_true(ops.swapaxes(given, 1, 2))  # (B, m)
    row_of = ops.where(ops.any(given, axis=1), row_of, -1)
    return row_of, ~ops.any(given, axis=2)


def _search(cost, price, row_of, start, active):
    """Dijkstra's search from row `start` to the nearest free column.

    Batch elements whose search has ended, or that are not `active` (B,),
    idle until the others are done.

    Returns the new prices, the column before each column on its shortest
    path (B, m; -1 where that is the starting row), and the free column that
    was found, one-hot (B, m).
    """
    num_rows, num_columns = cost.shape[1:]
    rows = ops.reshape(cost, (-1, num_columns))  # (B * n, m)
    offset = ops.arange(ops.shape(cost)[0], dtype="int32") * num_rows
    free = row_of < 0  # (B, m)

    def reduced_row(i):
        return ops.take(rows, offset + i, axis=0) - price  # (B, m)

    def any_searching(searching, *state):
        return ops.any(searching)

    def scan_nearest(searching, low, distance, previous, scanned):
        reached = ops.where(scanned, float("inf"), distance)
        nearest = ops.min(reached, axis=1)  # (B,)
        low = ops.where(searching, nearest, low)
        # Among equally near columns a free one ends the search at once.
        ties = reached == ops.expand_dims(nearest, 1)
        j = ops.argmax(
            ops.cast(ties, "int32") + ops.cast(ties & free, "int32"), axis=1
        )
        at_j = _one_hot(j, num_columns)  # (B, m)
        scanned = scanned | (at_j & ops.expand_dims(searching, 1))
        i = _pick(row_of, at_j)  # (B,), the row that would have to move
        searching = searching & (i >= 0)
        # Relax the columns that row i could take instead.
        reduced = reduced_row(ops.maximum(i, 0))
        implied = ops.sum(ops.where(at_j, reduced, 0.0), axis=1)  # u[i]
        through_i = reduced + ops.expand_dims(low - implied, 1)
        nearer = (
            (through_i < distance) & ~scanned & ops.expand_dims(searching, 1)
        )
        distance = ops.where(nearer, through_i, distance)
        j = ops.cast(ops.expand_dims(j, 1), "int32")
        previous = ops.where(nearer, j, previous)
        return searching, low, distance, previous, scanned

    distance = reduced_row(start)
    # A step scans one column; at most n - 1 are not free, so n steps do.
    _, low, distance, previous, scanned = ops.while_loop(
        any_searching,
        scan_nearest,
        (
            active,
            ops.zeros_like(distance[:, 0]),
            distance,
            ops.full_like(row_of, -1),
            ops.zeros_like(free),
        ),
        maximum_iterations=num_rows,
    )
    gain = distance - ops.expand_dims(low, 1)
    price = price + ops.where(scanned, gain, 0.0)
    return price, previous, scanned & free


def _augment(row_of, previous, sink, start, num_rows):
    """Shifts the rows along the path that ends in `sink` by one column."""
    start = ops.expand_dims(start, 1)

    def any_on_path(at_j, row_of):
        return ops.any(at_j)

    def shift_one_row(at_j, row_of):
        before = _pick(previous, at_j)  # (B,), -1 at the starting row
        at_before = _one_hot(before, row_of.shape[1])  # (B, m)
        moved = ops.expand_dims(_pick(row_of, at_before), 1)
        moved = ops.where(ops.expand_dims(before, 1) < 0, start, moved)
        return at_before, ops.where(at_j, moved, row_of)

    _, row_of = ops.while_loop(
        any_on_path,
        shift_one_row,
        (sink, row_of),
        maximum_iterations=num_rows,
    )
    return row_of


def _one_hot(index, size):
    """Boolean one-hot on a new last axis, all false for index -1."""
    index = ops.cast(ops.expand_dims(index, -1), "int32")
    return index == ops.arange(size, dtype="int32")


def _first_true(mask):
    """Position of the first true value on the last axis, 0 if none."""
    return ops.cast(ops.argmax(ops.cast(mask, "int32"), axis=-1), "int32")


def _pick(values, at):
    """The value (>= -1) where `at` is true, -1 if nowhere."""
    return ops.max(ops.where(at, values, -1), axis=1)
