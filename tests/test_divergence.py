"""Training that diverges, and numbers that overflow or vanish."""

import copy
import pickle
from contextlib import suppress

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import log_loss

from scaffolding import (
    any_solver,
    assert_same,
    data_of,
    plain,
    short_fits,
)
from skfcnet import FCNetClassifier, FCNetRegressor
from skfcnet._estimators.optimization import SOLVERS
from skfcnet._estimators.training import EXPLOSION_FACTOR
from skfcnet.layers import NORMALIZATIONS
from skfcnet.solver import DivergenceError

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("rate", [1e5, 1e8, 1e13])
@pytest.mark.parametrize("changes", [{}, {"early_stopping": True}, {"n_members": 2}])
def test_a_last_step_that_explodes_leaves_the_earlier_model(method, rate, changes):
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = X[:, 0]
    model = FCNetRegressor(hidden_layer_sizes=(8, 8), max_iter=1, random_state=0)
    model.set_params(solver="sgd", learning_rate="constant").fit(X, y)
    earlier = copy.deepcopy(model)
    model.set_params(learning_rate_init=rate, **changes)
    if method == "partial_fit" and changes.get("n_members"):
        return  # it would be another architecture
    with pytest.raises(DivergenceError, match=r"diverged: the .* loss") as raised:
        getattr(model, method)(X, y)
    assert "Lower learning_rate_init=" in str(raised.value)
    assert_same(model, earlier, X)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate_init": 10.0},
        {"learning_rate_init": 30.0, "normalization": "batch"},
        {"learning_rate_init": 0.3, "solver": "sgd", "learning_rate": "constant"},
    ],
    ids=str,
)
def test_an_epoch_that_explodes_after_the_first_leaves_no_model(settings):
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = FCNetRegressor(hidden_layer_sizes=(8, 8), max_iter=2, random_state=0)
    model.set_params(learning_rate="one_cycle", early_stopping=False, linear_term=False)
    with pytest.raises(DivergenceError, match="where the first epoch had"):
        model.set_params(**settings).fit(X, X[:, 0])
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("rate", [1e3, 1e4])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("max_iter", [2, 4])
def test_what_is_kept_of_a_normalised_network_can_predict(
    rate, normalization, max_iter
):
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = FCNetRegressor(max_iter=max_iter, learning_rate_init=rate, random_state=0)
    with suppress(DivergenceError):
        model.set_params(normalization=normalization).fit(X, X[:, 0])
        assert np.isfinite(model.predict(X)).all()


def test_a_penalty_that_overflows_is_a_divergence():
    X = np.random.default_rng(0).normal(size=(20, 2))
    model = FCNetRegressor(hidden_layer_sizes=(3,), alpha=1e6, max_iter=5)
    model.set_params(solver="sgd", learning_rate_init=1e4, batch_size=2)
    with pytest.raises(DivergenceError):
        model.fit(X, X[:, 0])


def test_outliers_and_statistics_that_have_not_settled_are_no_divergence():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 3)) * 1e3 + 1e5, rng.standard_cauchy(3000)
    y[0] = 1e9
    for changes in (
        {"normalization": "batch", "input_scaling": None, "numeric_embedding": None},
        {"scale_target": False, "loss": "huber"},
        {"dropout": 0.9},
    ):
        model = FCNetRegressor(hidden_layer_sizes=(8,), random_state=0, max_iter=1)
        model.set_params(**changes).partial_fit(X[:100], y[:100]).partial_fit(X, y)
        model.fit(X, y)


@pytest.mark.parametrize(
    ("changes", "advised"),
    [
        ({}, r"Lower learning_rate_init=1e\+30, or set max_grad_norm, such as to 1.0."),
        ({"max_grad_norm": 1e30}, r"Lower learning_rate_init=1e\+30\.$"),
        (
            {"input_scaling": None, "numeric_embedding": None},
            "or scale X, which input_",
        ),
        ({"scale_target": False}, "or set scale_target=True"),
        (
            {"solver": "adamw", "weight_decay": 1e6},
            r"Lower weight_decay=1000000\.0, or",
        ),
        (
            {"solver": "adamw", "weight_decay": 1e5, "learning_rate_init": 1.0},
            r"Lower weight_decay=100000\.0, or",
        ),
        ({"solver": "adamw", "weight_decay": 1.5e-30}, r"Lower weight_decay=1\.5e-30,"),
        ({"solver": "adamw", "weight_decay": 1e-30}, r"\. Lower learning_rate_init"),
        ({"alpha": 1.5}, r"Lower alpha=1\.5, or lower learning_rate_init"),
        ({"alpha": 1.0}, r"\. Lower learning_rate_init"),
        ({"alpha": 1e30}, r"Lower alpha=1e\+30, or lower learning_rate_init"),
        ({"solver": "lbfgs", "alpha": 1e300}, r"Lower alpha=1e\+300\.$"),
    ],
)
def test_advice_on_divergence_is_by_the_settings_in_force(changes, advised):
    X = np.random.default_rng(0).normal(size=(500, 3))
    model = FCNetRegressor(hidden_layer_sizes=(8,), activation="identity", solver="sgd")
    if changes.get("solver") != "lbfgs":
        model.set_params(learning_rate_init=1e30)
    model.set_params(**changes)
    with pytest.raises(DivergenceError, match=advised) as raised:
        model.fit(X, X[:, 0])
    if "scale_target" not in changes:
        assert "tandardise" not in str(raised.value)
        assert "scale_target" not in str(raised.value)
    copied = pickle.loads(pickle.dumps(raised.value))
    assert str(copied) == str(raised.value)


def test_classifiers_are_not_told_to_scale_the_target():
    model, X, y = data_of("binary")
    model.set_params(learning_rate_init=1e30, solver="sgd", activation="identity")
    with pytest.raises(DivergenceError, match=r"max_grad_norm, such as to 1\.0\.$"):
        model.fit(X, y)


def test_a_penalty_and_scaled_rows_are_advised_for_lbfgs():
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = FCNetRegressor(hidden_layer_sizes=(8,), alpha=0.01, solver="lbfgs")
    model.set_params(input_scaling=None, numeric_embedding=None, linear_term=False)
    with pytest.raises(DivergenceError) as raised:
        model.fit(1e160 * X, X[:, 0])
    advice = "Raise alpha=0.01, or scale X, which input_scaling does for dense rows."
    assert str(raised.value).endswith(f". {advice}")


def test_a_large_loss_of_rows_that_cost_little_is_no_divergence():
    model, X, y = data_of("binary")
    model.set_params(class_weight={0: 1e-20, 1: 1}, label_smoothing=0.0, alpha=0.0)
    model.set_params(batch_size=len(y), learning_rate_init=0.1, max_iter=30).fit(X, y)
    # The last step would have diverged if all rows had cost the same.
    limit = EXPLOSION_FACTOR * max(model.loss_curve_[0], 1 / EXPLOSION_FACTOR)
    assert log_loss(y, model.predict_proba(X)) > limit


def test_a_number_that_vanishes_in_the_dtype_is_refused():
    model, X, y = data_of("regression")
    with pytest.raises(ValueError, match=r"'epsilon' parameter .* must not be 0 in"):
        model.set_params(solver="adam", epsilon=1e-300).fit(X, y)
    model.set_params(dtype="float64").fit(X, y)


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_nothing_leaks_where_numpy_would_raise(solver, kind):
    model, X, y = data_of(kind)
    model.set_params(solver=solver, normalization="batch")
    X = np.column_stack([X, 1e-200 * X[:, 0], 1e300 * X[:, 0], np.full(len(X), 1e-310)])
    with np.errstate(all="raise"):
        model.fit(X, y, X_val=None).predict(X)
        model.set_params(early_stopping=True).fit(X, y)
        if solver != "lbfgs":
            model.partial_fit(X, y).predict(X)


def test_numbers_too_large_for_single_precision_are_refused_without_a_warning():
    model, _, _ = data_of("regression")
    X = np.array([[1e300], [-1e300]])
    plain(model)
    for rows in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="too large"):
            model.fit(rows, [0.0, 1.0])
    with pytest.raises(DivergenceError):
        model.fit(np.array([[3e38], [-3e38]], np.float32), [0.0, 1.0])


@pytest.mark.parametrize("n_members", [1, 2])
def test_predictions_that_overflow_by_running_statistics_are_a_divergence(n_members):
    # All features of all minibatches are dropped, so that the weights only decay, by a
    # factor of far below -1, and the rows of training do not tell.
    X = np.random.default_rng(3).normal(size=(7, 1))
    model = FCNetClassifier(normalization="batch", linear_term=False, random_state=0)
    model.set_params(n_members=n_members, early_stopping=False, hidden_layer_sizes=3)
    model.set_params(input_dropout=0.99, batch_size=2, max_iter=2, dropout=0.0)
    model.set_params(learning_rate="constant", learning_rate_init=1e4, alpha=0.0)
    with pytest.raises(DivergenceError, match="learning_rate_init"):
        model.fit(X, np.arange(7) % 2)


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_network_that_predicts_the_last_minibatch_alone_is_a_divergence(
    method, n_members
):
    # With this epsilon, Adam changes a parameter without a gradient by 1e297, and the
    # row of the last minibatch need not depend on it.
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(2, 1)), rng.normal(size=2)
    model = FCNetRegressor(hidden_layer_sizes=3, batch_size=1, dtype="float64")
    model.set_params(early_stopping=False, linear_term=False, scale_target=False)
    model.set_params(solver="adam", beta_2=0.0, epsilon=1e-300, n_members=n_members)
    model.set_params(alpha=0.0, weight_decay=0.0, max_iter=2, random_state=0)
    with pytest.raises(DivergenceError, match="learning_rate_init"):
        for _ in range(2):
            getattr(model, method)(X, y)
