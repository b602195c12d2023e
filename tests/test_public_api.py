"""The names and arguments that users rely on. A change here is a release."""

import importlib
import inspect
import re
import types

import pytest

import keras_slots

PUBLIC_NAMES = {
    "keras_slots": {
        "HungarianHuberLoss",
        "SlotAttention",
        "SoftPositionEmbed",
        "SpatialBroadcastDecoder",
    },
    "keras_slots.callbacks": {
        "SlotDiagnosis",
        "SlotPictures",
        "TrainingCheckpoint",
        "diagnose",
        "measure_slots",
    },
    "keras_slots.datasets": {
        "PropertyLayout",
        "clevr",
        "clevr_scenes",
        "convert_records",
        "multi_dsprites",
        "multi_object_records",
        "record_shards",
        "tetrominoes",
    },
    "keras_slots.export": {
        "export_litert",
        "export_onnx",
        "export_openvino",
        "export_saved_model",
        "list_endpoints",
    },
    "keras_slots.layers": {
        "ConvEncoder",
        "PropertyHead",
        "SlotAttention",
        "SlotCenters",
        "SlotMLP",
        "SoftPositionEmbed",
        "SpatialBroadcastDecoder",
        "SpreadSlots",
        "literal_slot_attention",
        "mix_slots",
        "posterior_masks",
    },
    "keras_slots.losses": {
        "HungarianCrossEntropyLoss",
        "HungarianHuberLoss",
        "hungarian_cross_entropy",
        "hungarian_huber",
    },
    "keras_slots.metrics": {
        "AdjustedRandIndex",
        "MaskIoU",
        "MeanBestOverlap",
        "SetAveragePrecision",
        "adjusted_rand_index",
        "mask_iou",
        "mean_best_overlap",
        "set_average_precision",
    },
    "keras_slots.models": {
        "DeepSetPrediction",
        "ObjectDiscovery",
        "Preset",
        "SetPrediction",
        "get_preset",
        "list_presets",
        "load_reference_checkpoint",
    },
    "keras_slots.ops": {"linear_sum_assignment"},
    "keras_slots.schedules": {"WarmupExponentialDecay"},
    "keras_slots.visualization": {
        "plot_attention",
        "plot_scene",
        "plot_set_prediction",
        "plot_slots",
    },
}
# Arguments in their order. More may follow, with defaults.
SIGNATURES = {
    "keras_slots.callbacks.SlotPictures": "images, log_dir, every=1, mask=None",
    "keras_slots.SlotAttention": (
        "num_slots, slot_size, num_iterations=3, mlp_hidden_size=128, "
        "epsilon=1e-08"
    ),
    "keras_slots.SlotAttention.call": (
        "inputs, initial_slots=None, mask=None, slot_mask=None, "
        "num_slots=None, num_iterations=None, return_attention_scores=False, "
        "return_all_iterations=False"
    ),
    "keras_slots.SoftPositionEmbed": "",
    "keras_slots.SpatialBroadcastDecoder": "grid_size",
    "keras_slots.SpatialBroadcastDecoder.call": "slots, slot_mask=None",
    "keras_slots.HungarianHuberLoss": "delta=1.0",
    "keras_slots.HungarianHuberLoss.call": "y_true, y_pred",
    "keras_slots.losses.hungarian_huber": "y_true, y_pred, delta=1.0",
    "keras_slots.losses.HungarianCrossEntropyLoss": (
        "coordinate_weight=10.0, coordinate_scale=1.0"
    ),
    "keras_slots.losses.hungarian_cross_entropy": (
        "y_true, y_pred, coordinate_weight=10.0, coordinate_scale=1.0"
    ),
    "keras_slots.layers.SlotMLP": "num_slots, slot_size",
    "keras_slots.layers.SlotMLP.for_object_discovery": "num_slots, slot_size",
    "keras_slots.layers.PropertyHead": (
        "num_features=19, hidden_size=64, coordinate_scale=1.0"
    ),
    "keras_slots.layers.PropertyHead.call": "slots, centers=None",
    "keras_slots.ops.linear_sum_assignment": "cost",
    "keras_slots.metrics.AdjustedRandIndex": "ignore_background=True",
    "keras_slots.metrics.AdjustedRandIndex.update_state": (
        "mask, masks, sample_weight=None"
    ),
    "keras_slots.metrics.MeanBestOverlap": "ignore_background=True",
    "keras_slots.metrics.MeanBestOverlap.update_state": (
        "mask, masks, sample_weight=None"
    ),
    "keras_slots.metrics.mean_best_overlap": (
        "mask, masks, ignore_background=True"
    ),
    "keras_slots.metrics.MaskIoU": "ignore_background=True",
    "keras_slots.metrics.MaskIoU.update_state": (
        "mask, masks, sample_weight=None"
    ),
    "keras_slots.metrics.mask_iou": "mask, masks, ignore_background=True",
    "keras_slots.metrics.SetAveragePrecision": (
        "distance_thresholds=(inf, 1, 0.5, 0.25, 0.125)"
    ),
    "keras_slots.metrics.SetAveragePrecision.update_state": (
        "y_true, y_pred, sample_weight=None"
    ),
    "keras_slots.metrics.set_average_precision": (
        "y_true, y_pred, distance_thresholds=(inf, 1, 0.5, 0.25, 0.125)"
    ),
    "keras_slots.models.ObjectDiscovery.from_preset": "name",
    "keras_slots.models.ObjectDiscovery.call": "image, initial_slots=None",
    "keras_slots.models.SetPrediction.from_preset": "name",
    "keras_slots.models.SetPrediction.call": "image, initial_slots=None",
    "keras_slots.models.DeepSetPrediction": (
        "encoder, set_size, num_features, num_iterations=10, implicit=False"
    ),
    "keras_slots.models.DeepSetPrediction.call": (
        "image, initial_set=None, num_iterations=None, "
        "return_all_iterations=False"
    ),
    "keras_slots.models.load_reference_checkpoint": "model, path",
    "keras_slots.datasets.PropertyLayout": (
        "properties=('size', 'material', 'shape', 'color'), "
        "coordinate_scale=1.0"
    ),
    "keras_slots.datasets.clevr": "split, batch_size=None, data_dir=None",
    "keras_slots.datasets.convert_records": (
        "path, folder, dataset=None, skip=0, take=None, crop=None, size=None, "
        "max_objects=None"
    ),
    "keras_slots.datasets.multi_dsprites": "split, batch_size=None",
    "keras_slots.datasets.multi_object_records": (
        "path, dataset=None, batch_size=None, skip=0, take=None, seed=0, "
        "as_dict=False"
    ),
    "keras_slots.datasets.record_shards": (
        "folder, batch_size=None, skip=0, take=None, seed=0, as_dict=False"
    ),
    "keras_slots.datasets.tetrominoes": "split, batch_size=None",
    "keras_slots.schedules.WarmupExponentialDecay": (
        "learning_rate, warmup_steps, decay_steps, decay_rate"
    ),
    "keras_slots.export.export_litert": (
        "model, path, endpoint=None, batch_size=1"
    ),
    "keras_slots.export.export_onnx": "model, path, endpoint=None",
    "keras_slots.export.export_openvino": "model, path, endpoint=None",
    "keras_slots.export.export_saved_model": "model, path",
    "keras_slots.export.list_endpoints": "model",
    "keras_slots.visualization.plot_attention": (
        "images, attention, path=None, num_scenes=3, grid_size=None"
    ),
    "keras_slots.visualization.plot_scene": (
        "images, outputs, path=None, index=0, mask=None"
    ),
    "keras_slots.visualization.plot_set_prediction": (
        "images, predictions, targets=None, attention=None"
    ),
    "keras_slots.visualization.plot_slots": (
        "images, outputs, path=None, num_scenes=6, mask=None"
    ),
}


@pytest.mark.parametrize("path", PUBLIC_NAMES)
def test_public_names(path):
    module = importlib.import_module(path)
    names = getattr(module, "__all__", None) or {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and getattr(value, "__module__", path).startswith("keras_slots")
    }
    assert set(names) == PUBLIC_NAMES[path]


@pytest.mark.parametrize("path", SIGNATURES)
def test_arguments(path):
    symbol = keras_slots
    for name in path.split(".")[1:]:
        symbol = getattr(symbol, name)
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in inspect.signature(symbol).parameters.items()
        if name != "self"
    ]
    # At commas, those inside a tuple left out.
    promised = re.split(r", (?![^(]*\))", SIGNATURES[path])
    promised = promised if SIGNATURES[path] else []
    assert list(map(str, parameters[: len(promised)])) == promised
    for parameter in parameters[len(promised) :]:
        assert parameter.kind == parameter.VAR_KEYWORD or (
            parameter.default is not parameter.empty
        )


def test_sub_packages_and_version_hang_on_the_package():
    for path in PUBLIC_NAMES:
        _, _, name = path.partition(".")
        if name:
            assert getattr(keras_slots, name) is importlib.import_module(path)
            assert name in dir(keras_slots)
    assert keras_slots.__version__
    with pytest.raises(AttributeError, match="no attribute 'slots'"):
        _ = keras_slots.slots
