import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from skfcnet import _threads
from skfcnet._lbfgs import train_lbfgs
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

BLAS = ThreadpoolController().select(user_api="blas")


def blas_threads():
    return max(pool["num_threads"] for pool in BLAS.info())


class Recording(FullyConnectedNet):
    """A network that notes the threads of BLAS that its steps have."""

    def backpropagate(self, x, y, **options):
        vars(self).setdefault("threads", []).append(blas_threads())
        return super().backpropagate(x, y, **options)


def threads_of_an_epoch(batch_size):
    net = Recording("regression", [20], [False], 10, 1, random_state=0)
    data = {"X_train": np.ones((60, 10)), "y_train": np.ones(60)}
    Solver(net, data, batch_size=batch_size, random_state=0).train_epoch()
    return set(net.threads)


@pytest.mark.usefixtures("two_cores")
def test_small_steps_have_one_thread_and_large_ones_all(monkeypatch):
    monkeypatch.setattr(_threads, "SERIAL_FLOPS", 6 * 220 * 30)
    with threadpool_limits(2, "blas"):
        assert threads_of_an_epoch(batch_size=29) == {1}
        assert threads_of_an_epoch(batch_size=30) == {2}
        assert blas_threads() == 2


@pytest.mark.usefixtures("two_cores")
def test_few_rows_have_one_thread_in_a_quasi_newton_method_and_many_all(monkeypatch):
    monkeypatch.setattr(_threads, "SERIAL_FLOPS", 6 * 220 * 30)
    for n_rows, expected in ((29, 1), (30, 2)):
        net = Recording(
            "regression", [20], [False], 10, 1, dtype=np.float64, random_state=0
        )
        X, y = np.eye(n_rows, 10), np.ones((n_rows, 1))
        with threadpool_limits(2, "blas"):
            train_lbfgs(
                net,
                X,
                y,
                None,
                max_iter=3,
                max_fun=9,
                tol=0.0,
                after_iteration=lambda loss: False,
            )
            assert blas_threads() == 2
        assert set(net.threads) == {expected}


@pytest.mark.usefixtures("two_cores")
def test_a_failed_epoch_leaves_the_threads_as_they_were():
    net = FullyConnectedNet("regression", [20], [False], 10, 1, random_state=0)
    data = {"X_train": np.full((60, 10), 1e30), "y_train": np.ones(60)}
    with threadpool_limits(2, "blas"):
        with pytest.raises(ValueError, match="diverged"):
            Solver(net, data, random_state=0).train_epoch()
        assert blas_threads() == 2


SEARCH = """
import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info
from skfcnet import FCNetClassifier

def threads(estimator, X, y):
    return max(pool["num_threads"] for pool in threadpool_info())

if __name__ == "__main__":
    grid = {"alpha": [0.1, 0.2]}
    search = GridSearchCV(
        FCNetClassifier((4,), tol=1.0), grid, cv=2, scoring=threads, n_jobs=2
    )
    with joblib.parallel_backend("loky"):
        search.fit(*load_digits(return_X_y=True))
    print(*search.cv_results_["mean_test_score"])
"""


@pytest.mark.skipif(
    os.cpu_count() != 2, reason="says what two workers get of two cores"
)
def test_workers_of_a_search_train_with_one_thread_each():
    # That of this process may be limited, and workers would inherit it.
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-c", SEARCH],
        env=inherited,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["1.0", "1.0"]
