"""The authors' checkpoints, some written here in their form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots import SlotAttention, SpatialBroadcastDecoder
from keras_slots.layers import ConvEncoder
from keras_slots.models import ObjectDiscovery, load_reference_checkpoint
from tests.golden_weights import assert_close, initial_slots, load_golden

KERNEL = ("kernel", "bias")
NORM = ("gamma", "beta")
# Paths below `network/layer_with_weights-0` by paths of the golden file.
AUTHORS_PATHS = {
    **{
        f"encoder/conv{i}": (f"encoder_cnn/layer_with_weights-{i}", KERNEL)
        for i in range(4)
    },
    "encoder/position/dense": ("encoder_pos/dense", KERNEL),
    "encoder/layer_norm": ("layer_norm", NORM),
    **{
        f"encoder/mlp{i}": (f"mlp/layer_with_weights-{i}", KERNEL)
        for i in range(2)
    },
    **{
        f"slot_attention/{norm}": (f"slot_attention/{norm}", NORM)
        for norm in ("norm_inputs", "norm_slots", "norm_mlp")
    },
    **{
        f"slot_attention/{x}": (f"slot_attention/project_{x}", ("kernel",))
        for x in "qkv"
    },
    "slot_attention/gru": (
        "slot_attention/gru",
        ("kernel", "recurrent_kernel", "bias"),
    ),
    **{
        f"slot_attention/mlp{i}": (
            f"slot_attention/mlp/layer_with_weights-{i}",
            KERNEL,
        )
        for i in range(2)
    },
    "decoder/position/dense": ("decoder_pos/dense", KERNEL),
    **{
        f"decoder/deconv{i}": (f"decoder_cnn/layer_with_weights-{i}", KERNEL)
        for i in range(4)
    },
}

# Encoder and slots as the authors' scripts write them with 64 channels, below
# `network/layer_with_weights-0`: copied from a file of theirs, not derived.
AUTHORS_ENCODER_AND_SLOTS = {
    "encoder_cnn/layer_with_weights-0/bias": (64,),
    "encoder_cnn/layer_with_weights-0/kernel": (5, 5, 3, 64),
    "encoder_cnn/layer_with_weights-1/bias": (64,),
    "encoder_cnn/layer_with_weights-1/kernel": (5, 5, 64, 64),
    "encoder_cnn/layer_with_weights-2/bias": (64,),
    "encoder_cnn/layer_with_weights-2/kernel": (5, 5, 64, 64),
    "encoder_cnn/layer_with_weights-3/bias": (64,),
    "encoder_cnn/layer_with_weights-3/kernel": (5, 5, 64, 64),
    "encoder_pos/dense/bias": (64,),
    "encoder_pos/dense/kernel": (4, 64),
    "layer_norm/beta": (64,),
    "layer_norm/gamma": (64,),
    "mlp/layer_with_weights-0/bias": (64,),
    "mlp/layer_with_weights-0/kernel": (64, 64),
    "mlp/layer_with_weights-1/bias": (64,),
    "mlp/layer_with_weights-1/kernel": (64, 64),
    "slot_attention/gru/bias": (2, 192),
    "slot_attention/gru/kernel": (64, 192),
    "slot_attention/gru/recurrent_kernel": (64, 192),
    "slot_attention/mlp/layer_with_weights-0/bias": (128,),
    "slot_attention/mlp/layer_with_weights-0/kernel": (64, 128),
    "slot_attention/mlp/layer_with_weights-1/bias": (64,),
    "slot_attention/mlp/layer_with_weights-1/kernel": (128, 64),
    "slot_attention/norm_inputs/beta": (64,),
    "slot_attention/norm_inputs/gamma": (64,),
    "slot_attention/norm_mlp/beta": (64,),
    "slot_attention/norm_mlp/gamma": (64,),
    "slot_attention/norm_slots/beta": (64,),
    "slot_attention/norm_slots/gamma": (64,),
    "slot_attention/project_k/kernel": (64, 64),
    "slot_attention/project_q/kernel": (64, 64),
    "slot_attention/project_v/kernel": (64, 64),
    "slot_attention/slots_log_sigma": (1, 1, 64),
    "slot_attention/slots_mu": (1, 1, 64),
}
# Table 5: the decoder of CLEVR6, as the authors' code names its layers.
AUTHORS_CLEVR6_DECODER = {
    "decoder_pos/dense/bias": (64,),
    "decoder_pos/dense/kernel": (4, 64),
    **{f"decoder_cnn/layer_with_weights-{i}/bias": (64,) for i in range(5)},
    **{
        f"decoder_cnn/layer_with_weights-{i}/kernel": (5, 5, 64, 64)
        for i in range(5)
    },
    "decoder_cnn/layer_with_weights-5/bias": (4,),
    "decoder_cnn/layer_with_weights-5/kernel": (3, 3, 4, 64),
}


def authors_values(golden):
    """Arrays by the names that the authors' object graph gives them."""
    values = {
        f"slot_attention/slots_{name}": golden[
            f"weights/slot_attention/{name}"
        ].reshape(1, 1, 64)
        for name in ("mu", "log_sigma")
    }
    for ours, (theirs, names) in AUTHORS_PATHS.items():
        for name in names:
            values[f"{theirs}/{name}"] = golden[f"weights/{ours}/{name}"]
    return values


def write_checkpoint(values, folder):
    """A `tf.train.Checkpoint` with one trackable object per part of a path."""
    network = tf.train.Checkpoint()
    for path, value in values.items():
        node = network
        *folders, name = f"layer_with_weights-0/{path}".split("/")
        for part in folders:
            if not hasattr(node, part):
                setattr(node, part, tf.train.Checkpoint())
            node = getattr(node, part)
        setattr(node, name, tf.Variable(value))
    checkpoint = tf.train.Checkpoint(
        network=network, global_step=tf.Variable(500_000)
    )
    manager = tf.train.CheckpointManager(checkpoint, str(folder), 5)
    return manager.save()


@pytest.fixture(scope="module")
def golden():
    return load_golden("object_discovery_35")


@pytest.fixture(scope="module")
def checkpoint(golden, tmp_path_factory):
    return write_checkpoint(
        authors_values(golden), tmp_path_factory.mktemp("checkpoint")
    )


@pytest.fixture(scope="module")
def unchanged():
    """A model for tests that leave its weights as they are, and say so."""
    return ObjectDiscovery.from_preset("tetrominoes_paper")


def assert_golden(model, golden):
    outputs = model(golden["image"], initial_slots=initial_slots(golden))
    for name in ("reconstruction", "slot_reconstructions", "masks", "slots"):
        assert_close(outputs[name], golden[f"outputs/{name}"])


def assert_unchanged(model, before):
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value, err_msg=weight.path)


def test_the_form_is_the_authors(checkpoint):
    names = {
        name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"): tuple(shape)
        for name, shape in tf.train.list_variables(checkpoint)
    }
    root = "network/layer_with_weights-0"
    for name, shape in {
        f"{root}/encoder_cnn/layer_with_weights-0/kernel": (5, 5, 3, 32),
        f"{root}/encoder_pos/dense/kernel": (4, 32),
        f"{root}/layer_norm/gamma": (32,),
        f"{root}/slot_attention/slots_mu": (1, 1, 64),
        f"{root}/slot_attention/gru/bias": (2, 192),
        f"{root}/slot_attention/project_k/kernel": (32, 64),
        f"{root}/decoder_cnn/layer_with_weights-3/kernel": (3, 3, 4, 32),
        "global_step": (),
        "save_counter": (),
    }.items():
        assert names[name] == shape


def test_encoder_and_slots_are_named_as_in_the_authors_file(golden):
    names = {n for n in authors_values(golden) if not n.startswith("decoder")}
    assert names == set(AUTHORS_ENCODER_AND_SLOTS)


def test_clevr6(tmp_path):
    """Its decoder has six layers, those of the golden file four."""
    rng = np.random.default_rng(0)
    shapes = AUTHORS_ENCODER_AND_SLOTS | AUTHORS_CLEVR6_DECODER
    values = {
        name: rng.normal(size=shape).astype("float32")
        for name, shape in shapes.items()
    }
    model = ObjectDiscovery.from_preset("clevr6")
    load_reference_checkpoint(model, write_checkpoint(values, tmp_path))
    # Every weight has a value, and every value a weight.
    loaded = sorted(np.asarray(weight).tobytes() for weight in model.weights)
    assert loaded == sorted(value.tobytes() for value in values.values())
    for part, layers in (
        ("encoder_cnn", model.encoder.convs),
        ("decoder_cnn", model.decoder.deconvs),
    ):
        for i, layer in enumerate(layers):
            name = f"{part}/layer_with_weights-{i}"
            np.testing.assert_array_equal(
                layer.kernel, values[f"{name}/kernel"]
            )
            np.testing.assert_array_equal(layer.bias, values[f"{name}/bias"])


@pytest.mark.parametrize(
    "name",
    [
        "decoder_cnn/layer_with_weights-4/kernel",
        "encoder_cnn/layer_with_weights-4/bias",
        "slot_attention/mlp/layer_with_weights-2/kernel",
    ],
    ids=["decoder", "encoder", "slots"],
)
def test_variables_without_a_place_change_nothing(
    golden, unchanged, tmp_path, name
):
    values = {**authors_values(golden), name: np.zeros((3, 4), "float32")}
    path, before = write_checkpoint(values, tmp_path), unchanged.get_weights()
    with pytest.raises(ValueError) as error:
        load_reference_checkpoint(unchanged, path)
    assert f"no place for 'network/layer_with_weights-0/{name}" in str(
        error.value
    )
    assert "(3, 4)" in str(error.value)
    assert_unchanged(unchanged, before)


@pytest.mark.parametrize("form", ["prefix", "folder"])
def test_golden_outputs(golden, checkpoint, form):
    model = ObjectDiscovery.from_preset("tetrominoes_paper")
    path = checkpoint
    if form == "folder":
        path = checkpoint.rpartition("/")[0]
    load_reference_checkpoint(model, path)
    assert_golden(model, golden)


def test_the_latest_of_a_folder(golden, tmp_path):
    values = authors_values(golden)
    write_checkpoint({n: np.zeros_like(v) for n, v in values.items()}, tmp_path)
    write_checkpoint(values, tmp_path / "later")
    model = ObjectDiscovery.from_preset("tetrominoes_paper")
    load_reference_checkpoint(model, tmp_path / "later")
    assert_golden(model, golden)
    load_reference_checkpoint(model, tmp_path)
    assert not any(np.any(weight) for weight in model.weights)


def test_another_shape_changes_nothing(checkpoint):
    model = ObjectDiscovery(
        ConvEncoder((32,) * 4, mlp_sizes=(32, 32)),
        SlotAttention(4, 64, mlp_hidden_size=96),
        SpatialBroadcastDecoder(35),
    )
    model.build((None, 35, 35, 3))
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        load_reference_checkpoint(model, checkpoint)
    message = str(error.value)
    for part in (
        "updating/mlp_hidden/kernel",
        "(64, 96)",
        "slot_attention/mlp/layer_with_weights-0/kernel",
        "(64, 128)",
    ):
        assert part in message
    assert_unchanged(model, before)


def test_a_set_prediction_checkpoint_changes_nothing(
    golden, unchanged, tmp_path
):
    """It has the same encoder and slots, and a classifier in place of a
    decoder."""
    values = {
        name: value
        for name, value in authors_values(golden).items()
        if not name.startswith("decoder")
    }
    values["mlp_classifier/layer_with_weights-0/kernel"] = np.zeros((64, 64))
    path, before = write_checkpoint(values, tmp_path), unchanged.get_weights()
    with pytest.raises(ValueError, match=r"has no variable for .*position/de"):
        load_reference_checkpoint(unchanged, path)
    with pytest.raises(
        ValueError, match=r"decoder_pos/dense/kernel.*another ta"
    ):
        load_reference_checkpoint(unchanged, path)
    assert_unchanged(unchanged, before)


def test_no_checkpoint(unchanged, tmp_path):
    for path in (tmp_path, tmp_path / "ckpt-1", str(tmp_path / "nowhere")):
        with pytest.raises(FileNotFoundError, match="no TensorFlow checkpoint"):
            load_reference_checkpoint(unchanged, path)


def test_another_kind_of_model(checkpoint):
    with pytest.raises(ValueError, match="`model` must be a built `ObjectDisc"):
        load_reference_checkpoint(SlotAttention(4, 64), checkpoint)
    unbuilt = ObjectDiscovery(
        ConvEncoder(), SlotAttention(4, 64), SpatialBroadcastDecoder(35)
    )
    with pytest.raises(ValueError, match="`model` must be a built `ObjectDisc"):
        load_reference_checkpoint(unbuilt, checkpoint)


def test_a_weight_of_ones_own_has_no_reference(checkpoint):
    preset = ObjectDiscovery.from_preset("tetrominoes_paper")
    decoder = SpatialBroadcastDecoder.from_config(preset.decoder.get_config())
    decoder.mine = keras.layers.Dense(2)  # A built layer would refuse it.
    decoder.mine.build((None, 3))
    model = ObjectDiscovery(preset.encoder, preset.slot_attention, decoder)
    model.build((None, 35, 35, 3))
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"nothing like .*kernel. \(3, 2\)"):
        load_reference_checkpoint(model, checkpoint)
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    "arguments",
    [
        {"use_projections": False},
        {"use_layer_norm": False},
        {"update": "none"},
        {"use_mlp": False},
        {"slot_initialization": "learned"},
        {"num_heads": 2},
        {"aggregation": "weighted_sum_layer_norm"},
        {"background_slot": True},
        {"slot_communication": "self_attention"},
    ],
    ids=str,
)
def test_ablations_have_no_reference_checkpoint(checkpoint, arguments):
    model = ObjectDiscovery(
        ConvEncoder((32,) * 3 + (64,), mlp_sizes=(64, 64)),
        SlotAttention(4, 64, **arguments),
        SpatialBroadcastDecoder(35),
    )
    model.build((None, 35, 35, 3))
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        load_reference_checkpoint(model, checkpoint)
