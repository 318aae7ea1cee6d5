"""X in every dtype, layout and container, and one row among many."""

import copy
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits

from scaffolding import (
    KINDS,
    any_solver,
    data_of,
    needs_new_scikit_learn,
    short_fits,
)
from skfcnet import FCNetClassifier, FCNetRegressor

pytestmark = [short_fits, any_solver]


# Inputs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_have_the_dtype_of_x_whatever_is_computed_in(kind, dtype):
    model, X, y = data_of(kind)
    model.set_params(dtype=dtype).fit(X.astype(np.float32), y)
    assert all(coef.dtype == dtype for coef in model.coefs_)
    methods = {"regression": ["predict"], "multioutput": ["predict"]}.get(
        kind, ["predict_proba", "predict_log_proba", "decision_function"]
    )
    for method in methods:
        for given in (np.float32, np.float64):
            told = getattr(model, method)(X.astype(given))
            assert all(a.dtype == given for a in told)


@pytest.mark.parametrize("size", [1e39, -1e200])
def test_predictions_too_large_for_the_dtype_of_x_are_returned_in_double(size):
    X = np.random.default_rng(0).normal(size=(3000, 2)).astype(np.float32)
    X[:2500, 0] *= 0.1  # there is room for the first predictions of about 1e38
    y = size * X[:, 0].astype(np.float64)
    model = FCNetRegressor(max_iter=3, random_state=0).fit(X, y)
    for method in (
        model.predict,
        partial(model.predict, return_std=True),
        partial(model.predict, return_interval=0.9),
        model.input_gradients,
    ):
        for single, double in zip(method(X), method(X.astype(float)), strict=True):
            assert single.dtype == np.float64
            np.testing.assert_allclose(single / size, double / size, atol=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "container",
    [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array],
)
def test_sparse_input_is_dense_input(kind, container):
    model, X, y = data_of(kind)
    X = np.where(np.abs(X) > 0.7, X, 0)
    model.set_params(dtype="float64", input_scaling=None, numeric_embedding=None)
    dense, thin = clone(model).fit(X, y), clone(model).fit(container(X), y)
    np.testing.assert_allclose(thin.loss_curve_, dense.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(thin.predict(X), dense.predict(X), rtol=1e-9)
    np.testing.assert_allclose(dense.predict(container(X)), dense.predict(X), rtol=1e-9)


def test_sparse_input_is_never_made_dense():
    """As a dense array of float32, X alone would take 3 GB."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(2_000), 8)
    columns = rng.integers(400_000, size=rows.size)
    values = rng.random(rows.size)
    X = sparse.csr_array((values, (rows, columns)), shape=(2_000, 400_000))
    y = np.arange(2_000) % 2
    model = FCNetClassifier((2,), max_iter=1, random_state=0).fit(X, y)
    assert model.predict(X).shape == (2_000,)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame,
        pytest.param(
            pl.DataFrame,
            marks=needs_new_scikit_learn("it does not see the names of polars"),
        ),
    ],
)
def test_data_frames_are_accepted_and_their_names_kept(frame):
    model, X, y = data_of("multiclass")
    names = [f"x{i}" for i in range(X.shape[1])]
    expected = model.fit(X, y).predict_proba(X)
    frame = frame(dict(zip(names, X.T, strict=True)))
    fitted = clone(model).fit(frame, y)
    np.testing.assert_array_equal(fitted.feature_names_in_, names)
    np.testing.assert_array_equal(fitted.predict_proba(frame), expected)
    fitted.fit(X, y)
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.parametrize(
    "disguise",
    [
        np.asfortranarray,
        lambda X: X[::-1][::-1],
        lambda X: X.astype(">f8"),
        lambda X: X.astype(np.longdouble),
        lambda X: X.tolist(),
        lambda X: X.astype(object),
    ],
    ids=["fortran", "strides", "big-endian", "longdouble", "list", "object"],
)
def test_the_layout_of_x_makes_no_difference(disguise):
    model, X, y = data_of("regression")
    expected = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(disguise(X), y).predict(X), expected)
    np.testing.assert_array_equal(model.predict(disguise(X)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_data_are_never_modified(kind):
    model, X, y = data_of(kind)
    weight = np.arange(len(X)) % 3.0
    before = copy.deepcopy((X, y, weight))
    model.fit(X, y, weight).predict(X)
    model.partial_fit(X, y, weight)
    for array, earlier in zip((X, y, weight), before, strict=True):
        np.testing.assert_array_equal(array, earlier)


# One row predicts like many


@pytest.mark.parametrize(
    ("dtype", "of_rows", "rtol"),
    [
        ("float32", np.float32, 1e-4),
        ("float32", np.float64, 1e-12),
        ("float64", np.float32, 1e-6),  # of the probabilities, rounded to float32
        ("float64", np.float64, 1e-12),
    ],
)
@pytest.mark.parametrize("hidden", [(3,), (20,), (100,), (64, 31)])
def test_a_row_is_predicted_alone_as_among_many(hidden, dtype, of_rows, rtol):
    X, y = load_digits(return_X_y=True)
    model = FCNetClassifier(hidden, dtype=dtype, max_iter=2, random_state=0).fit(X, y)
    X = X.astype(of_rows)
    together = model.predict_proba(X)
    for rows in (*map(slice, (1, 2, 5, 16, 17, 100, 1000)), slice(101, 102)):
        alone = model.predict_proba(X[rows])
        np.testing.assert_allclose(alone, together[rows], rtol=rtol)
