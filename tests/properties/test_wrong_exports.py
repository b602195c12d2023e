"""Models, paths and endpoints that are none are told; nothing is written."""

from functools import partial

import keras

from keras_slots import export
from keras_slots.models import ObjectDiscovery
from tests.properties.wrong_values import (
    NO_NUMBERS,
    NO_OPTIONS,
    NO_PATHS,
    NO_POSITIVE_INTEGERS,
    check_each,
    each_argument,
)


def exports():
    """What is wrong, by function and argument."""
    model = ObjectDiscovery.from_preset("tetrominoes")
    no_model = (NO_NUMBERS | {"layer": keras.layers.Dense(2)}, ())
    no_endpoint = (NO_OPTIONS | {"unknown": "discover_nothing"}, ("None",))
    table = {
        "export_saved_model": (
            lambda: export.export_saved_model,
            {"model": model, "path": "never"},
            {"model": no_model, "path": (NO_PATHS, ())},
        ),
        "list_endpoints": (
            lambda: export.list_endpoints,
            {"model": model},
            {"model": no_model},
        ),
    }
    for name, ending in {
        "export_onnx": ".onnx",
        "export_litert": ".tflite",
        "export_openvino": ".xml",
    }.items():
        no_path = NO_PATHS | {
            "path of another ending": "model.txt",
            "path in no folder": f"no folder/model{ending}",
        }
        table[name] = (
            partial(getattr, export, name),
            {"model": model, "path": f"never{ending}"},
            {"model": no_model, "path": (no_path, ()), "endpoint": no_endpoint},
        )
    table["export_litert"][2]["batch_size"] = (NO_POSITIVE_INTEGERS, ())
    return table


@each_argument(exports())
def test_exports(make, good, name, wrong, but, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_each(make(), good, name, wrong, but)
    assert not list(tmp_path.iterdir())
