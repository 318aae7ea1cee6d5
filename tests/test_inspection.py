"""Explanations of predictions: by integrated gradients, and by scikit-learn."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression

from scaffolding import KINDS, SEVERAL, SMALL, any_solver, data_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet.inspection import integrated_gradients

pytestmark = [short_fits, any_solver]
SMOOTH = {"activation": "tanh", "numeric_embedding": None, "input_scaling": "standard"}


def output_of(model, X):
    """Return what is explained, with an axis of scores before none of features."""
    return getattr(model, "decision_function", model.predict)(X)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != SEVERAL])
@pytest.mark.parametrize("one", [True, False])
def test_attributions_add_up_to_the_difference_from_the_baseline(kind, one):
    model, X, y = data_of(kind)
    model.set_params(**SMOOTH, n_members=2).fit(X, y)
    baseline = X.mean(axis=0) if one else X[::-1]
    attributions = integrated_gradients(model, X, baseline, n_steps=100)
    expected = output_of(model, X) - output_of(model, np.atleast_2d(baseline))
    assert attributions.shape == (*expected.shape, X.shape[1])
    np.testing.assert_allclose(attributions.sum(axis=-1), expected, atol=2e-4)
    assert np.abs(expected).max() > 0.1


def test_the_gap_falls_with_the_number_of_steps_where_gradients_jump():
    _, X, y = data_of("regression")
    settings = SMALL | {"linear_term": True, "max_iter": 20}
    model = FCNetRegressor(**settings, numeric_embedding="ple").fit(X, y)
    baseline = np.median(X, axis=0)
    expected = model.predict(X) - model.predict([baseline])
    gaps = [
        np.abs(
            integrated_gradients(model, X, baseline, n_steps=n).sum(axis=1) - expected
        ).max()
        for n in (4, 64, 512)
    ]
    assert gaps[2] < gaps[1] / 3 < gaps[0] / 9
    assert gaps[2] < 0.01 * np.abs(expected).max()


def test_a_linear_model_is_explained_by_its_coefficients():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [3.0, -2.0, 0.0]
    settings = SMALL | {"activation": "identity", "solver": "lbfgs", "max_iter": 200}
    model = FCNetRegressor(**settings, input_scaling="standard", alpha=0)
    model.set_params(numeric_embedding=None, clip_output=False, tol=1e-10).fit(X, y)
    attributions = integrated_gradients(model, X, [0, 0, 0], n_steps=1)
    np.testing.assert_allclose(attributions, X * [3.0, -2.0, 0.0], atol=0.02)


ONE_NET = {"hidden_layer_sizes": (32,), "n_members": 1, "random_state": 0}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 400
    X = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "town": pd.Categorical(rng.choice(["a", "b", "c"], n)),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "noise": rng.normal(size=n),
        }
    )
    y = 2 * X["size"] + 3 * (X.town == "a") + X.gaps.fillna(2.0)
    return X, y.to_numpy()


@pytest.fixture(scope="module")
def model(frame):
    return FCNetRegressor(**ONE_NET).fit(*frame)


@pytest.mark.parametrize("library", [pd, pl])
def test_categories_and_gaps_stay_and_have_no_attribution(frame, model, library):
    X, y = frame
    baseline = X.assign(**{"size": 0.0, "gaps": 0.5, "noise": 0.0}).iloc[[0]]
    kept = X.assign(**{"size": 0.0, "noise": 0.0})
    kept["gaps"] = X.gaps.where(X.gaps.isna(), 0.5)
    expected = model.predict(X) - model.predict(kept)
    if library is pl:
        X, baseline = pl.from_pandas(X), pl.from_pandas(baseline)
        model = FCNetRegressor(**ONE_NET).fit(X, y)
    attributions = integrated_gradients(model, X, baseline)
    assert (attributions[:, 1] == 0).all()
    is_missing = frame[0].gaps.isna()
    assert ((attributions[:, 2] == 0) == is_missing).all()
    np.testing.assert_allclose(attributions.sum(axis=1), expected, atol=0.1)


def test_what_cannot_be_explained_is_refused(frame, model):
    _, X, y = data_of("regression")
    net = FCNetRegressor(**SMALL).fit(X, y)
    for n_steps in (0, 2.5, "many"):
        with pytest.raises(ValueError, match="n_steps must be a positive integer"):
            integrated_gradients(net, X, X[0], n_steps=n_steps)
    with pytest.raises(ValueError, match="one for each of the 120 rows"):
        integrated_gradients(net, X, X[:7])
    with pytest.raises(ValueError, match="expecting 6 features"):
        integrated_gradients(net, X, X[0, :5])
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        integrated_gradients(net, csr_array(X), X[0])
    with pytest.raises(TypeError, match="got LinearRegression"):
        integrated_gradients(LinearRegression().fit(X, y), X, X[0])
    with pytest.raises(NotFittedError):
        integrated_gradients(FCNetRegressor(), X, X[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributions_have_the_dtype_of_the_rows_and_leave_them(dtype):
    _, X, y = data_of("regression")
    X = X.astype(dtype)
    before = X.copy()
    net = FCNetRegressor(**SMALL).fit(X, y)
    assert integrated_gradients(net, X, X[0]).dtype == dtype
    np.testing.assert_array_equal(X, before)


# What scikit-learn has


def test_partial_dependence_of_numbers_and_of_categories(frame, model):
    X, _ = frame
    found = partial_dependence(model, X, ["size"], kind="both", grid_resolution=5)
    slopes = np.diff(found["average"][0]) / np.diff(found["grid_values"][0])
    np.testing.assert_allclose(slopes, 2, atol=0.7)
    assert found["individual"].shape == (1, len(X), 5)
    towns = partial_dependence(
        model, X, ["town"], categorical_features=["town"], kind="average"
    )
    assert list(towns["grid_values"][0]) == ["a", "b", "c"]
    a, b, c = towns["average"][0]
    assert a - b == pytest.approx(3, abs=0.7)
    assert a - c == pytest.approx(3, abs=0.7)


def test_permutation_importance_ranks_the_columns_that_matter(frame, model):
    found = permutation_importance(model, *frame, n_repeats=3, random_state=0)
    importance = dict(zip(frame[0], found["importances_mean"], strict=True))
    assert min(importance, key=importance.get) == "noise"
    assert importance["noise"] < 0.05
    assert min(importance[name] for name in ("size", "town", "gaps")) > 0.2


def test_classifiers_can_be_inspected_too(frame):
    X, y = frame
    net = FCNetClassifier(**SMALL).fit(X, y > y.mean())
    found = partial_dependence(net, X, ["gaps"], grid_resolution=4, kind="average")
    assert np.isfinite(found["average"]).all()
    importances = permutation_importance(net, X, y > y.mean(), n_repeats=2)
    assert importances["importances"].shape == (4, 2)
