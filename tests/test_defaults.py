"""What the defaults choose by the data: epochs, smoothing of labels, embedding."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from scaffolding import (
    KINDS,
    any_solver,
    assert_same,
    data_of,
    short_fits,
    small_regressor,
)
from skfcnet import FCNetRegressor

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize(
    ("n", "batch_size", "factor", "expected"),
    [
        (40, "auto", 1, 256),  # of one minibatch: at most 256
        (30, 4, 1, 256),
        (160, 2, 1, 50),  # of 80
        (161, 2, 1, 50),  # the last of 3 rows
        (40, 2, 4, 50),
        (1_500, "auto", 1, 256),  # of 12, for which 334 would be 4,000
        (3_000, "auto", 1, 167),  # of 24
        (1_500, "auto", 2, 167),
        (3_000, 10, 1, 14),  # of 300
        (3_000, 10, 2, 10),  # of 600: at least 10
        (3_000, 1_000, 1, 256),
        (500, 1, 1, 10),  # of 500, for which 8 would be 4,000
        (10_000, "auto", 1, 51),  # of 79
    ],
)
def test_fits_take_4000_minibatches_but_from_10_to_256_epochs(
    n, batch_size, factor, expected
):
    X = np.random.default_rng(0).normal(size=(n, 1))
    model = FCNetRegressor(hidden_layer_sizes=(2,), batch_size=batch_size)
    model.set_params(numeric_embedding=None, random_state=0)
    assert model.fit(X, X[:, 0], np.full(n, factor)).n_iter_ == expected
    # What is set aside is not trained on.
    model.set_params(early_stopping=True)
    with_less = model.fit(X, X[:, 0], np.full(n, factor)).n_iter_
    assert expected <= with_less <= min(256, 1.2 * expected)
    assert model.set_params(max_iter=3).fit(X, X[:, 0]).n_iter_ == 3


def test_lbfgs_takes_200_iterations_at_most():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(solver="lbfgs", alpha=0.0, tol=0.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="after 200 iterations.*max_fun"):
        model.fit(X, y)
    assert model.n_iter_ == 200
    given = clone(model).set_params(max_iter=200).fit(X, y)
    assert_same(model, given, X)
    assert clone(model).set_params(max_iter=3).fit(X, y).n_iter_ == 3


def automatic_smoothing(total_weight):
    return min(0.01, 5 / total_weight)


@pytest.mark.parametrize("kind", KINDS[:3])
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
@pytest.mark.parametrize(("n", "factor"), [(90, 1), (700, 1), (300, 3)])
def test_labels_are_smoothed_the_more_the_fewer_rows(kind, solver, n, factor):
    model, X, y = data_of(kind, n=n)
    weight = np.full(n, float(factor))
    assert model.label_smoothing == "auto"
    ours = clone(model.set_params(solver=solver)).fit(X, y, weight)
    model.set_params(label_smoothing=automatic_smoothing(factor * n))
    assert_same(ours, clone(model).fit(X, y, weight), X)
    plain = model.set_params(label_smoothing=0.0).fit(X, y, weight)
    assert ours.loss_curve_ != plain.loss_curve_


def test_rows_that_are_validated_on_do_not_count_for_smoothing():
    model, X, y = data_of("multiclass", n=1_000)
    model.set_params(early_stopping=True)
    ours = clone(model).fit(X[:700], y[:700], X_val=X[700:], y_val=y[700:])
    model.set_params(label_smoothing=automatic_smoothing(700))
    theirs = model.fit(X[:700], y[:700], X_val=X[700:], y_val=y[700:])
    assert_same(ours, theirs, X)


def test_smoothing_is_learned_in_the_first_call():
    model, X, y = data_of("multiclass", n=1_000)
    given = clone(model).set_params(label_smoothing=automatic_smoothing(600))
    for rows in (slice(600), slice(600, 1_000), slice(30)):
        for each in (model, given):
            each.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert_same(model, given, X)


def test_only_rows_trained_on_count_in_the_smoothing_of_labels():
    model, X, y = data_of("multiclass", n=2000)
    weight = np.where(np.arange(2000) < 1500, 2, 0)
    ours = clone(model).fit(X, y, weight)
    model.set_params(label_smoothing=automatic_smoothing(3000))
    assert_same(ours, model.fit(X, y, weight), X)


@pytest.mark.parametrize("n_features", [1, 51, 52, 600])
def test_numeric_features_are_embedded_however_many_they_are(n_features):
    _, X, y = data_of("regression", n_features=n_features)
    assert len(small_regressor().fit(X, y).coefs_[0]) > n_features
    thin = small_regressor().fit(sparse.csr_array(X), y)
    assert len(thin.coefs_[0]) == n_features
