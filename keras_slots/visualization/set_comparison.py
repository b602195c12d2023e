"""Predicted objects beside the true ones, in words, mistakes marked."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.property_layout import PROPERTIES

# A distance above this is a mistake, as in Table 1 of the supplement.
FAR = 0.5  # scene units
# Rows whose last feature is above this are objects.
CONFIDENT = 0.5
# As one says it: large blue rubber cylinder.
_SPOKEN = ("size", "color", "material", "shape")


@dataclass(frozen=True)
class Cell:
    """A text of a table of objects.

    Attributes:
        lines: Of each line the pieces of text, each with whether it is a
            mistake.
        slot: The slot that predicts it, or `None`.
    """

    lines: tuple[tuple[tuple[str, bool], ...], ...]
    slot: int | None = None


def compare_sets(targets, predictions, layout):
    """A table of true objects and of what was predicted for each.

    At each iteration confident predictions and objects are matched one to one
    at the least sum of distances, in scene units, and wrong properties.

    Args:
        targets: Array (n, d).
        predictions: Array (T, K, d).
        layout: A `PropertyLayout`.

    Returns:
        List of rows, each a list of 1 + T `Cell`s: the object and, for each
        iteration, its prediction. Objects come first, in their order, then
        predictions of objects that are not there.
    """
    objects = np.flatnonzero(targets[:, -1] > CONFIDENT)
    true = layout.decode(targets[objects])
    rows = [[Cell(_tell(true, row))] for row in range(len(objects))]
    surplus: list[list[Cell]] = []
    for iteration, slots in enumerate(predictions):
        pred = layout.decode(slots)
        matched, left = _match(true, pred, layout)
        for row, slot in enumerate(matched):
            rows[row].append(
                _say("missed", True)
                if slot is None
                else Cell(_tell(pred, slot, true, row), slot)
            )
        while len(surplus) < len(left):
            none_before = [Cell(())] * iteration
            surplus.append([_say("no such object", True), *none_before])
        for row, cells in enumerate(surplus):
            some = row < len(left)
            cells.append(
                Cell(_tell(pred, left[row]), left[row]) if some else Cell(())
            )
    return rows + surplus


def list_sets(predictions, layout):
    """A table of predictions alone, a row for each slot ever confident.

    Takes and gives what `compare_sets` does; the first `Cell` of a row names
    the slot.
    """
    rows = []
    for slot in np.flatnonzero((predictions[..., -1] > CONFIDENT).any(axis=0)):
        row = [_say(str(slot + 1))]
        for slots in predictions:
            confident = slots[slot, -1] > CONFIDENT
            row.append(
                Cell(_tell(layout.decode(slots), slot), int(slot))
                if confident
                else _say("no object")
            )
        rows.append(row)
    return rows


def _say(text, mistake=False):
    return Cell((((text, mistake),),))


def _match(true, pred, layout):
    """The slot of each object, `None` if it has none, and the slots left."""
    confident = np.flatnonzero(pred["real"] > CONFIDENT)
    cost = np.linalg.norm(
        true["coordinates"][:, None] - pred["coordinates"][confident], axis=-1
    )  # (n, confident)
    for name in layout.properties:
        cost = cost + (true[name][:, None] != pred[name][confident])
    rows, columns = linear_sum_assignment(np.nan_to_num(cost, nan=1e6))
    matched: list[int | None] = [None] * len(cost)
    for row, column in zip(rows, columns, strict=True):
        matched[row] = int(confident[column])
    return matched, [int(slot) for slot in confident if slot not in matched]


def _tell(decoded, index, true=None, row=None):
    """An object in words; with that of `true` beside it, mistakes marked."""
    place = decoded["coordinates"][index]
    first = [(f"({', '.join(map(_number, place))})", False)]
    if true is not None:
        first[0] = (f"{first[0][0]},", False)
        distance = np.linalg.norm(place - true["coordinates"][row])
        # Written so that NaN is a mistake.
        first.append((f"d={distance:.2f}", bool(not distance <= FAR)))
    second = []
    for name in _SPOKEN:
        if name in decoded:
            kind = decoded[name][index]
            mistake = true is not None and bool(kind != true[name][row])
            second.append((PROPERTIES[name][kind], mistake))
    return (tuple(first), tuple(second)) if second else (tuple(first),)


def _number(value):
    """Two digits, a true minus sign, and none before zero."""
    return f"{np.round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
