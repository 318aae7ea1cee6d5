"""KeyboardInterrupt keeps what was learned."""

import copy
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from threadpoolctl import ThreadpoolController, threadpool_limits

from scaffolding import any_solver, assert_same, data_of, short_fits
from skfcnet._engine import threads
from skfcnet.solver import Solver

pytestmark = [short_fits, any_solver]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_ctrl_c_keeps_the_best_completed_epoch_and_goes_on(method, monkeypatch):
    model, X, y = data_of("regression")
    steps = Solver._step
    calls = []

    def interrupted(self, *minibatch):
        calls.append(minibatch)
        if len(calls) == 7:  # in the middle of the third epoch
            raise KeyboardInterrupt
        return steps(self, *minibatch)

    model.set_params(batch_size=40, max_iter=50)
    expected = clone(model).set_params(max_iter=2).fit(X, y)
    monkeypatch.setattr(Solver, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(50 if method == "partial_fit" else 1):
            getattr(model, method)(X, y)
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_ctrl_c_in_the_first_epoch_leaves_the_earlier_model(monkeypatch):
    model, X, y = data_of("regression")
    earlier = copy.deepcopy(model.fit(X, y))

    def interrupted(self, *minibatch):
        raise KeyboardInterrupt

    monkeypatch.setattr(Solver, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X + 1, y)
    assert_same(model, earlier, X)
    with pytest.raises(KeyboardInterrupt):
        clone(model).fit(X, y)


def is_of_estimators(code):
    return Path(code.co_filename).parent.name == "_estimators"


class InterruptAtLine:
    """Raises KeyboardInterrupt at one of the lines of some functions that run."""

    def __init__(self, number, is_of_interest=is_of_estimators):
        self.left, self.is_of_interest = number, is_of_interest

    def trace(self, frame, event, argument):
        if not self.is_of_interest(frame.f_code):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self.trace

    def __enter__(self):
        self.tracer = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exception):
        sys.settrace(self.tracer)


@pytest.mark.parametrize(
    ("early_stopping", "n_members"), [(False, 1), (True, 1), (True, 2)]
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_wherever_ctrl_c_falls_the_attributes_fit_each_other(
    solver, early_stopping, n_members
):
    model, X, y = data_of("regression")
    model.set_params(solver=solver, early_stopping=early_stopping, scoring="loss")
    model.set_params(n_members=n_members)
    by_epochs = [
        clone(model).set_params(max_iter=n, early_stopping=False).fit(X, y)
        for n in range(1, 6)
    ]
    uninterrupted = clone(model).fit(X, y)
    finished, n_kept = False, set()
    for line in range(1, 4000, 31):
        interrupted = clone(model)
        try:
            with InterruptAtLine(line) as interruption:
                interrupted.fit(X, y)
        except KeyboardInterrupt:
            pass
        if interruption.left > 0:
            finished = True
            break
        if not hasattr(interrupted, "n_iter_"):
            continue
        n_epochs, best = interrupted.n_iter_, interrupted.best_iteration_
        assert np.size(best) == n_members
        n_kept.add(n_epochs)
        assert {len(column) for column in interrupted.history_.values()} == {n_epochs}
        assert interrupted.t_ % n_epochs == 0
        assert 1 <= np.min(best) <= np.max(best) <= n_epochs
        assert vars(interrupted).keys() == vars(uninterrupted).keys()
        if not early_stopping:
            assert interrupted.loss_ in interrupted.loss_curve_
            predictions = interrupted.predict(X)
            assert any(
                np.array_equal(predictions, by_epochs[n - 1].predict(X))
                for n in {best, n_epochs}
            )
    assert finished
    assert n_kept >= {1, 2, 3, 4}


def test_ctrl_c_in_the_commit_leaves_the_earlier_model_or_the_new_one():
    model, X, y = data_of("regression")
    frame = pd.DataFrame(X[:, ::-1], columns=list("abcdef"))
    earlier, new = clone(model).fit(frame, y), clone(model).fit(X, y)
    old_prediction, new_prediction = earlier.predict(frame), new.predict(X)
    n_interruptions = 0
    while True:
        n_interruptions += 1
        interruption = InterruptAtLine(
            n_interruptions, lambda code: code.co_name == "_commit"
        )
        model = copy.deepcopy(earlier)
        with suppress(KeyboardInterrupt), interruption:
            model.fit(X, y)
        if hasattr(model, "feature_names_in_"):
            np.testing.assert_array_equal(model.predict(frame), old_prediction)
        else:
            np.testing.assert_array_equal(model.predict(X), new_prediction)
        if interruption.left > 0:
            break
    assert n_interruptions > 4


@pytest.mark.usefixtures("two_cores")
def test_wherever_ctrl_c_falls_blas_has_its_threads_again():
    def blas_threads():
        return {pool.num_threads for pool in blas.lib_controllers}

    blas = ThreadpoolController().select(user_api="blas")
    n_interruptions = 0
    with threadpool_limits(2, "blas"):
        expected = blas_threads()
        while True:
            n_interruptions += 1
            interruption = InterruptAtLine(
                n_interruptions, lambda code: code.co_filename == threads.__file__
            )
            with suppress(KeyboardInterrupt), interruption, threads.one_blas_thread():
                pass
            # Only a trace can fall between the end of a block and the release of its
            # lock. Other threads would wait for the lock for good.
            while threads._BLAS._lock._is_owned():
                threads._BLAS._lock.release()
            assert blas_threads() == expected, n_interruptions
            if interruption.left > 0:
                break
    assert n_interruptions > 20
