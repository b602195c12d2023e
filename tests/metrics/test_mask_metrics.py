"""What the metrics of masks have in common."""

import json

import keras
import numpy as np
import pytest

from keras_slots import metrics
from tests.backends import OTHER_DTYPE

# By class: the function, and the names for objects and with background.
METRICS = {
    "AdjustedRandIndex": ("adjusted_rand_index", "fg_ari", "ari"),
    "MeanBestOverlap": ("mean_best_overlap", "mbo", "mbo_with_background"),
    "MaskIoU": ("mask_iou", "mask_iou", "mask_iou_with_background"),
}


@pytest.mark.parametrize("class_name", METRICS)
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"ignore_background": False},
        {"ignore_background": False, "name": "mine"},
    ],
    ids=["objects", "with background", "named"],
)
def test_name_and_config_round_trip(class_name, arguments):
    _, objects, with_background = METRICS[class_name]
    ignores = arguments.get("ignore_background", True)
    name = arguments.get("name", objects if ignores else with_background)
    metric = getattr(metrics, class_name)(**arguments, dtype=OTHER_DTYPE)
    data = json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    assert data["registered_name"] == f"keras_slots>{class_name}"
    revived = keras.saving.deserialize_keras_object(data)
    assert revived.get_config() == metric.get_config()
    assert revived.name == name
    assert revived.dtype == OTHER_DTYPE
    assert revived.ignore_background == ignores


@pytest.mark.parametrize("class_name", METRICS)
@pytest.mark.parametrize(
    ("mask_shape", "masks_shape", "message"),
    [
        (
            (4, 4),
            (1, 2, 4, 4, 1),
            r"`mask` must have shape \(batch_size, height, w.*=\(4, 4\)",
        ),
        ((1, 4, 4), (1, 2, 4, 4), r"`masks` must have shape \(.*, 1\)\. Rec"),
        ((1, 4, 4), (1, 2, 4, 4, 3), "`masks` must have size 1 on axis 4"),
        ((1, 4, 4), (1, 2, 2, 8, 1), "same batch size, height and width"),
    ],
    ids=["rank of mask", "rank of masks", "channels", "size"],
)
def test_shapes_are_checked(class_name, mask_shape, masks_shape, message):
    function = getattr(metrics, METRICS[class_name][0])
    with pytest.raises(ValueError, match=message):
        function(np.ones(mask_shape, int), np.ones(masks_shape))
