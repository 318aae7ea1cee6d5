"""What the defaults choose by the data: epochs, smoothing of labels, embedding."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from scaffolding import (
    KINDS,
    SEVERAL,
    any_solver,
    assert_same,
    data_of,
    short_fits,
    small_regressor,
)
from skfcnet import FCNetClassifier, FCNetRegressor

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize(
    ("n", "batch_size", "factor", "of_one", "of_five"),
    [
        (40, "auto", 1, 256, 192),  # of one minibatch: at most 256 and 192
        (30, 4, 1, 256, 192),  # of 8
        (160, 2, 1, 50, 50),  # of 80
        (161, 2, 1, 50, 50),  # the last of 3 rows
        (40, 2, 4, 50, 50),
        (1_500, "auto", 1, 256, 192),  # of 6 of 256 rows, for which 334 would be 2,000
        (
            3_000,
            "auto",
            1,
            167,
            167,
        ),  # of 12, half as many minibatches of twice the size
        (1_500, "auto", 2, 167, 167),
        (3_000, 10, 1, 14, 14),  # of 300
        (3_000, 10, 2, 10, 8),  # of 600: at least 10 and 8
        (3_000, 1_000, 1, 256, 192),
        (10_000, "auto", 1, 50, 45),  # of 40: half of 3,556 for a width of 72
        (10_000, "auto", 2, 26, 16),  # of 79: half of 2,462 for a width of 104
        (10_000, "auto", 4, 13, 8),  # of 157: half of 2,000, but at least 8 epochs
    ],
)
def test_fits_take_4000_minibatches_and_cross_fitted_members_2000_to_4000(
    n, batch_size, factor, of_one, of_five
):
    X, weight = np.random.default_rng(0).normal(size=(n, 1)), np.full(n, factor)
    model = FCNetRegressor(hidden_layer_sizes=(2,), batch_size=batch_size)
    model.set_params(numeric_embedding=None, n_iter_no_change=np.inf, random_state=0)
    assert clone(model).fit(X, X[:, 0], weight).n_iter_ == of_five
    model.set_params(n_members=1, early_stopping=False)
    assert model.fit(X, X[:, 0], weight).n_iter_ == of_one
    # What is set aside is not trained on.
    model.set_params(early_stopping=True, validation_fraction=0.1)
    with_less = model.fit(X, X[:, 0], weight).n_iter_
    assert of_one <= with_less <= min(256, 1.2 * of_one)
    assert model.set_params(max_iter=3).fit(X, X[:, 0]).n_iter_ == 3


def test_lbfgs_takes_200_iterations_at_most():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor("squared_error", (8,), solver="lbfgs", alpha=0.0, tol=0.0)
    model.set_params(random_state=0)
    with pytest.warns(ConvergenceWarning, match="after 200 iterations.*max_fun"):
        model.fit(X, y)
    assert model.n_iter_ == 200
    given = clone(model).set_params(max_iter=200).fit(X, y)
    assert_same(model, given, X)
    assert clone(model).set_params(max_iter=3).fit(X, y).n_iter_ == 3


ONE = {"early_stopping": False, "n_members": 1, "dropout": 0.0}
AUTO_WIDTH = {"hidden_layer_sizes": "auto"}
FIVE = {"early_stopping": True, "n_members": 5, "dropout": 0.15}


def default_model(kind, **changes):
    """Return a model whose ensemble is left to the defaults, and data for it."""
    model, X, y = data_of(kind)
    own = {"max_iter": 5, "hidden_layer_sizes": (8,), "random_state": 0}
    return type(model)(**own | changes), X, y


@pytest.mark.parametrize("kind", KINDS)
def test_by_default_five_cross_fitted_members_are_trained(kind):
    model, X, y = default_model(kind)
    default = clone(model).fit(X, y)
    model.set_params(**FIVE, learning_rate="wsd", scoring="loss")
    assert_same(default, model.set_params(validation_fraction=0.2).fit(X, y), X)
    assert len(default.best_iteration_) == 5
    assert default.coefs_[0].shape[0] == 5
    assert len(default.history_["validation_loss"]) == 5


@pytest.mark.parametrize(
    ("changes", "rows", "alike"),
    [
        ({"early_stopping": False}, 120, ONE),
        ({"solver": "lbfgs"}, 120, ONE),
        ({"warm_start": True}, 120, ONE),
        ({}, 1, ONE),  # too few to hold out any
        ({"n_members": 1}, 120, {"early_stopping": True, "dropout": 0.0}),
        ({"n_members": 3}, 120, {"early_stopping": True, "dropout": 0.15}),
        ({"n_members": 3, "early_stopping": False}, 120, {"dropout": 0.0}),
        ({"n_members": 3, "warm_start": True}, 120, ONE | {"n_members": 3}),
        ({"n_members": 3}, 1, ONE | {"n_members": 3}),
        ({"dropout": 0.3}, 120, FIVE | {"dropout": 0.3}),
        ({"solver": "lbfgs", "early_stopping": True}, 120, ONE | {"early_stopping": 1}),
        ({"warm_start": True, "early_stopping": True}, 120, FIVE),
        ({"hidden_layer_sizes": ()}, 120, FIVE | {"dropout": "auto"}),
        (AUTO_WIDTH, 120, FIVE | {"hidden_layer_sizes": (64, 64)}),
        (
            AUTO_WIDTH | {"early_stopping": False},
            120,
            {"hidden_layer_sizes": 2 * [128]},
        ),
    ],
    ids=str,
)
def test_what_auto_stands_for_is_by_the_fit(changes, rows, alike):
    model, X, y = default_model("regression", **changes)
    ours = clone(model).fit(X[:rows], y[:rows])
    alike = {k: bool(v) if k == "early_stopping" else v for k, v in alike.items()}
    assert_same(ours, model.set_params(**alike).fit(X[:rows], y[:rows]), X)


@pytest.mark.parametrize(
    ("kind", "changes", "heaviest", "error"),
    [
        ("binary", {"class_weight": {0: 0.0, 1: 1.0}}, 1.0, "class_weight must not be"),
        ("regression", {}, 1e40, "less than 1e-30 of the total weight"),
    ],
)
def test_folds_without_rows_that_count_are_not_used(kind, changes, heaviest, error):
    model, X, y = default_model(kind, **changes)
    if kind == "binary":
        y = (np.arange(len(X)) < 2).astype(int)  # two folds can have a row of class 1
    weight = np.ones(len(X))
    weight[0] = heaviest
    ours = clone(model).fit(X, y, weight)
    given = clone(model).set_params(early_stopping=False).fit(X, y, weight)
    assert_same(ours, given, X)
    with pytest.raises(ValueError, match=f"{error}.*early_stopping=False"):
        model.set_params(early_stopping=True).fit(X, y, weight)


def test_rows_of_one_s_own_validate_a_single_network():
    model, X, y = default_model("binary")
    data = {"X": X[:90], "y": y[:90], "X_val": X[90:], "y_val": y[90:]}
    ours = clone(model).fit(**data)
    alike = model.set_params(early_stopping=True, n_members=1, dropout=0.0)
    assert_same(ours, alike.fit(**data), X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_single_network_goes_on_as_one_where_rows_are_held_out(method):
    model, X, y = default_model("regression")
    getattr(model, method)(X[:1], y[:1])  # too few for cross-fitted members
    given = clone(model).set_params(n_members=1, dropout=0.0)
    getattr(given, method)(X[:1], y[:1])
    for each in (model, given):
        each.set_params(warm_start=True, early_stopping=True).fit(X, y)
    assert_same(model, given, X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_cross_fitted_members_go_on_as_they_are(method):
    model, X, y = default_model("regression")
    given = clone(model).set_params(n_members=5, dropout=0.15)
    for each in (model, given):
        getattr(each.fit(X, y).set_params(warm_start=True), method)(X, y)
    assert_same(model, given, X)
    assert model.coefs_[0].shape[0] == 5


def test_lbfgs_continues_the_default_network_without_dropout():
    model, X, y = default_model("regression")
    plain = clone(model).set_params(**FIVE)
    model.fit(X, y).set_params(warm_start=True, solver="lbfgs").fit(X, y)
    plain.fit(X, y).set_params(warm_start=True, solver="lbfgs", dropout=0.0)
    assert_same(model, plain.set_params(early_stopping="auto").fit(X, y), X)


@pytest.mark.parametrize(
    ("n", "batch_size", "expected"),
    [
        (500, 1, 1 + 5),  # of 500 minibatches
        (500, 20, 1 + 9),  # of 25: 8 + .3, rounded up
        (100, 100, 1 + 201),  # of one: 200 + .3, rounded up
    ],
)
def test_patience_is_by_minibatches_but_five_epochs_at_least(n, batch_size, expected):
    X = np.random.default_rng(0).normal(size=(n, 1))
    # With so large a tol no epoch after the first improves.
    model = small_regressor(batch_size=batch_size, tol=1e9, max_iter=300)
    assert model.fit(X, X[:, 0]).n_iter_ == expected
    assert model.set_params(n_iter_no_change=3).fit(X, X[:, 0]).n_iter_ == 4


WITH_CLASSES = ["binary", "multiclass", "multilabel", SEVERAL]


def with_rare_class(kind, n, n_rare):
    """Return what data_of does; a class has only the first n_rare rows."""
    model, X, y = data_of(kind, n)
    is_rare = np.arange(n) < n_rare
    if kind == "binary":
        y = np.where(is_rare, 0, 1)
    elif kind == "multiclass":
        y = np.where(is_rare, 2, y % 2)
    elif kind == "multilabel":
        y[:, 1] = is_rare
    else:
        y[:, 0] = np.where(is_rare, 2, y[:, 0] % 2)
    return model, X, y


@pytest.mark.parametrize("kind", WITH_CLASSES)
@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
@pytest.mark.parametrize(("n_rare", "expected"), [(20, 0.005), (3, 0.0025)])
def test_labels_are_smoothed_but_less_where_a_class_is_rare(
    kind, solver, n_rare, expected
):
    model, X, y = with_rare_class(kind, 600, n_rare)
    assert model.label_smoothing == "auto"
    ours = clone(model.set_params(solver=solver)).fit(X, y)
    theirs = clone(model).set_params(label_smoothing=expected).fit(X, y)
    assert_same(ours, theirs, X)
    plain = model.set_params(label_smoothing=0.0).fit(X, y)
    assert ours.loss_curve_ != plain.loss_curve_


def test_rows_of_a_rare_class_count_by_their_weights():
    model, X, y = with_rare_class("multiclass", 600, 1)
    weight = np.where(np.arange(600) < 1, 3, 1)
    ours = clone(model).fit(X, y, weight)
    model.set_params(label_smoothing=3 / 602 / 2)
    assert_same(ours, model.fit(X, y, weight), X)


def test_classes_of_weight_zero_do_not_limit_the_smoothing_of_labels():
    model, X, y = with_rare_class("multiclass", 600, 3)
    weight = (y < 2).astype(int)
    ours = clone(model).fit(X, y, weight)
    model.set_params(label_smoothing=0.005)
    assert_same(ours, model.fit(X, y, weight), X)


def test_rows_that_are_validated_on_do_not_count_for_smoothing():
    model, X, y = with_rare_class("multiclass", 1_000, 4)
    X, y = X[::-1], y[::-1]
    y[:2] = 2
    model.set_params(early_stopping=True)
    ours = clone(model).fit(X[:500], y[:500], X_val=X[500:], y_val=y[500:])
    model.set_params(label_smoothing=2 / 500 / 2)
    theirs = model.fit(X[:500], y[:500], X_val=X[500:], y_val=y[500:])
    assert_same(ours, theirs, X)


def test_smoothing_is_learned_in_the_first_call():
    model, X, y = with_rare_class("multiclass", 1_000, 3)
    given = clone(model).set_params(label_smoothing=3 / 600 / 2)
    for rows in (slice(600), slice(600, 1_000), slice(30)):
        for each in (model, given):
            each.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert_same(model, given, X)


def test_rare_classes_are_predicted_about_as_often_as_they_occur():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5_000, 2)), np.arange(5_000) < 10
    p = FCNetClassifier(n_members=1, random_state=0).fit(X, y).predict_proba(X)[:, 1]
    assert p.mean() == pytest.approx(0.002, rel=0.35)


@pytest.mark.parametrize("n_features", [1, 51, 52, 600])
def test_numeric_features_are_embedded_however_many_they_are(n_features):
    _, X, y = data_of("regression", n_features=n_features)
    assert len(small_regressor().fit(X, y).coefs_[0]) > n_features
    thin = small_regressor().fit(sparse.csr_array(X), y)
    assert len(thin.coefs_[0]) == n_features


@pytest.mark.parametrize("factor", [1, 2])
def test_members_drop_fewer_units_the_more_rows_there_are(factor):
    n = 10_000
    X = np.random.default_rng(0).normal(size=(n // factor, 2))
    weight = np.full(len(X), float(factor))
    model = FCNetRegressor(hidden_layer_sizes=(4,), max_iter=1, random_state=0)
    ours = clone(model).fit(X, X[:, 0], weight)
    given = clone(model).set_params(dropout=0.15 * 5_000 / n).fit(X, X[:, 0], weight)
    assert_same(ours, given, X)
