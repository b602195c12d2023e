"""The optimum of SciPy, for costs of any size, sign and shape."""

import numpy as np
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment as scipy_assignment

from keras_slots.ops import linear_sum_assignment
from tests.backends import DTYPE
from tests.properties.cases import cases
from tests.properties.draws import SEEDS, assert_is, numbers

SIZES = {
    "seed": SEEDS,
    "batch": st.integers(0, 3),
    "rows": st.integers(0, 8),
    "columns": st.integers(0, 8),
    "kind": st.sampled_from(("normal", "whole", "huge", "equal")),
}


def costs(seed, batch, rows, columns, kind):
    cost = numbers(seed, batch, rows, columns, constant=kind == "equal")
    if kind == "whole":  # Full of ties.
        return np.round(2 * cost)
    return cost * (1e20 if kind == "huge" else 1)


def check_assignment(column, rows, columns):
    """A column for each row, or a row for each column."""
    for each in np.array(column):
        used = each[each >= 0]
        assert len(used) == len(set(used)) == min(rows, columns)
        assert np.all(used < columns) and np.all(each >= -1)


@cases(30, sizes=st.fixed_dictionaries(SIZES))
def test_the_total_is_that_of_scipy(sizes):
    cost = costs(**sizes).astype(DTYPE)
    column = linear_sum_assignment(cost)
    batch, rows, columns = cost.shape
    assert_is(column, (batch, rows), "int32")
    check_assignment(column, rows, columns)
    for each, chosen in zip(cost, np.array(column), strict=True):
        row = np.flatnonzero(chosen >= 0)
        total = each[row, chosen[row]].sum()
        expected = each[scipy_assignment(each)].sum()
        largest = np.abs(each).max(initial=1)
        assert abs(total - expected) <= 1e-5 * largest


@cases(10, sizes=st.fixed_dictionaries(SIZES))
def test_a_constant_added_to_a_row_or_column_changes_no_total(sizes):
    cost = costs(**sizes | {"kind": "normal"}).astype("float64")
    _, rows, columns = cost.shape
    shift = numbers(sizes["seed"] + 1, rows, 1)
    if rows > columns:  # Where rows are left over, of columns alone.
        shift = numbers(sizes["seed"] + 1, 1, columns)
    for moved in (cost, cost + shift):
        column = np.array(linear_sum_assignment(moved))
        check_assignment(column, rows, columns)
        for each, chosen in zip(cost, column, strict=True):
            row = np.flatnonzero(chosen >= 0)
            expected = each[scipy_assignment(each)].sum()
            total = each[row, chosen[row]].sum()
            np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-5)
