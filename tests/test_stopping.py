"""When training ends, and what is warned of then."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.exceptions import ConvergenceWarning

from scaffolding import any_solver, data_of, short_fits, small_regressor
from skfcnet import FCNetRegressor
from skfcnet._estimators.training import BestEpoch

pytestmark = [short_fits, any_solver]


def test_training_stops_after_exactly_n_iter_no_change_epochs_without_improvement():
    X, y = np.zeros((20, 1)), np.zeros(20)
    model = small_regressor(n_iter_no_change=3, tol=1.0, max_iter=50)
    assert model.fit(X, y).n_iter_ == 4  # the first improves on nothing at all


def test_an_adaptive_rate_is_divided_each_time_there_is_no_improvement_for_so_long():
    X, y = np.zeros((20, 1)), np.zeros(20)
    model = small_regressor(n_iter_no_change=3, tol=1.0, max_iter=11)
    model.set_params(learning_rate="adaptive", learning_rate_init=0.1).fit(X, y)
    rates = [0.1] * 4 + [0.1 / 5] * 3 + [0.1 / 25] * 3 + [0.1 / 125]
    np.testing.assert_allclose(model.history_["learning_rate"], rates)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "coslog4"])
def test_a_schedule_that_has_an_end_is_followed_to_it(schedule, early_stopping):
    model, X, y = data_of("regression", 90, 4)
    model.set_params(max_iter=40, n_iter_no_change=2, early_stopping=early_stopping)
    model.set_params(learning_rate_init=0.3)  # overshoots
    stopped = clone(model).set_params(learning_rate="constant").fit(X, y)
    assert stopped.n_iter_ < 40
    model.set_params(learning_rate=schedule).fit(X, y)
    assert model.n_iter_ == 40
    rates = model.history_["learning_rate"]
    assert rates[-1] < 0.02 * max(rates)
    if early_stopping:  # the best epoch is kept nevertheless
        best = np.argmax(model.validation_scores_)
        assert model.best_validation_score_ == model.validation_scores_[best]
        assert model.loss_ == model.loss_curve_[best]


def fit_with_warnings_as_errors(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)


def test_the_defaults_never_warn_that_training_has_not_converged():
    _, X, y = data_of("regression")
    fit_with_warnings_as_errors(FCNetRegressor(max_iter=2), X, y)


def test_a_warning_says_after_how_many_epochs_training_was_cut_short():
    X, y = load_diabetes(return_X_y=True)
    model = FCNetRegressor(
        learning_rate="constant", early_stopping=False, max_iter=3, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="after 3 epochs. Raise max_iter, or"):
        model.fit(X, y)
    lbfgs = FCNetRegressor(solver="lbfgs", max_fun=10, random_state=0)
    with pytest.warns(ConvergenceWarning, match="iterations") as warned:
        lbfgs.fit(X, y)
    assert f"after {lbfgs.n_iter_} iterations" in str(warned[0].message)
    assert lbfgs.n_iter_ < 10


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_running_out_of_epochs_is_a_warning_after_the_fit_is_kept():
    model, X, y = data_of("regression")
    with pytest.warns(ConvergenceWarning, match="after 5 epochs. Raise max_iter"):
        model.fit(X, y)
    model = clone(model)
    with pytest.raises(ConvergenceWarning):
        fit_with_warnings_as_errors(model, X, y)
    assert model.n_iter_ == 5


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_rate_falls_when_there_is_no_more_improvement(early_stopping):
    model, X, y = data_of("regression", n=300)
    model.set_params(learning_rate="wsd", max_iter=300, n_iter_no_change=4, tol=10.0)
    model.set_params(early_stopping=early_stopping, batch_size=10).fit(X, y)
    rates = np.array(model.history_["learning_rate"])
    is_falling = np.append(False, np.diff(rates) < 0)
    n_stable = is_falling.argmax()
    # The first epoch is an improvement, and four are not.
    assert n_stable == 5
    assert is_falling[n_stable:].all()
    assert rates[n_stable - 1] == pytest.approx(model.learning_rate_init)
    assert rates[-1] < 0.02 * model.learning_rate_init
    assert model.n_iter_ < 300


def test_the_rate_falls_for_two_fifths_of_the_epochs_up_to_the_best():
    model, X, y = data_of("regression", n=300)
    model.set_params(learning_rate="wsd", max_iter=300, n_iter_no_change=4)
    model.set_params(batch_size=10).fit(X, y)
    n_stable = 1 + np.flatnonzero(np.diff(model.history_["learning_rate"]) < 0)[0]
    n_best = n_stable - 4
    assert 0.4 * n_best * 30 > 100  # or it would be for at least so many minibatches
    assert model.n_iter_ - n_stable == np.ceil(0.4 * n_best)


def test_a_schedule_that_falls_early_goes_on_from_the_best_epoch():
    model, X, y = data_of("regression", n=300)
    X_val, y_val = X[200:], y[200:]
    model.set_params(learning_rate="wsd", max_iter=300, n_iter_no_change=20)
    model.set_params(early_stopping=True, learning_rate_init=0.05, batch_size=10)
    model.fit(X[:200], y[:200], X_val=X_val, y_val=y_val)
    rates = np.array(model.history_["learning_rate"])
    losses = np.array(model.validation_loss_curve_)
    first = np.flatnonzero(np.diff(rates) < 0)[0] + 1
    best = losses[:first].min()
    # At the large rate, losses vary; after the fall, they are close to the best.
    assert losses[first - 1] > best
    assert losses[first:].min() < best
    assert model.best_iteration_ == losses.argmin() + 1


def test_the_score_decides_and_the_loss_only_where_scores_are_tied():
    best = BestEpoch(1, score=0.5, tie_breaker=-1.0)

    def best_after(score, tie_breaker):
        updated, _ = best.updated(2, score, tie_breaker, tol=1e-4, vector=np.ones(1))
        return updated.epoch

    assert best_after(0.6, -2.0) == 2
    assert best_after(0.4, -0.5) == 1
    assert best_after(0.5, -0.5) == 2
    assert best_after(0.5, -2.0) == 1
    assert best_after(0.50005, -2.0) == 1


def test_patience_lasts_while_the_validation_loss_falls_towards_its_minimum():
    # Among 295 columns of noise, the loss first rises above that of the linear term.
    X, y = make_friedman1(3_000, 300, noise=1.0, random_state=0)
    settings = {"hidden_layer_sizes": (32,), "n_members": 2, "max_iter": 100}
    model = FCNetRegressor(**settings, random_state=0).fit(X[:2_000], y[:2_000])
    stopped = clone(model).set_params(n_iter_no_change=20).fit(X[:2_000], y[:2_000])
    assert stopped.n_iter_ < 60 and model.n_iter_ == 100
    assert model.score(X[2_000:], y[2_000:]) > stopped.score(X[2_000:], y[2_000:])
