"""Measures of masks whose answers are known, and what they say in words."""

import numpy as np
import pytest

from keras_slots.callbacks import diagnose, measure_slots

SIZE = 16


def one_hot(owners, num_slots):
    """Masks (B, K, H, W) from the owner of each pixel (B, H, W)."""
    slots = np.arange(num_slots)[:, None, None]
    return (np.asarray(owners)[:, None] == slots).astype("float32")


def objects(batch=8, num_slots=4, background=0):
    """Squares at random places on a background that one slot has."""
    rng = np.random.default_rng(0)
    owners = np.full((batch, SIZE, SIZE), background)
    for image in owners:
        for slot in range(1, num_slots):
            top, left = rng.integers(1, SIZE - 5, size=2)
            image[top : top + 4, left : left + 4] = slot
    return one_hot(owners, num_slots)


def stripes(batch=8, num_slots=4):
    rows = np.arange(SIZE) * num_slots // SIZE
    owners = np.broadcast_to(rows[:, None], (batch, SIZE, SIZE))
    return one_hot(owners, num_slots)


def quarters(batch=8):
    half = np.arange(SIZE) * 2 // SIZE
    owners = np.broadcast_to(half[:, None] * 2 + half, (batch, SIZE, SIZE))
    return one_hot(owners, 4)


def shared_background(batch=8, num_slots=4):
    """Objects as above, and all slots share the background evenly."""
    masks = objects(batch, num_slots + 1)
    return masks[:, 1:] + masks[:, :1] / num_slots


def split_in_two(masks, slot, share=0.5):
    """Masks with a further slot, which takes a share of what one has."""
    taken = share * masks[:, slot : slot + 1]
    masks = np.concatenate([masks, taken], axis=1)
    masks[:, slot] -= taken[:, 0]
    return masks


def names(masks, attention=None):
    return [f.name for f in diagnose(measure_slots(masks, attention))]


def test_objects_on_a_shared_background_are_well():
    """The typical solution of the paper: no duplicates, no stripes."""
    measures = measure_slots(shared_background())
    assert measures["slot_usage"] == 1
    assert measures["dead_slots"] == 0
    assert measures["duplicate_slots"] == 0
    assert measures["stripes"] < 0.35
    assert measures["place_bound"] < 0.35
    assert measures["border_slots"] == pytest.approx(4)
    assert diagnose(measures) == []


def test_a_slot_for_the_background():
    masks = objects()
    measures = measure_slots(masks)
    assert measures["border_slots"] == pytest.approx(1)
    assert measures["largest_share"] == pytest.approx(masks[:, 0].mean())
    assert measures["mask_entropy"] == pytest.approx(0, abs=1e-6)
    assert names(masks) == ["one slot is the background"]


@pytest.mark.parametrize("axes", [(2, 3), (3, 2)], ids=["rows", "columns"])
def test_stripes(axes):
    masks = np.moveaxis(stripes(), (2, 3), axes)
    measures = measure_slots(masks)
    assert measures["stripes"] == pytest.approx(1)
    assert measures["place_bound"] == pytest.approx(1)
    assert measures["effective_slots"] == pytest.approx(4)
    assert names(masks) == ["stripes", "bound to places"]


def test_quarters_are_no_stripes_but_bound_to_places():
    assert measure_slots(quarters())["stripes"] == pytest.approx(1 / 3)
    assert names(quarters()) == ["bound to places"]


def test_the_order_of_slots_is_nothing():
    masks = quarters()
    rng = np.random.default_rng(0)
    shuffled = np.stack([image[rng.permutation(4)] for image in masks])
    measures, expected = measure_slots(shuffled), measure_slots(masks)
    assert measures == pytest.approx(expected)


def test_masks_that_change_at_random_are_not_bound_to_places():
    rng = np.random.default_rng(0)
    masks = one_hot(rng.integers(4, size=(8, SIZE, SIZE)), 4)
    assert measure_slots(masks)["place_bound"] < 0.2


def test_uniform_masks_hide_all_else():
    masks = np.full((2, 3, SIZE, SIZE), 1 / 3)
    measures = measure_slots(masks)
    assert measures["mask_entropy"] == pytest.approx(1)
    assert measures["effective_slots"] == pytest.approx(3)
    assert measures["duplicate_slots"] == 0
    assert measures["stripes"] == measures["place_bound"] == 0
    assert names(masks) == ["uniform masks"]


def test_one_slot_takes_all():
    masks = one_hot(np.zeros((2, SIZE, SIZE)), 4)
    measures = measure_slots(masks)
    assert measures["effective_slots"] == pytest.approx(1, abs=1e-6)
    assert measures["slot_usage"] == 0.25
    assert measures["dead_slots"] == 0.75
    assert measures["stripes"] == measures["place_bound"] == 0
    assert names(masks) == ["one slot"]


def test_dead_slots():
    masks = np.pad(shared_background(), [(0, 0), (0, 2), (0, 0), (0, 0)])
    measures = measure_slots(masks)
    assert measures["dead_slots"] == pytest.approx(2 / 6)
    assert measures["slot_usage"] == pytest.approx(4 / 6)
    assert measures["duplicate_slots"] == 0  # Both hold nothing.
    assert names(masks) == ["dead slots"]


@pytest.mark.parametrize(
    ("share", "duplicates"), [(0.5, 2 / 5), (0.4, 2 / 5), (0.1, 0)]
)
def test_duplicates(share, duplicates):
    """Two slots share an object evenly, nearly, or hardly at all."""
    masks = split_in_two(objects(), 2, share)
    measures = measure_slots(masks)
    assert measures["duplicate_slots"] == pytest.approx(duplicates)
    assert ("duplicates" in names(masks)) == bool(duplicates)


@pytest.mark.parametrize(("side", "duplicates"), [(3, 0), (4, 2 / 4)])
def test_slots_that_hold_next_to_nothing_are_no_duplicates(side, duplicates):
    """What two slots share evenly weighs half: 9 pixels are 0.9 %."""
    owners = np.zeros((2, SIZE, SIZE), int)
    owners[:, 4:8, 4:8] = 1
    owners[:, :side, :side] = 2
    masks = split_in_two(one_hot(owners, 3), 2)
    measures = measure_slots(masks)
    assert measures["duplicate_slots"] == pytest.approx(duplicates)


@pytest.mark.parametrize("turns", range(4))
def test_every_side_of_the_image_is_border(turns):
    owners = np.zeros((2, 4, SIZE), int)
    owners = np.rot90(owners, turns, (1, 2)).copy()
    np.rot90(owners, -turns, (1, 2))[:, 0] = 1
    share = SIZE / (2 * SIZE + 4)
    expected = share**-share * (1 - share) ** (share - 1)
    measures = measure_slots(one_hot(owners, 2))
    assert measures["border_slots"] == pytest.approx(expected)


def test_attention_has_an_entropy_of_its_own():
    masks = shared_background()
    even = np.ones((8, 4, 9))
    assert measure_slots(masks, even)["attention_entropy"] == pytest.approx(1)
    assert names(masks, even) == ["undecided attention"]
    hard = np.eye(4)[None, :, np.arange(9) % 4].repeat(8, axis=0)
    # As with a softmax over the inputs: slots compete for nothing.
    for attention in (hard, hard / 9):
        measures = measure_slots(masks, attention)
        assert measures["attention_entropy"] == pytest.approx(0, abs=1e-6)


def test_masks_need_not_sum_to_one_nor_lack_a_channel():
    masks = shared_background()
    expected = pytest.approx(measure_slots(masks), rel=1e-5, abs=1e-6)
    assert measure_slots(7 * masks) == expected
    assert measure_slots(masks[..., None]) == expected


WELL = {
    "mask_entropy": 0.5,
    "effective_slots": 4.0,
    "stripes": 0.3,
    "place_bound": 0.3,
    "duplicate_slots": 0.0,
    "dead_slots": 0.0,
    "border_slots": 1.0,
    "largest_share": 0.4,
    "attention_entropy": 0.5,
}


@pytest.mark.parametrize(
    ("finding", "measure", "well", "not_well"),
    [
        ("uniform masks", "mask_entropy", 0.95, 0.951),
        ("one slot", "effective_slots", 1.2, 1.19),
        ("stripes", "stripes", 0.75, 0.751),
        ("bound to places", "place_bound", 0.75, 0.751),
        ("duplicates", "duplicate_slots", 0.2, 0.201),
        ("dead slots", "dead_slots", 0.2, 0.201),
        ("one slot is the background", "largest_share", 0.5, 0.501),
        ("undecided attention", "attention_entropy", 0.95, 0.951),
    ],
)
def test_findings_begin_where_they_are_said_to(
    finding, measure, well, not_well
):
    assert diagnose({**WELL, measure: well}) == []
    found = diagnose({**WELL, measure: not_well})
    assert [f.name for f in found] == [finding]


def test_a_border_that_slots_share_is_no_background():
    large = {**WELL, "largest_share": 0.9}
    (finding,) = diagnose({**large, "border_slots": 1.19})
    assert finding.name == "one slot is the background"
    assert diagnose({**large, "border_slots": 1.2}) == []


def test_findings_say_what_was_measured_and_what_helps():
    (finding,) = diagnose(measure_slots(quarters()))
    assert "a correlation of 1.00" in finding.observation
    assert "`center_frequencies`" in finding.remedy
    assert str(finding).startswith("bound to places: The masks hardly")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 4, 4), r"two images .* Received: masks.shape=\(1, 3, 4, 4\)"),
        ((2, 1, 4, 4), "two slots"),
        ((2, 3, 4), r"`masks` must have shape \(B, K, H, W\)"),
        ((2, 3, 4, 4, 3), r"`masks` must .*here \(2, 3, 4, 4, 1\)"),
    ],
    ids=str,
)
def test_bad_masks(shape, message):
    with pytest.raises(ValueError, match=message):
        measure_slots(np.ones(shape))


@pytest.mark.parametrize("shape", [(2, 4), (3, 3, 9), (2, 4, 9)], ids=str)
def test_attention_must_be_of_the_same_slots(shape):
    with pytest.raises(ValueError, match="`attention` must have s"):
        measure_slots(np.ones((2, 3, 4, 4)), np.ones(shape))


def test_masks_are_shares():
    masks = np.ones((2, 3, 4, 4))
    masks[0, 0, 0, 0] = -1
    with pytest.raises(ValueError, match=r"`masks` .* Received: masks from -1"):
        measure_slots(masks)


def test_masks_that_are_no_numbers_are_a_finding_and_no_error():
    """A training that has diverged is not to end in another message."""
    masks = shared_background()
    masks[0, 0, 0, 0] = np.nan
    assert names(masks) == ["not a number"]


def test_a_missing_measure_is_named():
    with pytest.raises(KeyError, match="mask_entropy"):
        diagnose({"stripes": 1.0})
