"""Hidden layers as features: scikit-learn's checks, and what they leave out."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_get_feature_names_out_error,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from scaffolding import compact, network_of, old_logistic_regression, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer
from skfcnet._estimators import transformer

pytestmark = [short_fits, old_logistic_regression]

SHORT = {"max_iter": 5, "early_stopping": False, "random_state": 0}
NETS = [
    FCNetClassifier((8, 5), **SHORT),
    FCNetRegressor(hidden_layer_sizes=(8, 5), normalization="batch", **SHORT),
    FCNetClassifier((8, 5), n_members=3, **SHORT),
]


@pytest.fixture
def short_default(monkeypatch):
    """Let the estimator by default train for a few epochs."""
    short = partial(FCNetClassifier, max_iter=5)
    monkeypatch.setattr(transformer, "FCNetClassifier", short)


@parametrize_with_checks(
    [FCNetTransformer(net) for net in NETS]
    + [FCNetTransformer(NETS[0], layer=0), FCNetTransformer()]
)
@pytest.mark.usefixtures("short_default")
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


# One of the checks fits frames and transforms arrays.
@pytest.mark.filterwarnings("ignore:X .* feature names")
@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(
    "check",
    [
        check_dataframe_column_names_consistency,
        check_get_feature_names_out_error,
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)
def test_checks_that_check_estimator_leaves_out(net, check):
    check("FCNetTransformer", FCNetTransformer(net))


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def model(iris):
    return clone(NETS[0]).fit(*iris)


@pytest.mark.parametrize("layer", [0, 1, -1, -2])
def test_it_hands_on_the_hidden_layer_of_a_clone(iris, model, layer):
    X, y = iris
    unfitted = clone(NETS[0])
    features = FCNetTransformer(unfitted, layer=layer).fit(X, y)
    expected = hidden(model, X.to_numpy(), layer)
    np.testing.assert_array_equal(features.transform(X), expected)
    assert not hasattr(unfitted, "classes_")
    assert list(features.get_feature_names_out()) == [
        f"fcnettransformer{i}" for i in range(expected.shape[1])
    ]
    assert list(features.feature_names_in_) == list(X)


def hidden(model, X, layer):
    """Return the activations of a layer, of rows as the network is given them."""
    return network_of(model).hidden(compact(model, X, dtype=np.float64), layer)


@pytest.mark.usefixtures("short_default")
def test_without_an_estimator_it_fits_a_classifier_of_its_own(iris):
    features = FCNetTransformer().fit(*iris)
    given = FCNetClassifier(linear_term=False, max_iter=5, random_state=0)
    expected = FCNetTransformer(given).fit_transform(*iris)
    assert expected.shape == (150, 5 * 64)  # of five members
    np.testing.assert_array_equal(features.transform(iris[0]), expected)


@pytest.mark.usefixtures("short_default")
def test_without_an_estimator_the_features_are_the_same_in_every_fit(iris):
    before = np.random.get_state()[1].copy()
    first, second = (FCNetTransformer().fit_transform(*iris) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_weights_reach_the_network(iris):
    X, y = iris
    weight = np.arange(150) % 3
    features = FCNetTransformer(NETS[0]).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(150), weight)
    repeated = FCNetTransformer(NETS[0]).fit(X.iloc[rows], y.iloc[rows])
    np.testing.assert_array_equal(features.transform(X), repeated.transform(X))


def test_prefit_takes_the_estimator_as_it_is(iris, model):
    X, y = iris
    features = FCNetTransformer(model, prefit=True).fit(X)
    assert features.estimator_ is model
    expected = FCNetTransformer(NETS[0]).fit(X, y).transform(X)
    np.testing.assert_array_equal(features.transform(X), expected)
    with pytest.raises(NotFittedError):
        FCNetTransformer(clone(model), prefit=True).fit(X)


@pytest.mark.parametrize("wrap", [lambda net: net, FrozenEstimator])
def test_prefit_follows_an_estimator_that_is_fitted_anew(iris, wrap):
    X, y = iris
    net = clone(NETS[0]).fit(X, y)
    features = FCNetTransformer(wrap(net), prefit=True).fit(X)
    features.set_output(transform="pandas")
    other = pd.DataFrame({"width": X.iloc[:, 1], "kind": y.map("kind {}".format)})
    net.set_params(hidden_layer_sizes=(6,)).fit(other, y)
    expected = FCNetTransformer(net, prefit=True).fit(other).transform(other)
    frame = features.transform(other)
    np.testing.assert_array_equal(frame, expected)
    assert frame.shape == (150, 6)
    assert list(frame) == list(features.get_feature_names_out())
    assert list(features.feature_names_in_) == list(other)
    assert features.n_features_in_ == 2
    restored = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(restored.transform(other), frame)
    with pytest.raises(ValueError, match="feature names should match"):
        features.transform(X)
    net.fit(X.to_numpy(), y)
    assert not hasattr(features, "feature_names_in_")
    assert features.transform(X.to_numpy()).shape == (150, 6)


def test_prefit_says_so_when_the_layer_has_gone(iris):
    net = clone(NETS[0]).fit(*iris)
    features = FCNetTransformer(net, layer=1, prefit=True).fit(iris[0])
    net.set_params(hidden_layer_sizes=(6,)).fit(*iris)
    with pytest.raises(ValueError, match=r"layer must be .* one of the 1 hidden"):
        features.transform(iris[0])


def test_before_the_fit_there_are_no_features():
    features = FCNetTransformer(NETS[0])
    for name in ("n_features_in_", "feature_names_in_"):
        assert not hasattr(features, name)
    with pytest.raises(NotFittedError):
        features.get_feature_names_out()


@pytest.mark.parametrize("prefit", [False, True])
def test_a_frozen_estimator_survives_the_clones_of_a_search(iris, model, prefit):
    X, y = iris
    features = FCNetTransformer(FrozenEstimator(model), prefit=prefit)
    search = GridSearchCV(
        make_pipeline(features, LogisticRegression()),
        {"fcnettransformer__layer": [0, 1]},
        cv=2,
    ).fit(X, y)
    fitted = search.best_estimator_[0]
    expected = hidden(model, X.to_numpy(), fitted.layer)
    np.testing.assert_array_equal(fitted.transform(X), expected)


def test_it_learns_features_of_digits_for_a_linear_model():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    net = FCNetClassifier((64, 10), max_iter=40, n_members=1, random_state=0)
    net.set_params(linear_term=False)
    model = make_pipeline(MinMaxScaler(), FCNetTransformer(net), LogisticRegression())
    assert model.fit(X_train, y_train).score(X_test, y_test) > 0.95
    assert model[:-1].transform(X_test).shape == (450, 10)


def test_set_output_makes_frames(iris):
    X, y = iris
    features = FCNetTransformer(NETS[0]).set_output(transform="pandas")
    frame = features.fit_transform(X, y)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame) == list(features.get_feature_names_out())
    assert list(frame.index) == list(X.index)


def test_sparse_rows_have_the_features_of_dense_ones(iris):
    X, y = iris[0].to_numpy(), iris[1]
    net = clone(NETS[0]).set_params(input_scaling=None, numeric_embedding=None)
    net.set_params(linear_term=False)  # which sparse rows do not have
    net.set_params(solver="adamw", learn_scales=False)  # rounded alike
    dense, sparse = FCNetTransformer(net), FCNetTransformer(net)
    expected = dense.fit(X, y).transform(X)
    np.testing.assert_allclose(
        sparse.fit(csr_array(X), y).transform(csr_array(X)), expected, rtol=1e-4
    )
    as_float32 = dense.transform(X.astype(np.float32))
    assert as_float32.dtype == np.float32


def test_a_layer_chosen_later_waits_for_the_next_fit(iris):
    X, y = iris
    features = FCNetTransformer(NETS[0]).fit(X, y).set_params(layer=0)
    assert features.transform(X).shape == (150, 5)
    assert features.fit(X, y).transform(X).shape == (150, 8)
    assert len(features.get_feature_names_out()) == 8


def test_a_failed_fit_leaves_the_transformer_as_it_was(iris):
    X, y = iris
    features = FCNetTransformer(clone(NETS[0])).fit(X, y)
    before = features.transform(X)
    for change in ({"layer": 2}, {"estimator__max_iter": -1}):
        with pytest.raises(ValueError, match="must be"):
            features.set_params(**change).fit(X.to_numpy(), y)
        np.testing.assert_array_equal(features.transform(X), before)
        assert list(features.feature_names_in_) == list(X)
    restored = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(restored.transform(X), before)


def test_the_names_of_features_are_forgotten_with_them(iris):
    X, y = iris
    features = FCNetTransformer(NETS[0]).fit(X, y).fit(X.to_numpy(), y)
    assert not hasattr(features, "feature_names_in_")


def test_it_needs_a_network_and_a_target(iris):
    X, y = iris
    with pytest.raises(ValueError, match="'estimator' parameter of FCNetTransformer"):
        FCNetTransformer(LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        FCNetTransformer(NETS[0]).fit(X)
    with pytest.raises(ValueError, match="one of the 0 hidden layers"):
        FCNetTransformer(FCNetClassifier(())).fit(X, y)
    with pytest.raises(NotFittedError):
        FCNetTransformer(NETS[0]).transform(X)


def test_weights_that_are_huge_do_not_matter_for_the_number_of_units(iris):
    net = FCNetClassifier((6, 5), **SHORT).fit(*iris)
    net.coefs_ = [1e30 * w for w in net.coefs_]
    features = FCNetTransformer(net, prefit=True).fit(iris[0])
    assert features.get_feature_names_out().shape == (5,)


def test_rows_too_large_to_compute_with_are_refused(iris):
    net = FCNetRegressor(hidden_layer_sizes=(4,), activation="identity", **SHORT)
    net.set_params(input_scaling="standard", numeric_embedding=None)
    features = FCNetTransformer(net).fit(*iris)
    with pytest.raises(ValueError, match="too large to compute with in float32"):
        features.transform(iris[0] * 1e300)
