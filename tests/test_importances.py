"""Importances of features, and the selection of features by them."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, RFECV, SelectFromModel
from sklearn.preprocessing import StandardScaler

import skfcnet
from scaffolding import KINDS, SMALL, any_solver, data_of, in_domain_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.targets import REGRESSION_LOSSES
from skfcnet.presets import LIKE_MLP

pytestmark = [short_fits, any_solver]
INFORMATIVE = [1, 4]


@pytest.fixture(scope="module")
def table():
    """Rows and targets, of which two columns of seven count; the last is constant."""
    X = np.random.default_rng(0).normal(size=(400, 7))
    X[:, 6] = 5.0
    return X, np.sin(2 * X[:, 1]) + X[:, 4]


def check(importances, n_features):
    assert importances.shape == (n_features,)
    assert importances.dtype == np.float64
    assert (importances >= 0).all()
    np.testing.assert_allclose(importances.sum(), 1)


def estimators(**options):
    options = {"n_members": 1, "random_state": 0, "max_iter": 30} | options
    return [FCNetClassifier(**options), FCNetRegressor(**options)]


@pytest.mark.parametrize("net", estimators(), ids=lambda net: type(net).__name__)
@pytest.mark.parametrize(
    "selector",
    [
        SelectFromModel,
        lambda net: RFE(net, n_features_to_select=2, step=2),
        lambda net: RFECV(net, step=2, min_features_to_select=2, cv=2),
    ],
    ids=["SelectFromModel", "RFE", "RFECV"],
)
def test_selectors_keep_the_informative_columns(selector, net, table):
    X, y = table
    y = y if isinstance(net, FCNetRegressor) else y > 0
    fitted = selector(net).fit(X, y)
    chosen = fitted.get_support(indices=True)
    assert {*INFORMATIVE} <= {*chosen}
    if not isinstance(fitted, RFECV):  # which scores decide for
        assert len(chosen) == 2
    # The estimator of the selector knows the columns that were left.
    assert fitted.transform(X).shape == (len(X), len(chosen))


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_importances_are_shares_of_the_columns(kind, n_members):
    model, X, y = data_of(kind)
    model.set_params(n_members=n_members, linear_term=True).fit(X, y)
    check(model.feature_importances_, 6)


@pytest.mark.parametrize(
    "options",
    [
        {"numeric_embedding": "pbld"},
        {"numeric_embedding": None},
        {"input_scaling": "standard", "numeric_embedding": None},
        {"learn_scales": False},
        {"solver": "lbfgs"},
        {"normalization": "batch"},
        {"activation": "tanh", "hidden_layer_sizes": ()},
        {"early_stopping": True, "n_members": 3},
    ],
    ids=str,
)
def test_informative_columns_are_found_with_every_encoding(options, table):
    for net, y in zip(estimators(**options), [table[1] > 0, table[1]], strict=True):
        importances = net.fit(table[0], y).feature_importances_
        check(importances, 7)
        assert (
            importances[INFORMATIVE].min()
            > 2 * np.delete(importances, INFORMATIVE).max()
        )
        assert importances[6] == 0


def test_a_plain_network_takes_columns_for_normally_distributed(table):
    X, y = StandardScaler().fit_transform(table[0]), table[1]
    net = FCNetRegressor(**LIKE_MLP, random_state=0).fit(X, y)
    importances = net.feature_importances_
    check(importances, 7)
    assert {*np.argsort(importances)[-2:]} == {*INFORMATIVE}


def test_the_unit_of_a_column_makes_no_difference(table):
    X, y = table
    net = FCNetRegressor(**SMALL)
    importances = net.fit(X, y).feature_importances_
    np.testing.assert_array_equal(
        clone(net).fit(X * 2.0 ** np.arange(-3, 4), y).feature_importances_, importances
    )


def test_the_units_of_several_targets_make_no_difference(table):
    X, _ = table
    y = np.column_stack([1000 * X[:, 1], X[:, 4]])
    importances = FCNetRegressor(n_members=1, random_state=0).fit(X, y)
    share, other = importances.feature_importances_[INFORMATIVE]
    assert 0.4 < share < 0.6
    assert 0.4 < other < 0.6


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_importances_of_every_loss(loss, table):
    X, y = table
    net = FCNetRegressor(loss, **SMALL).fit(X, in_domain_of(loss, y))
    check(net.feature_importances_, 7)


def test_importances_with_several_quantiles(table):
    net = FCNetRegressor("quantile", quantile=[0.1, 0.5, 0.9], **SMALL).fit(*table)
    check(net.feature_importances_, 7)


def test_columns_of_frames():
    rng = np.random.default_rng(0)
    n = 600
    X = pd.DataFrame(
        {
            "few": pd.Categorical(rng.choice(["a", "b", "c"], size=n)),
            "number": rng.normal(size=n),
            "many": pd.Categorical([f"{k}" for k in rng.integers(40, size=n)]),
            "gaps": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
            "noise": rng.normal(size=n),
            "words": pd.Categorical(rng.choice(["x", "y", "z"], size=n)),
            "others": pd.Categorical([f"{k}" for k in rng.integers(40, size=n)]),
        }
    )
    y = 2.0 * (X["few"] == "b") + X["number"] + 2 * X["gaps"].isna()
    y += 2.0 * (X["many"].astype(int) % 2)
    net = FCNetRegressor(n_members=1, random_state=0).fit(X, y)
    importances = pd.Series(net.feature_importances_, net.feature_names_in_)
    check(importances.to_numpy(), 7)
    informative = ["few", "number", "many", "gaps"]
    assert {*importances.nlargest(4).index} == {*informative}
    assert importances[informative].min() > 3 * importances.drop(informative).max()


def test_columns_count_as_often_as_their_values_differ():
    rng = np.random.default_rng(0)
    X = (rng.random((2000, 4)) < [0.5, 0.1, 0.5, 0.5]).astype(float)
    X[:, 2] = np.where(rng.random(2000) < 0.1, np.nan, rng.normal(size=2000))
    y = X[:, 0] + X[:, 1] + np.isnan(X[:, 2]) + 0.1 * rng.normal(size=2000)
    net = FCNetRegressor(n_members=1, random_state=0).fit(X, y)
    # Shares of the variance, p (1 - p): 0.25, 0.09 and 0.09.
    np.testing.assert_allclose(
        net.feature_importances_, [0.58, 0.21, 0.21, 0], atol=0.06
    )


def test_a_column_that_was_constant_in_the_first_call_can_become_important(table):
    X, y = table
    net = FCNetRegressor(**SMALL)
    net.partial_fit(np.where(np.arange(7) == 1, 0, X), y)
    assert net.feature_importances_[1] == 0
    X = np.where((np.arange(7) == 1) & (X < -1), np.nan, X)
    assert net.partial_fit(X, y).feature_importances_[1] > 0


def test_columns_of_sparse_rows():
    rng = np.random.default_rng(0)
    X = (rng.random((400, 6)) < 0.2).astype(float)
    y = (X[:, 2] + X[:, 5] > 0).astype(int)
    net = FCNetClassifier(n_members=1, random_state=0).fit(csr_array(X), y)
    importances = net.feature_importances_
    check(importances, 6)
    assert {*np.argsort(importances)[-2:]} == {2, 5}
    assert SelectFromModel(net, prefit=True).transform(csr_array(X)).shape[1] >= 2


def test_importances_follow_the_weights(table):
    net = FCNetRegressor(**SMALL)
    earlier = net.partial_fit(*table).feature_importances_
    check(earlier, 7)
    later = net.partial_fit(*table).feature_importances_
    assert not np.array_equal(earlier, later)
    np.testing.assert_array_equal(net.feature_importances_, later)
    net.coefs_ = [np.zeros_like(array) for array in net.coefs_]
    np.testing.assert_array_equal(net.feature_importances_, np.zeros(7))


def test_importances_of_a_loaded_model(tmp_path, table):
    pytest.importorskip("skops")
    net = FCNetRegressor(**SMALL).fit(*table)
    skfcnet.save(net, tmp_path / "net.skops")
    loaded = skfcnet.load(tmp_path / "net.skops")
    np.testing.assert_array_equal(loaded.feature_importances_, net.feature_importances_)


def test_unfitted_estimators_have_no_importances():
    for net in estimators():
        assert not hasattr(net, "feature_importances_")
        with pytest.raises(NotFittedError):
            SelectFromModel(net, prefit=True).transform([[0.0]])


def test_constant_targets_depend_on_no_column(table):
    X, y = table
    model = FCNetRegressor(n_members=1, max_iter=5, random_state=0)
    assert not model.fit(X, np.full(len(X), 3.0)).feature_importances_.any()
    several = clone(model).fit(X, np.column_stack([np.ones_like(y), y, y]))
    repeated = clone(several).fit(X, np.column_stack([y, y, np.ones_like(y)]))
    check(several.feature_importances_, X.shape[1])
    for fitted in (several, repeated):
        assert {*np.argsort(fitted.feature_importances_)[-2:]} == {*INFORMATIVE}
