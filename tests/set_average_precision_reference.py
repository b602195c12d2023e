"""Average precision in plain Python, one prediction after the other.

Written from the definition: the paper's supplement, section 5.9, and the
conventions of `keras_slots.metrics.SetAveragePrecision`.
"""

import math


def average_precision(
    y_true,
    y_pred,
    threshold,
    num_coordinates=3,
    category_sizes=(2, 2, 3, 8),
    distance_scale=6.0,
    inclusive=False,
):
    """AP of lists of images, each a list of elements, each a list of floats."""

    def properties(element):
        """The largest entry of each one-hot code, the first of equal ones."""
        classes, start = [], num_coordinates
        for size in category_sizes:
            code = element[start : start + size]
            classes.append(code.index(max(code)))
            start += size
        return classes

    def distance(one, other):
        pairs = list(zip(one, other, strict=True))[:num_coordinates]
        return math.hypot(*(distance_scale * (a - b) for a, b in pairs))

    ranked = [
        (image, prediction)
        for image, predictions in enumerate(y_pred)
        for prediction in predictions
    ]
    ranked.sort(key=lambda entry: -entry[1][-1])  # stable
    objects = [[o for o in image if o[-1] == 1] for image in y_true]
    total = sum(map(len, objects))

    taken, hits, curve = set(), 0, []
    for rank, (image, prediction) in enumerate(ranked, start=1):
        nearest, least = None, math.inf
        for index, candidate in enumerate(objects[image]):
            if properties(candidate) == properties(prediction):
                if distance(candidate, prediction) < least:
                    nearest = image, index
                    least = distance(candidate, prediction)
        near = least <= threshold if inclusive else least < threshold
        if nearest is not None and near and nearest not in taken:
            taken.add(nearest)
            hits += 1
        curve.append((hits / total, hits / rank))

    area, before = 0.0, 0.0
    for index, (recall, _) in enumerate(curve):
        if recall > before:
            best = max(precision for _, precision in curve[index:])
            area += (recall - before) * best
            before = recall
    return area
