"""Predicted objects beside true objects, in words, with mistakes marked."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from keras_slots.property_layout import PROPERTIES

# A distance above this is a mistake, as in Table 1 of the supplement.
FAR = 0.5  # scene units
# Rows whose last feature is above this are objects.
CONFIDENT = 0.5
# The order in spoken English: large blue rubber cylinder.
_SPOKEN = ("size", "color", "material", "shape")


@dataclass(frozen=True)
class Cell:
    """A text of a table of objects.

    Attributes:
        lines: For each line its pieces of text, each with a boolean for a
            mistake.
        slot: The slot that predicts the object, or `None`.
    """

    lines: tuple[tuple[tuple[str, bool], ...], ...]
    slot: int | None = None


def compare_sets(targets, predictions, layout):
    """Makes a table of true objects and the predictions for each.

    At each iteration confident predictions and objects are matched one to one
    with the smallest total of distances, in scene units, and wrong properties.

    From targets (n, d) and predictions (T, K, d). A row has 1 + T `Cell`s: the
    object and, for each iteration, its prediction. Objects come first, in their
    order, then predictions without an object.
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
    """Makes a table of predictions, a row for each slot ever confident.

    Arguments and result are as in `compare_sets`; the first `Cell` of a row
    names the slot.
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
    """Returns the slot of each object, or `None`, and the slots left over."""
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
    """Describes an object in words; marks mistakes if `true` is given."""
    place = decoded["coordinates"][index]
    first = [(f"({', '.join(map(_number, place))})", False)]
    if true is not None:
        first[0] = (f"{first[0][0]},", False)
        distance = np.linalg.norm(place - true["coordinates"][row])
        # In this form NaN is a mistake, too.
        first.append((f"d={distance:.2f}", bool(not distance <= FAR)))
    second = []
    for name in _SPOKEN:
        if name in decoded:
            kind = decoded[name][index]
            mistake = true is not None and bool(kind != true[name][row])
            second.append((PROPERTIES[name][kind], mistake))
    return (tuple(first), tuple(second)) if second else (tuple(first),)


def _number(value):
    """Formats a number with two decimals and a minus sign, but never -0."""
    return f"{np.round(value, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}")
