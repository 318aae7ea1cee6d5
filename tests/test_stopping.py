"""When training ends, and what is warned of then."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import (
    ConvergenceWarning,
)

from scaffolding import (
    any_solver,
    data_of,
    short_fits,
    small_regressor,
)
from skfcnet import FCNetRegressor

pytestmark = [short_fits, any_solver]


def test_training_stops_after_exactly_n_iter_no_change_epochs_without_improvement():
    X, y = np.zeros((20, 1)), np.zeros(20)
    model = small_regressor(n_iter_no_change=3, tol=1.0, max_iter=50)
    assert model.fit(X, y).n_iter_ == 4  # the first improves on nothing at all


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog4"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_schedule_that_has_an_end_is_followed_to_it(schedule, early_stopping):
    _, X, y = data_of("regression")
    model = small_regressor(learning_rate=schedule, batch_size=4)
    model.set_params(n_iter_no_change=1, tol=1e9, early_stopping=early_stopping)
    assert model.fit(X, y).n_iter_ == 5
    assert model.history_["learning_rate"][-1] < 0.01 * model.learning_rate_init


def test_the_defaults_never_warn_that_training_has_not_converged():
    _, X, y = data_of("regression")
    fit_with_warnings_as_errors(FCNetRegressor(max_iter=2), X, y)


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
def test_running_out_of_epochs_is_a_warning_after_the_fit_is_kept():
    model, X, y = data_of("regression")
    with pytest.warns(ConvergenceWarning, match="after 5 epochs. Raise max_iter"):
        model.fit(X, y)
    model = clone(model)
    with pytest.raises(ConvergenceWarning):
        fit_with_warnings_as_errors(model, X, y)
    assert model.n_iter_ == 5


def fit_with_warnings_as_errors(model, X, y):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
