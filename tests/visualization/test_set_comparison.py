"""The words of the table of true and predicted objects."""

import itertools

import numpy as np
import pytest

from keras_slots.property_layout import PropertyLayout
from keras_slots.visualization.set_comparison import compare_sets, list_sets

LAYOUT = PropertyLayout()
SIZES = ["small", "large"]
MATERIALS = ["rubber", "metal"]
SHAPES = ["cube", "sphere", "cylinder"]
COLORS = ["gray", "blue", "brown", "yellow", "red", "green", "purple", "cyan"]


def thing(place, words, real=1.0):
    """A row of features, written down independently of the layout."""
    size, color, material, shape = words.split()
    codes = [
        [word == known for known in vocabulary]
        for word, vocabulary in (
            (size, SIZES),
            (material, MATERIALS),
            (shape, SHAPES),
            (color, COLORS),
        )
    ]
    unit = [(coordinate + 3) / 6 for coordinate in place]
    return np.array([*unit, *itertools.chain(*codes), real], "float32")


PADDING = np.zeros(19, "float32")
CYLINDER = thing((-2.11, -0.69, 0.7), "large blue rubber cylinder")
CUBE = thing((2.41, 0, 0.7), "large yellow metal cube")


def compare(targets, *predictions):
    return compare_sets(np.stack(targets), np.array(predictions), LAYOUT)


def text(cell):
    lines = (" ".join(piece for piece, _ in line) for line in cell.lines)
    return "\n".join(lines)


def told(cell):
    return text(cell).replace("\N{MINUS SIGN}", "-")


def mistakes(cell):
    return [piece for line in cell.lines for piece, bad in line if bad]


def test_numbers_have_a_true_minus_sign():
    ((cell, _),) = compare([CYLINDER], [PADDING])
    assert text(cell).startswith("(\N{MINUS SIGN}2.11, ")


def test_objects_in_words_and_padding_left_out():
    rows = compare([CYLINDER, PADDING, CUBE], [CUBE, PADDING, CYLINDER])
    assert [[told(cell) for cell in row] for row in rows] == [
        [
            "(-2.11, -0.69, 0.70)\nlarge blue rubber cylinder",
            "(-2.11, -0.69, 0.70), d=0.00\nlarge blue rubber cylinder",
        ],
        [
            "(2.41, 0.00, 0.70)\nlarge yellow metal cube",
            "(2.41, 0.00, 0.70), d=0.00\nlarge yellow metal cube",
        ],
    ]
    assert [[cell.slot for cell in row] for row in rows] == [
        [None, 2],
        [None, 0],
    ]
    assert not any(mistakes(cell) for row in rows for cell in row)


def test_small_negative_numbers_are_zero():
    near_zero = thing((-1e-3, 0, 0), "small red metal cube")
    ((cell, _),) = compare([near_zero], [PADDING])
    assert told(cell).startswith("(0.00, 0.00, 0.00)")


def test_mistakes_are_marked():
    near = thing((-2.11, -0.69, 1.15), "large blue metal cylinder")
    far = thing((-2.11, -0.69, 1.25), "small cyan metal cube")
    (row,) = compare([CYLINDER], [near], [far])
    assert mistakes(row[1]) == ["metal"]
    assert mistakes(row[2]) == ["d=0.55", "small", "cyan", "metal", "cube"]


def test_missed_objects_and_objects_that_are_not_there():
    doubtful = np.array([*CUBE[:-1], 0.4], "float32")
    rows = compare([CYLINDER], [doubtful, doubtful], [CYLINDER, CUBE])
    assert [told(cell) for cell in rows[0][:2]] == [
        "(-2.11, -0.69, 0.70)\nlarge blue rubber cylinder",
        "missed",
    ]
    assert mistakes(rows[0][1]) == ["missed"]
    assert rows[0][2].slot == 0
    assert [told(cell) for cell in rows[1]] == [
        "no such object",
        "",
        "(2.41, 0.00, 0.70)\nlarge yellow metal cube",
    ]
    assert mistakes(rows[1][0]) == ["no such object"]
    assert mistakes(rows[1][2]) == []
    assert rows[1][2].slot == 1


def test_an_empty_scene():
    assert compare([PADDING], [PADDING]) == []
    ((first, second),) = compare([PADDING], [CUBE])
    assert (told(first), second.slot) == ("no such object", 0)


def test_nan_is_a_mistake():
    broken = np.array([np.nan, *CUBE[1:]], "float32")
    (row,) = compare([CUBE], [broken])
    assert mistakes(row[1]) == ["d=nan"]


@pytest.mark.parametrize(("objects", "slots"), [(3, 3), (2, 4), (4, 2)])
def test_the_matching_is_the_best_of_all(objects, slots):
    rng = np.random.default_rng(0)

    def draw(number):
        choices = [SIZES, COLORS, MATERIALS, SHAPES]
        return [
            (
                rng.uniform(-3, 3, 3),
                " ".join(rng.choice(words) for words in choices),
            )
            for _ in range(number)
        ]

    def cost(one, other):
        words = zip(one[1].split(), other[1].split(), strict=True)
        wrong = sum(a != b for a, b in words)
        return np.linalg.norm(one[0] - other[0]) + wrong

    for _ in range(20):
        true, pred = draw(objects), draw(slots)
        rows = compare(
            [thing(*one) for one in true], [thing(*one) for one in pred]
        )
        pairs = [
            (row, cells[1].slot)
            for row, cells in enumerate(rows[:objects])
            if cells[1].slot is not None
        ]
        assert len(pairs) == min(objects, slots)
        total = sum(cost(true[row], pred[slot]) for row, slot in pairs)
        longer, shorter = (true, pred) if objects > slots else (pred, true)
        best = min(
            sum(map(cost, shorter, order))
            for order in itertools.permutations(longer, len(shorter))
        )
        assert total == pytest.approx(best, rel=1e-5)


def test_only_the_properties_of_the_layout_are_told():
    layout = PropertyLayout(properties=("shape", "color"))
    row = np.zeros((1, 3 + 3 + 8 + 1), "float32")
    row[0, [1, 4, 3 + 3 + 7, -1]] = 0.5, 1, 1, 1
    ((true, pred),) = compare_sets(row, row[None], layout)
    assert told(true) == "(-3.00, 0.00, -3.00)\ncyan sphere"
    assert told(pred) == "(-3.00, 0.00, -3.00), d=0.00\ncyan sphere"
    bare = PropertyLayout(properties=())
    ((true, _),) = compare_sets(row[:, [0, 1, 2, -1]], row[None, :, :4], bare)
    assert told(true) == "(-3.00, 0.00, -3.00)"


def test_predictions_alone_stand_by_slot():
    predictions = np.array(
        [[PADDING, CUBE, PADDING], [CYLINDER, CUBE, PADDING]]
    )
    rows = list_sets(predictions, LAYOUT)
    assert [[told(cell) for cell in row] for row in rows] == [
        [
            "1",
            "no object",
            "(-2.11, -0.69, 0.70)\nlarge blue rubber cylinder",
        ],
        ["2", *["(2.41, 0.00, 0.70)\nlarge yellow metal cube"] * 2],
    ]
    assert [[cell.slot for cell in row[1:]] for row in rows] == [
        [None, 0],
        [1, 1],
    ]


def test_a_slot_once_confident_stays_listed():
    doubtful = [*CUBE[:-1], 0.4]
    predictions = [[PADDING, CUBE], [PADDING, doubtful]]
    (row,) = list_sets(np.array(predictions, "float32"), LAYOUT)
    assert [told(cell) for cell in row] == [
        "2",
        "(2.41, 0.00, 0.70)\nlarge yellow metal cube",
        "no object",
    ]
