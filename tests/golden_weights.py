"""Outputs of the authors' semantics, and their weights put into our layers.

Each file has inputs (`image`, `noise`), every weight as `weights/<path>` and
results as `outputs/<name>`, computed once in float32.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "golden"


def load_golden(name):
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def initial_slots(golden):
    """The start that the stored standard normal draw stands for."""
    mu = golden["weights/slot_attention/mu"]
    sigma = np.exp(golden["weights/slot_attention/log_sigma"])
    return (mu + sigma * golden["noise"]).astype("float32")


def assert_close(actual, expected, tolerance=1e-4):
    """Compares with a tolerance relative to the largest expected value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=tolerance * np.abs(expected).max()
    )


def put_into_slot_attention(layer, golden):
    """Writes the weights into the attributes that saved files refer to."""
    attention, updating = layer.attention, layer.updating
    for variable, path in (
        (layer.initial.mu, "mu"),
        (layer.initial.log_sigma, "log_sigma"),
        (attention.query_kernel, "q/kernel"),
        (attention.key_kernel, "k/kernel"),
        (attention.value_kernel, "v/kernel"),
        *_named(attention.norm_inputs, "norm_inputs", "gamma", "beta"),
        *_named(attention.norm_slots, "norm_slots", "gamma", "beta"),
        *_named(updating.norm_mlp, "norm_mlp", "gamma", "beta"),
        *_named(updating.gru, "gru", "kernel", "recurrent_kernel", "bias"),
        *_named(updating.mlp_hidden, "mlp0", "kernel", "bias"),
        *_named(updating.mlp_output, "mlp1", "kernel", "bias"),
    ):
        value = golden[f"weights/slot_attention/{path}"]
        variable.assign(value.reshape(variable.shape))


def put_into_object_discovery(model, golden):
    decoder = model.decoder
    pairs = _dense(decoder.position.dense, "decoder/position/dense")
    pairs += _numbered(decoder.deconvs, "decoder/deconv")
    _put_into_encoder_and_slots(model, golden, pairs)


def put_into_set_prediction(model, golden):
    head = (model.head.hidden, model.head.output_dense)
    _put_into_encoder_and_slots(model, golden, _numbered(head, "head/mlp"))


def _put_into_encoder_and_slots(model, golden, further_pairs):
    encoder = model.encoder
    for variable, path in (
        *_numbered(encoder.convs, "encoder/conv"),
        *_dense(encoder.position.dense, "encoder/position/dense"),
        *_named(encoder.norm, "encoder/layer_norm", "gamma", "beta"),
        *_numbered(encoder.mlp, "encoder/mlp"),
        *further_pairs,
    ):
        variable.assign(golden[f"weights/{path}"])
    put_into_slot_attention(model.slot_attention, golden)


def _numbered(layers, path):
    return [
        pair
        for index, layer in enumerate(layers)
        for pair in _dense(layer, f"{path}{index}")
    ]


def _dense(layer, path):
    return _named(layer, path, "kernel", "bias")


def _named(layer, path, *names):
    return [(getattr(layer, name), f"{path}/{name}") for name in names]
