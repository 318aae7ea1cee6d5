import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from skfcnet._engine import threads
from skfcnet._engine.lbfgs import train_lbfgs
from skfcnet.network import FullyConnectedNet
from skfcnet.solver import Solver

SMALL, LARGE = 1, threads.SERIAL_FLOPS
BLAS = ThreadpoolController().select(user_api="blas")


def blas_threads():
    return max(pool["num_threads"] for pool in BLAS.info())


class Recording(FullyConnectedNet):
    """A network that notes the threads of BLAS that its steps have."""

    def backpropagate(self, x, y, passes, **options):
        vars(self).setdefault("threads", []).append(blas_threads())
        return super().backpropagate(x, y, passes, **options)


def threads_of_an_epoch(batch_size):
    net = Recording("regression", [20], [False], 10, 1, random_state=0)
    data = {"X_train": np.ones((60, 10)), "y_train": np.ones(60)}
    Solver(net, data, batch_size=batch_size, random_state=0).train_epoch()
    return set(net.threads)


@pytest.mark.usefixtures("two_cores")
def test_small_steps_have_one_thread_and_large_ones_all(monkeypatch):
    monkeypatch.setattr(threads, "SERIAL_FLOPS", 6 * 220 * 30)
    with threadpool_limits(2, "blas"):
        assert threads_of_an_epoch(batch_size=29) == {1}
        assert threads_of_an_epoch(batch_size=30) == {2}
        assert blas_threads() == 2


@pytest.mark.usefixtures("two_cores")
def test_few_rows_have_one_thread_in_a_quasi_newton_method_and_many_all(monkeypatch):
    monkeypatch.setattr(threads, "SERIAL_FLOPS", 6 * 220 * 30)
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


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_the_last_to_leave_restores_what_the_first_has_found(order):
    contexts = [threads.blas_threads_for(SMALL) for _ in range(3)]
    with threadpool_limits(2, "blas"):
        for context in contexts:
            context.__enter__()
        for n_left, i in enumerate(order):
            assert blas_threads() == 1, n_left
            contexts[i].__exit__(None, None, None)
        assert blas_threads() == 2


@pytest.mark.usefixtures("two_cores")
def test_a_step_worth_more_has_one_thread_while_others_are_limited():
    with threadpool_limits(2, "blas"):
        with threads.blas_threads_for(SMALL), threads.blas_threads_for(LARGE):
            assert blas_threads() == 1
        with threads.blas_threads_for(LARGE):
            assert blas_threads() == 2


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_thread_is_spare_by_what_blas_has_without_the_limit(n_threads):
    with threadpool_limits(n_threads, "blas"):
        assert threads.has_spare_thread(SMALL) == (n_threads == 2)
        with threads.blas_threads_for(SMALL):
            assert threads.has_spare_thread(SMALL) == (n_threads == 2)
        assert not threads.has_spare_thread(LARGE)


@pytest.mark.usefixtures("two_cores")
def test_a_number_set_by_somebody_else_in_the_meantime_stays():
    with threadpool_limits(2, "blas"):
        with threads.blas_threads_for(SMALL):
            threadpool_limits(3, "blas")
            with threads.blas_threads_for(SMALL):
                assert blas_threads() == 1
        assert blas_threads() == 3
        with threads.blas_threads_for(SMALL), threadpool_limits(4, "blas"):
            assert blas_threads() == 4
        assert blas_threads() == 3


def printed(script):
    """Return what a script prints in a process whose BLAS has two threads at first."""
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=inherited | {"OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return run.stdout.split()


THREADS = """
import os, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from threadpoolctl import threadpool_info
from skfcnet import FCNetClassifier
from skfcnet._engine.threads import has_spare_thread, blas_threads_for

def blas_threads():
    pools = threadpool_info()
    return max(pool["num_threads"] for pool in pools if pool["user_api"] == "blas")
"""

OVERLAPPING_FITS = """
X = np.random.default_rng(0).normal(size=(300, 4))
y = (X[:, 0] > 0).astype(int)
def fit(seed):
    options = {"max_iter": 3 + seed % 4, "random_state": seed, "batch_size": 20}
    if seed % 5 == 4:  # diverges
        options |= {"learning_rate_init": 1e30, "activation": "identity"}
    solver = "lbfgs" if seed % 7 == 6 else "sgd"
    try:
        FCNetClassifier((8,), solver=solver, **options).fit(X, y)
    except ValueError:
        return "failed"
with ThreadPoolExecutor(4) as pool:
    print(list(pool.map(fit, range(40))).count("failed"), blas_threads())
"""

FIRST_IN_FIRST_OUT = """
inside, leave = threading.Event(), threading.Event()
def second():
    with blas_threads_for(1):
        inside.set()
        leave.wait()
thread = threading.Thread(target=second)
with blas_threads_for(1):
    thread.start()
    inside.wait()
print(blas_threads(), has_spare_thread(1))
leave.set()
thread.join()
print(blas_threads())
"""

FORK = """
inside, leave = threading.Event(), threading.Event()
def other():
    with blas_threads_for(1):
        inside.set()
        leave.wait()
def in_child(function):
    child = os.fork()
    if child == 0:
        print(function(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
def with_a_fit():
    with blas_threads_for(1):
        return blas_threads()
thread = threading.Thread(target=other)
thread.start()
inside.wait()
in_child(blas_threads)
in_child(with_a_fit)
leave.set()
thread.join()
with blas_threads_for(1):
    in_child(blas_threads)
print(blas_threads())
"""


@pytest.mark.usefixtures("two_cores")
def test_fits_in_several_threads_leave_the_threads_as_they_were():
    n_failed, n_threads = printed(THREADS + OVERLAPPING_FITS)
    assert int(n_failed) > 0
    assert n_threads == "2"


@pytest.mark.usefixtures("two_cores")
def test_a_context_that_ends_in_another_thread_restores_what_was_there():
    assert printed(THREADS + FIRST_IN_FIRST_OUT) == ["1", "True", "2"]


@pytest.mark.usefixtures("two_cores")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_forked_process_is_not_limited_by_threads_it_does_not_have():
    without_a_fit, with_a_fit, within_a_fit, parent = printed(THREADS + FORK)
    assert (without_a_fit, with_a_fit, within_a_fit, parent) == ("2", "1", "1", "2")


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
