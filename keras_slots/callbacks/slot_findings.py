"""Findings from the measures of slots, in words, with remedies.

The thresholds lie between the measures of trained and of failed models:
docs/troubleshooting.md shows both.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Finding(NamedTuple):
    """A problem, or a possible problem, of the slots.

    Attributes:
        name: String, short.
        observation: String, the visible problem, in a sentence.
        remedy: String, possible remedies, the most likely first.
    """

    name: str
    observation: str
    remedy: str

    def __str__(self):
        return f"{self.name}: {self.observation} {self.remedy}"


class _Rule(NamedTuple):
    """The condition of a finding, and its text, with measures in braces."""

    name: str
    holds: Callable[[Mapping[str, float]], bool]
    observation: str
    remedy: str


# With each of these there is no segmentation, so other findings are left out.
_COLLAPSES = (
    _Rule(
        "not a number",
        lambda m: math.isnan(m["mask_entropy"]),
        "The masks are NaN: training has diverged.",
        "Start again with a lower learning rate, warmed up, or with gradients "
        "clipped.",
    ),
    _Rule(
        "uniform masks",
        lambda m: m["mask_entropy"] > 0.95,
        "All slots share all pixels alike ({mask_entropy:.0%} of the largest "
        "entropy): they do not compete.",
        "Early in training this passes. If it stays, lower the learning rate "
        "and warm it up, keep `softmax_axis='slots'`, and let slots start "
        "apart (`slot_initialization='learned'`).",
    ),
    _Rule(
        "one slot",
        lambda m: m["effective_slots"] < 1.2,
        "A single slot holds nearly everything ({effective_slots:.1f} slots "
        "in effect).",
        "Lower the learning rate and warm it up, or raise the decoder's "
        "`mask_penalty`. A decoder that draws whole scenes from one slot is "
        "too strong: make it smaller.",
    ),
)
_RULES = (
    _Rule(
        "stripes",
        lambda m: m["stripes"] > 0.75,
        "The masks are stripes: a pixel's row, or its column, explains "
        "{stripes:.0%} of them.",
        "Early in training this may pass. If it stays, lower the learning "
        "rate or warm it up for longer, try another seed, or use more slots.",
    ),
    _Rule(
        "bound to places",
        lambda m: m["place_bound"] > 0.75,
        "The masks hardly depend on the image (a correlation of "
        "{place_bound:.2f} between images): each slot owns a region.",
        "Early in training this may pass. If it stays, give slots `centers` "
        "and the decoder `center_frequencies`, so that slots can follow "
        "objects, or use more iterations or slots.",
    ),
    _Rule(
        "duplicates",
        lambda m: m["duplicate_slots"] > 0.2,
        "{duplicate_slots:.0%} of the slots hold what another slot holds too.",
        "With fewer objects than slots that is common, and harmless. "
        "Otherwise let slots start apart (`slot_initialization='learned'` "
        "with `SpreadSlots`) and know where they are (`centers`), "
        "or use more iterations.",
    ),
    _Rule(
        "dead slots",
        lambda m: m["dead_slots"] > 0.2,
        "{dead_slots:.0%} of the slots own no pixel.",
        "With fewer objects than slots this is normal. Otherwise "
        "lower the learning rate and warm it up, or use fewer slots.",
    ),
    _Rule(
        "one slot is the background",
        lambda m: m["border_slots"] < 1.2 and m["largest_share"] > 0.5,
        "One slot owns the border of the image, and {largest_share:.0%} of "
        "it in all.",
        "Often this is useful. But if the score falls while the loss "
        "falls too, the slot also paints objects: raise the decoder's "
        "`mask_penalty`.",
    ),
    _Rule(
        "undecided attention",
        lambda m: m.get("attention_entropy", 0.0) > 0.95,
        "The masks differ, but the attention does not tell slots apart "
        "({attention_entropy:.0%} of the largest entropy).",
        "Keep `softmax_axis='slots'`, use more iterations, and check that "
        "the encoder embeds positions.",
    ),
)


def diagnose(measures: Mapping[str, float]) -> list[Finding]:
    """Describes problems in the measures of slots, and their remedies.

    Three findings mean that there is no segmentation, and come alone:

    - *not a number*: `mask_entropy` is NaN.
    - *uniform masks*: `mask_entropy` above 0.95.
    - *one slot*: `effective_slots` below 1.2.

    The others can come together:

    - *stripes*: `stripes` above 0.75.
    - *bound to places*: `place_bound` above 0.75.
    - *duplicates*: `duplicate_slots` above 0.2.
    - *dead slots*: `dead_slots` above 0.2.
    - *one slot is the background*: `border_slots` below 1.2 and
      `largest_share` above 0.5.
    - *undecided attention*: `attention_entropy` above 0.95.

    An empty list does not prove that the slots hold objects: with too few
    slots, or with slots that hold colors, all measures can look good. Only true
    masks and a metric, such as `metrics.AdjustedRandIndex`, can show it.

    Args:
        measures: Dict, as returned by `measure_slots`; other entries are
            ignored.

    Returns:
        A list of findings, each with the attributes `name`, `observation` and
        `remedy`; `str` joins them to a sentence or two. Empty if there is no
        visible problem.

    Raises:
        KeyError: If a measure is missing.

    Example:

    >>> import numpy as np
    >>> from keras_slots.callbacks import diagnose, measure_slots
    >>> masks = np.full((4, 3, 8, 8), 1 / 3)
    >>> [finding.name for finding in diagnose(measure_slots(masks))]
    ['uniform masks']
    """
    return _findings(_COLLAPSES, measures) or _findings(_RULES, measures)


def _findings(rules, measures):
    return [
        Finding(rule.name, rule.observation.format(**measures), rule.remedy)
        for rule in rules
        if rule.holds(measures)
    ]
