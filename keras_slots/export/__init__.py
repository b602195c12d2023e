"""Trained models in other formats, for runtimes without this package."""

from keras_slots.export.endpoint_model import list_endpoints
from keras_slots.export.litert import export_litert
from keras_slots.export.onnx import export_onnx
from keras_slots.export.openvino import export_openvino
from keras_slots.export.saved_model import export_saved_model

__all__ = [
    "export_litert",
    "export_onnx",
    "export_openvino",
    "export_saved_model",
    "list_endpoints",
]
