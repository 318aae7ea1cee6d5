"""What the defaults choose by the data: epochs, smoothing, embedding, schedules."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.exceptions import (
    ConvergenceWarning,
)

from scaffolding import (
    any_solver,
    assert_same,
    data_of,
    short_fits,
    small_classifier,
    small_regressor,
)
from skfcnet import FCNetRegressor
from skfcnet._estimators.classifier import DOUBTFUL_ROWS, MOST_SMOOTHING

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize(
    ("n_rows", "settings", "n_epochs"),
    [
        (20, {}, 256),
        (160, {"batch_size": 2}, 50),  # 4,000 minibatches
        (161, {"batch_size": 2}, 50),  # the last of 3 rows
        (30, {"batch_size": 4}, 256),
        (500, {"batch_size": 1}, 10),
        (10_000, {}, 51),  # minibatches of 128
        (20, {"max_iter": 3}, 3),
    ],
    ids=str,
)
def test_epochs_make_a_number_of_minibatches(n_rows, settings, n_epochs):
    X = np.linspace(-1, 1, n_rows)[:, np.newaxis]
    model = FCNetRegressor(hidden_layer_sizes=(1,), random_state=0, **settings)
    assert model.fit(X, X[:, 0]).n_iter_ == n_epochs


def test_repeated_rows_count_in_the_number_of_epochs():
    X, y = np.eye(40), np.arange(40.0)
    model = FCNetRegressor(hidden_layer_sizes=(1,), batch_size=2, random_state=0)
    weight = np.full(40, 4)
    assert model.fit(X, y, weight).n_iter_ == 50


def test_lbfgs_takes_200_iterations_at_most():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(solver="lbfgs", alpha=0.0, tol=0.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="after 200 iterations.*max_fun"):
        model.fit(X, y)
    assert model.n_iter_ == 200


def test_a_warning_says_after_how_many_epochs_training_was_cut_short():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(learning_rate="constant", max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="after 3 epochs. Raise max_iter, or"):
        model.fit(X, y)
    lbfgs = FCNetRegressor(solver="lbfgs", max_fun=10, random_state=0)
    with pytest.warns(ConvergenceWarning, match="iterations") as warned:
        lbfgs.fit(X, y)
    assert f"after {lbfgs.n_iter_} iterations" in str(warned[0].message)
    assert lbfgs.n_iter_ < 10


@pytest.mark.parametrize("n_rows", [20, 2000])
def test_labels_are_smoothed_by_the_share_of_few_rows(n_rows):
    X, y = data_of("multiclass", n=n_rows)[1:]
    model = small_classifier().fit(X, y)
    share = min(MOST_SMOOTHING, DOUBTFUL_ROWS / n_rows)
    assert (share == MOST_SMOOTHING) == (n_rows == 20)
    expected = small_classifier(label_smoothing=share).fit(X, y)
    assert_same(model, expected, X)


def test_only_rows_trained_on_count_in_the_smoothing_of_labels():
    X, y = data_of("multiclass", n=2000)[1:]
    weight = np.where(np.arange(2000) < 1500, 2, 0)
    model = small_classifier().fit(X, y, weight)
    share = DOUBTFUL_ROWS / 3000
    expected = small_classifier(label_smoothing=share).fit(X, y, weight)
    assert_same(model, expected, X)


@pytest.mark.parametrize(
    ("n_features", "is_embedded"), [(1, True), (51, True), (52, False)]
)
def test_few_numeric_features_are_embedded(n_features, is_embedded):
    _, X, y = data_of("regression", n_features=n_features)
    assert (len(small_regressor().fit(X, y).coefs_[0]) > n_features) == is_embedded
    thin = small_regressor().fit(sparse.csr_array(X), y)
    assert len(thin.coefs_[0]) == n_features


@pytest.mark.parametrize("embedding", ["auto", "ple", "pbld", None])
def test_a_number_that_is_missing_only_later_is_taken_for_the_median(embedding):
    _, X, y = data_of("regression", n=121)
    model = small_regressor(numeric_embedding=embedding, max_iter=50).fit(X, y)
    gap, filled = X.copy(), X.copy()
    gap[::3, 1], filled[::3, 1] = np.nan, np.median(X[:, 1])
    np.testing.assert_allclose(model.predict(gap), model.predict(filled), rtol=1e-3)
