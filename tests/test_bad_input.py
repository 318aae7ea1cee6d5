"""What cannot be learned from is refused with a reason, and changes nothing."""

import copy
import datetime
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

from scaffolding import (
    any_solver,
    assert_same,
    data_of,
    plain,
    short_fits,
    small_regressor,
)
from skfcnet import FCNetClassifier, FCNetRegressor

pytestmark = [short_fits, any_solver]


def bad_fits():
    """Return how to make a fit fail, and what the error must say."""
    _, X, y = data_of("regression")
    labels = (y > 0).astype(int)
    nan, infinite, huge = X.copy(), X.copy(), X.copy()
    nan[3, 2], infinite[3, 2], huge[3, 2] = np.nan, np.inf, 1e300
    missing = np.where(labels, "a", "b").astype(object)
    missing[0] = None
    ragged = [[1.0, 2.0], [3.0]]
    dates = np.zeros((len(X), 1), "datetime64[s]")
    weight = np.ones(len(X))
    return {
        "NaN in sparse X": (
            {}, sparse.csr_array(nan), labels, None, "X is sparse and contains NaN"
        ),
        "infinity in X": ({}, infinite, labels, None, "X contains infinity"),
        "values too large": ({}, huge, labels, None, "X contains.*too large"),
        "NaN in y": ({}, X, np.where(labels, 1.0, np.nan), None, "y contains NaN"),
        "None among labels": ({}, X, missing, None, "y contains .*: 1 of its 120"),
        "sets of labels": (
            {}, X, [["a", "b"], ["a"]] * 60, None, "lengths.*MultiLabelBinarizer"
        ),
        "mixed labels": (
            {}, X, np.array([1, "a"] * 60, object), None,
            "y must contain labels of one kind|y has labels",
        ),
        "continuous labels": ({}, X, y, None, "Unknown label type: continuous"),
        "y missing": ({}, X, None, None, "y cannot be None|requires y"),
        "lengths": ({}, X, labels[1:], None, "inconsistent numbers of samples"),
        "three dimensions": ({}, X[:, :, None], labels, None, "dim 3"),
        "ragged rows": ({}, ragged, [0, 1], None, "inhomogeneous"),
        "complex": ({}, X + 1j, labels, None, "Complex data not supported"),
        "dates": ({}, dates, labels, None, "dates"),
        "masked": ({}, np.ma.masked_array(X), labels, None, "masked"),
        "no rows": ({}, X[:0], labels[:0], None, "0 sample"),
        "negative weight": ({}, X, labels, weight - 2, "sample_weight"),
        "zero weights": ({}, X, labels, 0 * weight, "sample_weight.*zero"),
        "NaN weight": ({}, X, labels, np.nan * weight, "sample_weight contains NaN"),
        "weight lengths": ({}, X, labels, weight[1:], "sample_weight"),
        "weight shape": ({}, X, labels, weight[:, None], "sample_weight"),
        "hidden zero": (
            {"hidden_layer_sizes": (3, 0)}, X, labels, None, "'hidden_layer_sizes'"
        ),
        "hidden float": (
            {"hidden_layer_sizes": (3.5,)}, X, labels, None, "'hidden_layer_sizes'"
        ),
        "solver": ({"solver": "newton"}, X, labels, None, "'solver'"),
        "normalization name": (
            {"normalization": "batchnorm"}, X, labels, None, "'normalization'"
        ),
        "normalization flag": (
            {"normalization": True}, X, labels, None, "'normalization'"
        ),
        "single-row batches": (
            {"normalization": "batch", "batch_size": 1}, X, labels, None, "batch_size"
        ),
        "divergence": (
            {"learning_rate_init": 1e30, "solver": "sgd", "activation": "identity"},
            X, labels, None, "diverged.*epoch.*learning rate",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("fault", bad_fits())
def test_a_failed_fit_says_why_and_leaves_the_earlier_model(fault):
    changes, X_bad, y_bad, weight, message = bad_fits()[fault]
    model, X, y = data_of("binary")
    plain(model)  # scaled, no numbers are too large
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model.fit(frame, y)
    earlier = copy.deepcopy(model)
    model.set_params(**changes)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X_bad, y_bad, weight)
    assert vars(model).keys() == vars(earlier).keys()
    assert_same(model, earlier, frame)
    with pytest.raises((ValueError, TypeError), match=message):
        fresh = clone(model)
        fresh.fit(X_bad, y_bad, weight)
    assert not [name for name in vars(fresh) if name.endswith("_")]


@pytest.mark.parametrize("fault", bad_fits())
def test_a_failed_partial_fit_leaves_the_model_and_its_random_numbers(fault):
    changes, X_bad, y_bad, weight, message = bad_fits()[fault]
    if changes.keys() & {"hidden_layer_sizes", "activation", "normalization"}:
        message = None  # refused as a change of the architecture, too
    model, X, y = data_of("binary")
    plain(model).partial_fit(X, y, classes=[0, 1])
    earlier, parameters = copy.deepcopy(model), model.get_params()
    with pytest.raises((ValueError, TypeError), match=message):
        model.set_params(**changes).partial_fit(X_bad, y_bad, weight)
    model.set_params(**parameters)
    assert_same(model.partial_fit(X, y), earlier.partial_fit(X, y), X)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"] * 60, "y contains the text 'a', .* must be numbers"),
        (np.zeros(120, "datetime64[s]"), "y has dates"),
        ([datetime.date(2024, 1, 1)] * 120, "y contains the date .* must be numbers"),
        (pd.array([1, None] * 60, dtype="Int64"), "y contains .*: 60 of its 120"),
        (np.array([1.0, pd.NA] * 60, object), "y contains .*: 60 of its 120"),
        ([None, *range(1, 120)], "y contains .*: 1 of its 120"),
        ([10**400] * 120, "y contains the int 1000.* must be numbers"),
    ],
    ids=["words", "dates", "objects of dates", "nullable", "NA", "None", "too large"],
)
def test_a_regressor_refuses_targets_that_are_no_numbers(y, message):
    model, X, _ = data_of("regression")
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("label", ["a", 1, 1.0])
@pytest.mark.parametrize("make", [list, partial(np.array, dtype=object), pd.Series])
def test_missing_labels_are_counted(missing, label, make):
    model, X, _ = data_of("binary")
    y = make([label, missing, missing] * 40)
    with pytest.raises(ValueError, match="y contains NaN, None or NA: 80 of its 120"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"y_val, .*y contains .*: 80 of its 120"):
        model.set_params(early_stopping=True).fit(
            X, [label, "b" if label == "a" else 2] * 60, X_val=X, y_val=y
        )


def test_missing_dates_among_labels_are_counted():
    model, X, _ = data_of("binary")
    with pytest.raises(ValueError, match="y contains NaN, None or NA: 40 of its 120"):
        model.fit(X, np.array(["2024-01-01", "2024-01-02", "NaT"] * 40, "M8[D]"))


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([1, 2], "int"),
        ([1.0, 2.0], "float"),
        ([True, False], "bool"),
        ([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], "str"),
    ],
    ids=str,
)
def test_objects_that_may_be_labels_come_with_advice_that_works(labels, dtype):
    model, X, _ = data_of("binary")
    y = np.array(labels * 60, dtype=object)
    with pytest.raises(ValueError, match=rf"y is an array .* y\.astype\({dtype}\)"):
        model.fit(X, y)
    model.fit(X, y.astype(dtype))


def test_classes_may_be_a_set():
    model, X, y = data_of("multiclass")
    expected = clone(model).partial_fit(X, y, classes=np.unique(y))
    model.partial_fit(X, y, classes=set(y.tolist()))
    assert_same(model.partial_fit(X, y), expected.partial_fit(X, y), X)
    model.partial_fit(X, y, classes=set(y.tolist()))


@pytest.mark.parametrize("y", [[[7, 5], [5, 7]], [[1, -1], [-1, 1]], [[2, 0], [0, 2]]])
def test_multilabel_targets_hold_only_zeros_and_ones(y):
    model, X, _ = data_of("multilabel")
    with pytest.raises(ValueError, match="zeros and ones"):
        model.fit(X, y * 60)


def test_partial_fit_refuses_multilabel_targets_of_several_classes():
    model, X, y = data_of("multilabel")
    earlier = copy.deepcopy(model.fit(X, y))
    with pytest.raises(ValueError, match="zeros and ones"):
        model.partial_fit(X, y * 3)
    assert_same(model, earlier, X)


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime, pl.Duration])
def test_dates_in_polars_frames_are_refused(dtype):
    frame = pl.DataFrame({"a": pl.Series([1, 2, 3]).cast(pl.Int32).cast(pl.Int64)})
    with pytest.raises(TypeError, match="X has dates"):
        small_regressor().fit(frame.select(pl.col("a").cast(dtype)), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("sizes", [np.array(5), np.array([5, 3]), [np.int64(5)], 5])
def test_hidden_layer_sizes_may_be_any_integers(sizes):
    model, X, y = data_of("regression")
    model.set_params(hidden_layer_sizes=sizes).fit(X, y)
    assert model.coefs_[0].shape[1] == 5


@pytest.mark.parametrize("sizes", [{5: 1}, {5, 6}, "5", [[5]], [None]])
def test_hidden_layer_sizes_may_be_nothing_else(sizes):
    model, X, y = data_of("regression")
    with pytest.raises(ValueError, match="'hidden_layer_sizes'"):
        model.set_params(hidden_layer_sizes=sizes).fit(X, y)


def test_a_column_of_targets_is_a_row_of_them_with_a_warning():
    model, X, y = data_of("regression")
    expected = model.fit(X, y).predict(X)
    with pytest.warns(DataConversionWarning, match="column-vector y") as warned:
        model.fit(X, y[:, np.newaxis])
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300])
def test_prediction_refuses_what_it_cannot_compute_with(bad):
    model, X, y = data_of("regression")
    plain(model).fit(X, y)  # clipped, no finite numbers are too large
    X[0, 0] = bad
    with pytest.raises(ValueError, match="X contains"):
        model.predict(X)


def test_all_columns_of_a_frame_without_rows_are_counted():
    frame = pd.DataFrame({"size": [1.0, 2.0], "colour": ["red", "blue"]})
    frame = pd.concat([frame] * 30)
    model = FCNetClassifier().fit(frame, ["a", "b"] * 30)
    for call in (lambda: model.predict(frame[:0]), lambda: model.fit(frame[:0], [])):
        with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 2\)\)"):
            call()


def test_floating_point_errors_of_the_caller_do_not_matter():
    model, X, y = data_of("multiclass")
    expected = clone(model).fit(X, y)
    with np.errstate(all="raise"):
        assert_same(clone(model).fit(X, y), expected, 1e3 * X)


def test_generators_are_refused_as_scikit_learn_does():
    with pytest.raises(ValueError, match="random_state"):
        FCNetRegressor(random_state=np.random.default_rng()).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "input_gradients"])
@pytest.mark.parametrize("estimator", [FCNetClassifier, FCNetRegressor])
def test_a_wrong_argument_is_told_without_private_names(estimator, method):
    with pytest.raises(TypeError, match=f"{method}.. got an unexpected") as error:
        getattr(estimator(), method)([[0.0]], wrong=1)
    assert "_Base" not in str(error.value)
