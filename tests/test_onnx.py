"""Models in ONNX, run by onnxruntime: their predictions are those of the estimators.

Fits are tiny, since it is not what is learned that matters here. Differences are
relative to the size of the predictions.
"""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from scaffolding import FLOATS, KINDS, SEVERAL, data_of, in_domain_of, short_fits
from scaffolding import small_classifier as classifier
from scaffolding import small_regressor as regressor
from skfcnet import FCNetTransformer
from skfcnet._engine.plan import Stage
from skfcnet._estimators.targets import REGRESSION_LOSSES, TARGETS
from skfcnet.layers import ACTIVATIONS, LAYERS, NORMALIZATIONS
from skfcnet.losses import LINKS

skl2onnx = pytest.importorskip("skl2onnx", reason="needs the extra 'onnx'")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

from skl2onnx.common.data_types import (
    Complex64TensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

from skfcnet.onnx import _layers, _links, _targets, initial_types, inputs_of
from skfcnet.onnx._network import check_layers

pytestmark = [
    short_fits,
    pytest.mark.filterwarnings("ignore:.*The .disp. and .iprint.:DeprecationWarning"),
]

TOLERANCE = 1e-5


def converted(model, X, *, types=None, opset=None, **options):
    """Return a model in ONNX."""
    if is_classifier(model):
        options = {"zipmap": False} | options
    return skl2onnx.to_onnx(
        model,
        initial_types=initial_types(X) if types is None else types,
        options={id(model): options} if options else None,
        target_opset=opset,
    )


def run(model, X, *, inputs=None, **how):
    """Return what onnxruntime predicts with a model."""
    session = onnxruntime.InferenceSession(
        converted(model, X, **how).SerializeToString(),
        providers=["CPUExecutionProvider"],
    )
    return session.run(None, inputs_of(X) if inputs is None else inputs)


def assert_close(got, expected):
    scale = max(1.0, np.abs(expected).max())
    assert np.abs(got.reshape(expected.shape) - expected).max() <= TOLERANCE * scale


def assert_same(model, X, **how):
    """Assert that onnxruntime predicts what the estimator predicts."""
    got = run(model, X, **how)
    if is_regressor(model):
        assert_close(got[0], model.predict(X))
    elif hasattr(model, "transform") and not hasattr(model, "predict"):
        assert_close(got[0], model.transform(X))
    else:
        labels, p = got
        np.testing.assert_array_equal(labels, model.predict(X))
        expected = model.predict_proba(X)
        several = isinstance(expected, list)
        for own, other in zip(p, expected, strict=True) if several else [(p, expected)]:
            assert_close(own, other)


# Every part has its counterpart


@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_is_exported_or_has_no_effect(kind):
    assert (kind in _layers.EXPORTS) is not (kind in _layers.WITHOUT_EFFECT)


def test_every_link_and_every_kind_of_target_is_exported():
    assert {type(link) for link in LINKS.values()} == set(_links.EXPORTS)
    classes = {own for own in TARGETS if own.category == "classification"}
    assert classes == set(_targets.EXPORTS)


def test_a_layer_without_a_counterpart_is_named():
    new = Stage("new1", "new", 2, 2, (), (), (), {})
    with pytest.raises(NotImplementedError, match=r"layers \['new'\] cannot be"):
        check_layers([new])


# Networks


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_target(kind, n_members, dtype):
    model, X, y = data_of(kind)
    X = X.astype(dtype)
    model.set_params(n_members=n_members, linear_term=True).fit(X, y)
    assert_same(model, X)
    predictions = run(model, X)[-1]
    assert (predictions[0] if kind == SEVERAL else predictions).dtype == dtype


def assert_same_for_every_layer(dtype, **params):
    model, X, y = data_of("multiclass")
    model.set_params(hidden_layer_sizes=(8, 6), n_members=2, dtype=dtype, **params)
    model.fit(X, y)
    for rows in FLOATS:
        assert_same(model, X.astype(rows))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    assert_same_for_every_layer("float32", activation=activation)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_normalization(normalization, dtype):
    assert_same_for_every_layer(dtype, normalization=normalization, dropout=0.2)


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_every_loss_of_regression(loss, n_members):
    model, X, y = data_of("regression")
    y = 100 + 50 * y if loss == "squared_error" else in_domain_of(loss, y)
    model.set_params(loss=loss, n_members=n_members)
    assert_same(model.fit(X, y), X)


def test_predictions_are_clipped_to_the_range_of_the_targets():
    model, X, y = data_of("regression")
    model.set_params(linear_term=True, clip_output=True).fit(X, y)
    assert model.predict(10 * X).max() == pytest.approx(y.max())
    assert_same(model, 10 * X)


@pytest.mark.parametrize("kind", ["regression", "multioutput"])
def test_several_quantiles_do_not_cross(kind):
    model, X, y = data_of(kind)
    model.set_params(loss="quantile", quantile=[0.9, 0.1, 0.5], n_members=2)
    assert_same(model.fit(X, y), X)
    shape = (len(X), 3) if kind == "regression" else (*y.shape, 3)
    assert run(model, X)[0].shape == shape


def test_a_constant_target_stays_constant():
    model, X, y = data_of("multioutput")
    y[:, 1] = 7
    assert_same(model.fit(X, y), X)


@pytest.mark.parametrize("kind", ["binary", "multiclass", SEVERAL])
def test_classes_of_rows_of_weight_0_have_probability_0(kind):
    model, X, y = data_of(kind)
    weight = ((y if y.ndim == 1 else y[:, 0]) != 1).astype(float)
    assert_same(model.fit(X, y, sample_weight=weight), X)


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [2.0, 5.0], [-7, 3]])
def test_every_type_of_labels(labels):
    model, X, y = data_of("binary")
    assert_same(model.fit(X, np.array(labels)[y]), X)


def test_dropout_has_no_effect():
    model, X, y = data_of("regression")
    assert_same(model.set_params(dropout=0.2, input_dropout=0.1).fit(X, y), X)


@pytest.mark.parametrize("layer", [0, -1])
@pytest.mark.parametrize("n_members", [1, 2])
def test_hidden_layers(layer, n_members):
    model, X, y = data_of("multiclass")
    model.set_params(hidden_layer_sizes=(7, 4), n_members=n_members)
    assert_same(FCNetTransformer(model, layer=layer).fit(X, y), X)


def test_a_network_that_was_fitted_to_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse")
    model, X, y = data_of("binary")
    model.set_params(numeric_embedding=None).fit(sparse.csr_array(X), y)
    assert_same(model, X)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_decision_function_is_an_option(kind):
    model, X, y = data_of(kind)
    model.fit(X, y)
    scores = run(model, X, raw_scores=True)[1]
    expected = model.decision_function(X)
    if kind == "binary":
        expected = np.column_stack([-expected, expected])
    assert_close(scores, expected)


def test_probabilities_as_dicts_and_as_columns():
    model, X, y = data_of("multiclass")
    X = X.astype(np.float32)
    model.fit(X, np.array(["a", "b", "c"])[y])
    _, dicts = run(model, X, zipmap=True)
    p = model.predict_proba(X)
    assert [*dicts[0]] == ["a", "b", "c"]
    assert dicts[0]["b"] == pytest.approx(p[0, 1], abs=1e-6)
    _, *columns = run(model, X, zipmap="columns")
    np.testing.assert_allclose(np.column_stack(columns), p, atol=1e-6)


# Tables


def a_frame(n=300):
    """Return a frame with gaps and all kinds of categories, and classes."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 9, n),
            "few": rng.choice(["x", "y", "z"], n),
            "many": rng.choice([f"c{i}" for i in range(60)], n),
            "code": rng.choice([1, 5, 7], n),
            "gaps": rng.normal(size=n),
            "level": pd.Categorical(rng.choice([10, 20, 30.5], n)),
            "two": rng.choice(["p", "q"], n),
        }
    )
    for j, name in enumerate(["gaps", "few", "many", "level"]):
        frame.loc[j :: 7 + j, name] = np.nan
    return frame, (frame["size"] > 50) + (frame["few"] == "x").to_numpy()


def with_surprises(frame):
    """Return a table with categories and gaps that were not there in fit."""
    frame = frame.copy()
    frame.loc[:9, "few"] = "new"
    frame.loc[:9, "many"] = "new"
    frame.loc[:9, "code"] = 99
    frame.loc[5:14, "two"] = None
    frame.loc[:4, "size"] = np.nan
    frame.loc[20:24, "size"] = 1e9
    return frame


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("embedding", [None, "ple", "pbld"])
@pytest.mark.parametrize("scaling", ["robust", "standard", None])
def test_every_encoding_of_a_frame(scaling, embedding, n_members):
    frame, y = a_frame()
    model = classifier(
        input_scaling=scaling,
        numeric_embedding=embedding,
        n_members=n_members,
        linear_term=True,
        categorical_features=["few", "many", "code", "level", "two"],
    )
    assert_same(model.fit(frame, y), with_surprises(frame))


@pytest.mark.parametrize("dtype", FLOATS)
def test_categories_in_an_array_of_numbers(dtype):
    _, X, y = data_of("binary")
    X[:, 1], X[:, 2] = np.round(X[:, 1]), np.round(2 * X[:, 2]) / 2 + 0.1
    X = X.astype(dtype)
    model = classifier(categorical_features=[1, 2]).fit(X, y)
    X = np.vstack([X, X + dtype(0.25), np.full_like(X, np.nan)])
    assert_same(model, X)


def test_a_frame_of_polars():
    frame, y = a_frame()
    frame = pl.from_pandas(frame.drop(columns="level"))
    assert_same(classifier().fit(frame, y), frame)


def test_inputs_with_the_names_of_the_columns_may_be_in_any_order():
    frame, y = a_frame()
    model = classifier().fit(frame, y)
    assert_same(model, frame, types=initial_types(frame)[::-1])


def test_inputs_may_hold_several_columns_of_any_numeric_type():
    model, X, y = data_of("binary")
    X = np.round(X)
    model.fit(X, y)
    types = [
        ("a", Int64TensorType([None, 2])),
        ("b", DoubleTensorType([None, 3])),
        ("c", FloatTensorType([None, 1])),
    ]
    parts = np.split(X, [2, 5], axis=1)
    dtypes = np.int64, np.float64, np.float32
    inputs = {
        name: part.astype(dtype)
        for (name, _), part, dtype in zip(types, parts, dtypes, strict=True)
    }
    assert_same(model, X, types=types, inputs=inputs)


def test_an_empty_string_is_missing_unless_it_is_a_category():
    text = np.array(["", "a", "b"] * 20)
    y = (text == "").astype(int)
    frame = pd.DataFrame({"text": text, "size": np.linspace(0, 1, 60)})
    assert_same(classifier().fit(frame, y), frame)
    assert_same(classifier().fit(frame.replace("", None), y), frame.replace("", None))


def test_numbers_of_a_frame_have_the_precision_of_the_frame():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None]})
    assert {a.dtype for a in inputs_of(frame).values()} == {np.dtype(np.float64)}
    single = frame.astype(np.float32)
    assert {a.dtype for a in inputs_of(single).values()} == {np.dtype(np.float32)}


def test_columns_may_have_names_that_onnx_does_not_allow():
    rows = np.random.default_rng(0).normal(size=(60, 5))
    names = ["mean radius", "mean_radius", "2nd", "größe (cm)", "mean-radius"]
    frame = pd.DataFrame(rows, columns=names)
    y = rows @ np.arange(5.0)
    assert_same(regressor().fit(frame, y), frame)
    assert list(inputs_of(frame)) == [
        *("mean_radius", "mean_radius1", "_2nd", "größe__cm_", "mean_radius2")
    ]
    columns = ColumnTransformer([("scaled", StandardScaler(), names)])
    assert_same(make_pipeline(columns, regressor()).fit(frame, y), frame)


# Inside the estimators of scikit-learn


def pipeline(model):
    return make_pipeline(StandardScaler(), model)


def search(model):
    return GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=2)


def beside(model):
    linear = LogisticRegression() if is_classifier(model) else LinearRegression()
    return [("net", model), ("linear", linear)]


def voting(model):
    if is_classifier(model):
        return VotingClassifier(beside(model), voting="soft", flatten_transform=False)
    return VotingRegressor(beside(model))


def stacking(model):
    if is_classifier(model):
        return StackingClassifier(beside(model), classifier(), cv=2)
    return StackingRegressor(beside(model), regressor(), cv=2)


def calibrated(model):
    return pipeline(CalibratedClassifierCV(model, cv=2))


def features(model):
    return make_pipeline(MinMaxScaler(), FCNetTransformer(model), LogisticRegression())


AROUND = {
    "Pipeline": pipeline,
    "GridSearchCV": search,
    "search in a pipeline": lambda model: pipeline(search(model)),
    "Voting": voting,
    "Stacking": stacking,
}
FOR_CLASSIFIERS = {"Calibrated": calibrated, "hidden layer": features}


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("binary", np.float32), ("multiclass", np.float64), ("regression", np.float32)],
)
@pytest.mark.parametrize("name", AROUND | FOR_CLASSIFIERS)
def test_inside_other_estimators(name, kind, dtype):
    if kind == "regression" and name in FOR_CLASSIFIERS:
        pytest.skip("for classifiers")
    model, X, y = data_of(kind, n=60)
    X = X.astype(dtype)
    around = (AROUND | FOR_CLASSIFIERS)[name]
    assert_same(around(model.set_params(max_iter=2)).fit(X, y), X)


def test_after_and_inside_a_column_transformer():
    frame, y = a_frame()
    frame = frame[["size", "two", "code"]].astype(
        {"size": "float32", "code": "float32"}
    )
    columns = ColumnTransformer(
        [
            ("numbers", FCNetTransformer(classifier()), ["size", "code"]),
            ("words", OneHotEncoder(sparse_output=False), ["two"]),
        ]
    )
    assert_same(make_pipeline(columns, classifier()).fit(frame, y), frame)


# What cannot be exported


def test_an_estimator_must_be_fitted():
    with pytest.raises(NotFittedError):
        converted(classifier(), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("kind", "what"),
    [(SEVERAL, "a sequence of probabilities"), ("binary", "probabilities in double")],
)
def test_probabilities_of_which_there_are_no_dicts(kind, what):
    model, X, y = data_of(kind)
    for fitted in (model.fit(X, y), pipeline(model).fit(X, y)):
        with pytest.raises(ValueError, match=f"has {what}"):
            converted(fitted, X, zipmap=True)


@pytest.mark.parametrize("labels", [[0.5, 1.5], [b"a", b"b"]])
def test_labels_that_onnx_has_no_type_for(labels):
    model, X, y = data_of("binary")
    model.fit(X, np.array(["a", "b"])[y])
    model._target.classes = np.array(labels)
    with pytest.raises(NotImplementedError, match="neither strings nor whole numbers"):
        converted(model, X)


def test_labels_of_several_types():
    model, X, y = data_of(SEVERAL)
    mixed = np.empty(y.shape, object)
    mixed[:, 0], mixed[:, 1] = y[:, 0], np.where(y[:, 1] > 5, "high", "low")
    with pytest.raises(NotImplementedError, match="strings for some outputs"):
        converted(model.fit(X, mixed), X)


def test_categories_that_onnx_has_no_type_for():
    days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"] * 20)
    frame = pd.DataFrame({"day": pd.Categorical(days), "size": np.arange(60.0)})
    model = classifier().fit(frame, np.arange(60) % 2)
    types = [(name, DoubleTensorType([None, 1])) for name in frame]
    with pytest.raises(NotImplementedError, match="'day' has categories that are"):
        converted(model, frame, types=types)


@pytest.mark.parametrize("names", [["few", "many"], ["two"]], ids=", ".join)
def test_a_table_of_categories_alone(names):
    frame, y = a_frame()
    categories = frame[names]
    model = classifier().fit(categories, y)
    assert_same(model, with_surprises(frame)[names])


@pytest.mark.parametrize("dtype", ["boolean", "Int64", "Float32"])
def test_numbers_of_pandas_own_dtypes_with_gaps(dtype):
    frame = pd.DataFrame({"size": pd.array([1, None, 0] * 40, dtype=dtype)})
    assert inputs_of(frame)["size"].dtype == "f8"
    assert_same(classifier().fit(frame, np.arange(120) % 2), frame)


def test_numbers_that_are_equal_as_floats():
    ids = np.array([2**60, 2**60 + 1, 5] * 20)
    frame = pd.DataFrame({"id": ids, "size": np.arange(60.0)})
    model = classifier(categorical_features=["id"]).fit(frame, ids % 2)
    with pytest.raises(NotImplementedError, match="'id' has categories that are equal"):
        converted(model, frame)


@pytest.mark.parametrize(
    ("types", "error", "message"),
    [
        ([FloatTensorType([None, 5])], ValueError, "fitted to 6 columns"),
        ([StringTensorType([None, 6])], TypeError, "Column 0 held numbers in fit"),
        ([FloatTensorType([None, 4, 2])], ValueError, "fitted to 6 columns"),
    ],
    ids=["too few", "text", "three axes"],
)
def test_inputs_that_are_not_the_table(types, error, message):
    model, X, y = data_of("binary")
    with pytest.raises(error, match=message):
        converted(model.fit(X, y), X, types=[("X", tensor) for tensor in types])


def test_an_input_of_dates():
    model, X, y = data_of("binary")
    with pytest.raises(TypeError, match="'X' is of Complex64TensorType: make it one"):
        converted(model.fit(X, y), X, types=[("X", Complex64TensorType([None, 6]))])


def test_text_as_numbers():
    frame, y = a_frame()
    model = classifier().fit(frame, y)
    types = [(name, DoubleTensorType([None, 1])) for name in frame]
    with pytest.raises(TypeError, match="'few' held strings in fit"):
        converted(model, frame, types=types)


def test_an_old_opset():
    model, X, y = data_of("regression")
    assert_same(model.fit(X, y), X, opset=18)
    assert_same(model, X, opset={"": 18, "ai.onnx.ml": 3})
    with pytest.raises(ValueError, match="target_opset of at least 18, got 17"):
        converted(model, X, opset=17)


def test_tables_that_are_no_inputs():
    with pytest.raises(TypeError, match="array of objects"):
        inputs_of(np.array([["a", 1.0]], dtype=object))
    with pytest.raises(TypeError, match="'span' that are neither strings nor numbers"):
        inputs_of(pd.DataFrame({"span": [(1, 2), (3, 4)]}))
