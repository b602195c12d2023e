"""`SetAveragePrecision` against golden values and a plain definition."""

import math
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_slots.metrics import SetAveragePrecision, set_average_precision
from tests.backends import (
    EACH_JIT,
    MODES,
    ON_TENSORFLOW,
    dtype_of,
    in_mode,
    ways_to_run,
)
from tests.set_average_precision_reference import average_precision

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "average_precision.npz"
THRESHOLDS = (math.inf, 1, 0.5, 0.25, 0.125)
# Of coordinates on a grid of eighths: every distance can tie with a threshold.
SMALL = {
    "num_coordinates": 2,
    "category_sizes": (2, 3),
    "distance_scale": 2.0,
}
EACH_RUN = ways_to_run(set_average_precision)


def draw_sets(rng, num_images=4, num_targets=4, num_predictions=5):
    """Small sets full of ties: in confidence, distance and properties."""

    def draw(size):
        codes = [
            rng.integers(0, 2, (num_images, size, n)) for n in (2, 3)
        ]  # one-hot, several-hot and none: argmax decides
        return np.concatenate(
            [
                rng.integers(0, 5, (num_images, size, 2)) / 8,
                *codes,
                rng.integers(0, 3, (num_images, size, 1)) / 2,
            ],
            axis=2,
        ).astype("float32")

    y_true, y_pred = draw(num_targets), draw(num_predictions)
    y_true[..., -1] = rng.random(y_true.shape[:2]) < 0.7
    y_true[0, 0, -1] = 1.0
    return y_true, y_pred


def reference(y_true, y_pred, **arguments):
    y_true, y_pred = y_true.tolist(), y_pred.tolist()
    return [
        average_precision(y_true, y_pred, threshold, **arguments)
        for threshold in THRESHOLDS
    ]


def row(place, kind, confidence=1.0):
    """One element of a set of one coordinate and two classes."""
    return [place, kind == "red", kind == "blue", confidence]


def one_image(true, pred, thresholds=(1.0,), **arguments):
    values = set_average_precision(
        np.array([true], "float32"),
        np.array([pred], "float32"),
        thresholds,
        num_coordinates=1,
        category_sizes=(2,),
        distance_scale=1.0,
        **arguments,
    )
    return keras.ops.convert_to_numpy(values).tolist()


@EACH_RUN
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "pred_tie_free",
            [0.8026455, 0.7804232, 0.3502763, 0.0642857, 0.0007936],
        ),
        ("pred", [0.7868177, 0.7634259, 0.3103667, 0.0625, 0.0008170]),
    ],
)
def test_golden_values(run, name, expected):
    golden = np.load(GOLDEN)
    result = run(golden["attr"], golden[name])
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-7)


@pytest.mark.parametrize(
    "inclusive", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_plain_definition_agrees_on_sets_full_of_ties(inclusive):
    rng = np.random.default_rng(0)
    arguments = {**SMALL, "inclusive": inclusive}
    # Eagerly, 300 would take long, and XLA to compile.
    run = in_mode(set_average_precision, MODES[:2][-1])
    for _ in range(300):
        sets = draw_sets(rng)
        np.testing.assert_allclose(
            run(*sets, THRESHOLDS, **arguments),
            reference(*sets, **arguments),
            rtol=1e-5,
        )


@EACH_RUN
def test_plain_definition_agrees_on_larger_sets(run):
    sets = draw_sets(np.random.default_rng(1), 60, 7, 9)
    np.testing.assert_allclose(
        run(*sets, THRESHOLDS, **SMALL), reference(*sets, **SMALL), rtol=1e-5
    )


@EACH_RUN
def test_sorting_is_stable_in_long_lists(run):
    """Of equal confidences, the first image's count first."""
    y_true = np.tile([[[0.0, 1.0]]], (5000, 1, 1)).astype("float32")
    y_pred = y_true.copy()
    y_pred[2500:, 0, 0] = 9.0  # far off
    layout = {"num_coordinates": 1, "category_sizes": ()}
    first = run(y_true, y_pred, (1.0,), **layout)
    np.testing.assert_array_equal(first, [0.5])
    late = run(y_true, y_pred[::-1].copy(), (1.0,), **layout)
    np.testing.assert_allclose(late, [0.25], rtol=1e-6)


def test_many_true_positives_add_up_exactly():
    """150,000 of them: a running sum in float32 would lose digits."""
    rng = np.random.default_rng(0)
    y_true = np.tile([[0.0, 1.0]], (15_000, 10, 1)).astype("float32")
    y_true[..., 0] = np.arange(10)
    y_pred = y_true.copy()
    hit = rng.random((15_000, 10)) < 0.7
    y_pred[..., 0] += np.where(hit, 0, 100)
    y_pred[..., 1] = rng.random(hit.shape)
    order = np.argsort(-y_pred[..., 1].ravel(), kind="stable")
    found = hit.ravel()[order]
    precision = np.cumsum(found) / np.arange(1, found.size + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    result = set_average_precision(
        y_true, y_pred, (0.5,), num_coordinates=1, category_sizes=()
    )
    expected = best[found].sum() / found.size
    np.testing.assert_allclose(result, [expected], rtol=2e-6)


def test_a_taken_object_is_not_swapped_for_the_second_nearest():
    true = [row(0.0, "red"), row(0.5, "red")]
    pred = [row(0.0, "red", 0.9), row(0.1, "red", 0.8)]
    assert one_image(true, pred) == [0.5]


def test_an_object_stays_free_until_it_is_found():
    true = [row(0.0, "red")]
    pred = [row(2.0, "red", 0.9), row(0.1, "red", 0.8)]
    assert one_image(true, pred, (math.inf, 1.0)) == [1.0, 0.5]


def test_properties_must_all_agree():
    assert one_image([row(0.0, "red")], [row(0.0, "blue")], (math.inf,)) == [0]
    assert one_image([row(0.0, "red")], [row(9.0, "red")], (math.inf,)) == [1]


def test_padding_is_no_object():
    true = [row(0.0, "red"), [0.0, 1.0, 0.0, 0.0]]
    pred = [row(0.0, "red", 0.9), row(0.0, "red", 0.8)]
    assert one_image(true, pred) == [1.0]


def test_a_distance_equal_to_the_threshold():
    true, pred = [row(0.0, "red")], [row(1.0, "red")]
    assert one_image(true, pred) == [0.0]
    assert one_image(true, pred, inclusive=True) == [1.0]
    # Even no object at all is not infinitely near.
    pred = [row(0.0, "blue")]
    assert one_image(true, pred, (math.inf,), inclusive=True) == [0.0]


def test_coordinates_may_overflow():
    true = [row(0.0, "blue"), row(0.0, "red")]
    pred = [row(1e38, "red", 0.9), row(-math.inf, "red", 0.8)]
    assert one_image(true, pred, (math.inf, 1.0)) == [0.5, 0.0]


@pytest.mark.parametrize("batch_size", [1, 4, 7, 30])
def test_batches_change_nothing(batch_size):
    y_true, y_pred = draw_sets(np.random.default_rng(2), 30)
    metric = SetAveragePrecision(THRESHOLDS, **SMALL, capacity=151)
    expected = reference(y_true, y_pred, **SMALL)
    for _ in range(2):
        for i in range(0, 30, batch_size):
            part = slice(i, i + batch_size)
            metric.update_state(y_true[part], y_pred[part])
        result = metric.result()
        assert list(result) == [
            "ap_inf", "ap_1", "ap_0.5", "ap_0.25", "ap_0.125"
        ]  # fmt: skip
        np.testing.assert_allclose(list(result.values()), expected, rtol=1e-5)
        metric.reset_state()


@pytest.mark.parametrize("num_objects", [1, 3])
def test_only_images_with_so_many_objects_count(num_objects):
    y_true, y_pred = draw_sets(np.random.default_rng(3), 40)
    chosen = y_true[..., -1].sum(axis=1) == num_objects
    assert 0 < chosen.sum() < 40
    expected = reference(y_true[chosen], y_pred[chosen], **SMALL)
    arguments = {**SMALL, "num_objects": num_objects}
    np.testing.assert_allclose(
        set_average_precision(y_true, y_pred, THRESHOLDS, **arguments),
        expected,
        rtol=1e-5,
    )
    metric = SetAveragePrecision(THRESHOLDS, **arguments)
    metric.update_state(y_true, y_pred)
    values = list(metric.result().values())
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_nothing_to_find_is_no_number():
    y_true, y_pred = draw_sets(np.random.default_rng(4))
    metric = SetAveragePrecision(THRESHOLDS, **SMALL)
    assert np.isnan(list(metric.result().values())).all()
    result = set_average_precision(0 * y_true, y_pred, THRESHOLDS, **SMALL)
    assert np.isnan(result).all()


@pytest.mark.parametrize("column", [0, 3, -1])
@pytest.mark.parametrize("of", ["targets", "predictions"])
def test_nan_shows(of, column):
    y_true, y_pred = draw_sets(np.random.default_rng(5))
    metric = SetAveragePrecision(THRESHOLDS, **SMALL)
    metric.update_state(y_true, y_pred)
    broken = np.copy(y_true if of == "targets" else y_pred)
    broken[1, 2, column] = math.nan
    sets = (broken, y_pred) if of == "targets" else (y_true, broken)
    assert np.isnan(set_average_precision(*sets, THRESHOLDS, **SMALL)).all()
    metric.update_state(*sets)
    metric.update_state(y_true, y_pred)
    assert np.isnan(list(metric.result().values())).all()
    metric.reset_state()
    metric.update_state(y_true, y_pred)
    assert np.isfinite(list(metric.result().values())).all()


@pytest.mark.parametrize(
    "mode",
    [
        "eager",
        pytest.param("graph", marks=ON_TENSORFLOW),
        pytest.param("xla", marks=[ON_TENSORFLOW, pytest.mark.slow]),
    ],
)
def test_more_predictions_than_fit_show(mode):
    y_true, y_pred = draw_sets(np.random.default_rng(6))  # 20 predictions
    metric = SetAveragePrecision(THRESHOLDS, **SMALL, capacity=40)
    update = in_mode(metric.update_state, mode)
    for _ in range(2):
        update(y_true, y_pred)
    assert np.isfinite(list(metric.result().values())).all()
    for _ in range(2):
        update(y_true, y_pred)
        assert np.isnan(list(metric.result().values())).all()
    with pytest.raises(
        ValueError, match=r"already has 20\. Received: capacity=19"
    ):
        SetAveragePrecision(THRESHOLDS, **SMALL, capacity=19).update_state(
            y_true, y_pred
        )


def test_half_precision_targets_and_predictions():
    y_true, y_pred = draw_sets(np.random.default_rng(7), 30)
    half = [keras.ops.cast(values, "bfloat16") for values in (y_true, y_pred)]
    np.testing.assert_allclose(
        set_average_precision(*half, THRESHOLDS, **SMALL),
        reference(y_true, y_pred, **SMALL),
        rtol=1e-5,
    )
    metric = SetAveragePrecision(**SMALL, dtype="bfloat16")
    metric.update_state(y_true, y_pred)
    assert dtype_of(metric.result()["ap_1"]) == "bfloat16"


@EACH_JIT
def test_in_compile_with_batches_of_unknown_size(jit_compile):
    y_true, y_pred = draw_sets(np.random.default_rng(8), 30)
    inputs = keras.Input((5, 8))
    identity = keras.layers.Dense(8, kernel_initializer="identity")
    model = keras.Model(inputs, identity(inputs))
    model.compile(
        keras.optimizers.SGD(0.0),
        loss=lambda y_true, y_pred: keras.ops.mean(y_pred, axis=(1, 2)),
        metrics=[
            SetAveragePrecision(THRESHOLDS, **SMALL),
            SetAveragePrecision((1,), **SMALL, num_objects=3, name="ap3"),
        ],
        jit_compile=jit_compile,
    )
    data = tf.data.Dataset.from_tensor_slices((y_pred, y_true)).batch(8)
    logs = model.evaluate(data, verbose=0, return_dict=True)
    chosen = y_true[..., -1].sum(axis=1) == 3
    expected = {
        f"ap_{threshold:g}": value
        for threshold, value in zip(
            THRESHOLDS, reference(y_true, y_pred, **SMALL), strict=True
        )
    }
    expected["ap3_1"] = reference(y_true[chosen], y_pred[chosen], **SMALL)[1]
    history = model.fit(
        data, validation_data=data, shuffle=False, verbose=0
    ).history
    for name, value in expected.items():
        for reported in (logs[name], *history[name], *history[f"val_{name}"]):
            np.testing.assert_allclose(reported, value, rtol=1e-5)


def test_results_are_named_after_the_metric():
    metric = SetAveragePrecision((math.inf, 0.0625), name="mine")
    assert list(metric.result()) == ["mine_inf", "mine_0.0625"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"distance_thresholds": ()}, r"one number or more.*thresholds=\(\)"),
        ({"distance_thresholds": (1, 1.0)}, "each once"),
        (
            {"distance_thresholds": (1, 0)},
            r"^`distance_thresholds\[1\]` must be a positive number\. "
            r"Received: distance_thresholds\[1\]=0$",
        ),
        ({"distance_thresholds": (math.nan,)}, "=nan"),
        ({"num_coordinates": 0}, "Received: num_coordinates=0"),
        ({"category_sizes": (2, 0)}, r"Received: category_sizes\[1\]=0"),
        ({"distance_scale": 0.0}, "Received: distance_scale=0.0"),
        ({"num_objects": 0}, "Received: num_objects=0"),
        ({"capacity": 0}, "Received: capacity=0"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        SetAveragePrecision(**arguments)
    if "capacity" not in arguments:
        with pytest.raises(ValueError, match=message):
            set_average_precision(*np.ones((2, 1, 1, 19)), **arguments)


@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "message"),
    [
        ((4, 19), (1, 4, 19), r"`y_true` must have shape \(B, n, d\)"),
        ((1, 4, 19), (4, 19), r"`y_pred` must have shape \(B, m, d\)"),
        ((1, 4, 19), (1, 4, 18), r"here \(1, 4, 19\).*pred.shape=\(1, 4, 18\)"),
        (
            (1, 4, 9),
            (1, 4, 9),
            r"19 features, by `num_coord.*shape=\(1, 4, 9\)",
        ),
        ((2, 4, 19), (1, 4, 19), r"`y_pred` must .*here \(2, 4, 19\)"),
    ],
)
def test_shapes_are_checked(true_shape, pred_shape, message):
    with pytest.raises(ValueError, match=message):
        SetAveragePrecision().update_state(
            np.ones(true_shape), np.ones(pred_shape)
        )


def test_sample_weight_is_refused():
    metric = SetAveragePrecision()
    with pytest.raises(ValueError, match=r"of `metrics`, not of.*=ndarray"):
        metric.update_state(*np.ones((2, 1, 1, 19)), np.ones(1))
