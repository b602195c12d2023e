"""What the metrics of masks have in common."""

import numpy as np
import pytest

from keras_slots import metrics
from tests.backends import BACKEND

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
def test_names_are_of_what_is_scored(class_name, arguments):
    _, objects, with_background = METRICS[class_name]
    ignores = arguments.get("ignore_background", True)
    name = arguments.get("name", objects if ignores else with_background)
    metric = getattr(metrics, class_name)(**arguments)
    assert metric.name == name
    assert type(metric).from_config(metric.get_config()).name == name


@pytest.mark.parametrize("class_name", METRICS)
@pytest.mark.parametrize(
    ("mask_shape", "masks_shape", "message"),
    [
        (
            (4, 4),
            (1, 2, 4, 4, 1),
            r"`mask` must have shape \(B, H, W\).*=\(4, 4\)",
        ),
        ((1, 4, 4), (1, 2, 4, 4), r"`masks` must have shape \(.*, 1\)\. Rec"),
        ((1, 4, 4), (1, 2, 4, 4, 3), r"`masks` must .*here \(1, 2, 4, 4, 1\)"),
        ((1, 4, 4), (1, 2, 2, 8, 1), r"`masks` must .*here \(1, 2, 4, 4, 1\)"),
    ],
    ids=["rank of mask", "rank of masks", "channels", "size"],
)
def test_shapes_are_checked(class_name, mask_shape, masks_shape, message):
    function = getattr(metrics, METRICS[class_name][0])
    with pytest.raises(ValueError, match=message):
        function(np.ones(mask_shape, int), np.ones(masks_shape))


@pytest.mark.skipif(BACKEND == "jax", reason="JAX has integers of 32 bits")
@pytest.mark.parametrize("class_name", METRICS)
def test_labels_of_64_bits(class_name):
    """Such as hashes: two that are one in 32 bits are two objects."""
    function = getattr(metrics, METRICS[class_name][0])
    small = np.array([[[1, 2], [1, 2]]])
    masks = (small[:, None] == np.array([1, 2])[:, None, None])[..., None]
    masks = masks.astype("float32")
    large = np.where(small == 1, 1, 1 + 2**40)
    np.testing.assert_allclose(function(large, masks), 1.0)
    np.testing.assert_allclose(function(large - 2**62, masks), 1.0)


@pytest.mark.parametrize("class_name", METRICS)
def test_weights_of_pixels_are_refused(class_name):
    metric = getattr(metrics, class_name)()
    mask, masks = np.zeros((2, 4, 4), "int32"), np.zeros((2, 3, 4, 4, 1))
    with pytest.raises(ValueError, match=r"each example.*shape=\(2, 4, 4\)"):
        metric.update_state(mask, masks, sample_weight=np.ones((2, 4, 4)))


@pytest.mark.parametrize("class_name", METRICS)
def test_no_images_change_nothing(class_name):
    metric = getattr(metrics, class_name)()
    metric.update_state(
        np.zeros((0, 4, 4), "int32"), np.zeros((0, 3, 4, 4, 1), "float32")
    )
    assert float(metric.result()) == 0.0
