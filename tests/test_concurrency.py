"""Models used by many threads and processes at once, and what fits leave behind."""

import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_info

from scaffolding import (
    any_solver,
    assert_same,
    data_of,
    main_prediction,
    network_of,
    short_fits,
)
from skfcnet import FCNetTransformer
from skfcnet._engine import prefetch

pytestmark = [short_fits, any_solver]

IS_LONG = "SKFCNET_LONG_TESTS" in os.environ
N_FITS = 3_000 if IS_LONG else 50
SETTINGS = [
    {},
    {"n_members": 3, "linear_term": True, "numeric_embedding": "pbld"},
    {"normalization": "batch", "dropout": 0.2, "solver": "adamw"},
    {"solver": "lbfgs"},
]


def in_threads(function, arguments, n_threads=4):
    """Return the results of calls that begin at the same time, in several threads."""
    start = threading.Barrier(n_threads)

    def call(i):
        if i < n_threads:
            start.wait()
        return function(arguments[i])

    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(call, range(len(arguments))))


# One model, many threads


@pytest.mark.parametrize("kind", ["multiclass", "multioutput"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_threads_that_predict_together_find_what_one_does(kind, settings):
    model, X, y = data_of(kind)
    model.set_params(**settings).fit(X, y)
    # Of another dtype, so that the parameters are converted by the first that asks.
    parts = [X[i : i + 40] for i in range(0, 80, 10)] * 4
    expected = [main_prediction(model, part) for part in parts]
    network_of(model).params.forget_conversions()
    found = in_threads(lambda part: main_prediction(model, part), parts)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_threads_that_transform_and_take_gradients_do_not_disturb_each_other():
    model, X, y = data_of("regression")
    features = FCNetTransformer(model).fit(X, y)
    network = features.estimator_
    methods = [features.transform, network.predict, network.input_gradients] * 8
    expected = [method(X) for method in methods]
    found = in_threads(lambda method: method(X), methods)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_predicts_while_its_copy_is_trained_further():
    model, X, y = data_of("multiclass")
    model.partial_fit(X, y, classes=np.unique(y))
    expected = main_prediction(model, X)
    copies = [clone(model).fit(X, y) for _ in range(2)]

    def work(i):
        if i % 2:
            return copies[i % 4 // 2].fit(X, y)
        return main_prediction(model, X)

    for found in in_threads(work, range(16))[::2]:
        np.testing.assert_array_equal(found, expected)


# Many fits at once


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_fits_in_threads_do_not_disturb_each_other_nor_the_threads_of_blas(settings):
    model, X, y = data_of("multiclass")
    models = [clone(model).set_params(random_state=i, **settings) for i in range(4)]
    expected = [clone(model).fit(X, y) for model in models]
    state = np.random.get_state()[1].copy()
    before = threadpool_info()
    fitted = in_threads(lambda model: model.fit(X, y), models)
    assert threadpool_info() == before
    for ours, theirs in zip(fitted, expected, strict=True):
        assert_same(ours, theirs, X)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_fits_that_fail_in_a_thread_leave_others_alone():
    model, X, y = data_of("regression")
    expected = clone(model).fit(X, y)
    failing = clone(model).set_params(
        learning_rate_init=1e30, solver="sgd", activation="identity"
    )

    def fit(i):
        if i % 2 == 0:
            return clone(model).fit(X, y)
        with pytest.raises(ValueError, match="diverged"):
            clone(failing).fit(X, y)
        return None

    for fitted in in_threads(fit, range(16))[::2]:
        assert_same(fitted, expected, X)


# Processes


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_jobs_of_joblib_predict_and_fit_as_this_process_does(backend):
    model, X, y = data_of("multiclass")
    expected = clone(model).fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2, max_nbytes=100):
        fits = joblib.Parallel()(
            joblib.delayed(clone(model).fit)(X, y) for _ in range(3)
        )
        # The model and the rows reach the workers as read-only memory maps.
        predictions = joblib.Parallel()(
            joblib.delayed(expected.predict_proba)(X) for _ in range(3)
        )
    for fitted in fits:
        assert_same(fitted, expected, X)
    for found in predictions:
        np.testing.assert_array_equal(found, expected.predict_proba(X))


FORK = """
import multiprocessing, sys, threading
import numpy as np
from skfcnet import FCNetClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(1000, 20))  # enough for a product to have several threads
y = (X[:, 0] > 0).astype(int)
SETTINGS = {"max_iter": 2, "n_members": 1, "random_state": 0}
model = FCNetClassifier((200, 100), **SETTINGS).fit(X, y)


def probabilities(seed):
    return model.predict_proba(X)


def fitted(seed):
    return FCNetClassifier((30,), **SETTINGS).fit(X, y).predict_proba(X)


if __name__ == "__main__":
    stop = threading.Event()

    def fits():
        while not stop.is_set():
            FCNetClassifier((30,), **SETTINGS).fit(X, y)

    expected = probabilities(0), fitted(0)
    if sys.argv[1] == "in a fit":
        thread = threading.Thread(target=fits)
        thread.start()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for function, own in zip((probabilities, fitted), expected):
            for found in pool.map_async(function, range(2)).get(timeout=300):
                np.testing.assert_array_equal(found, own)
    stop.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.parametrize("when", ["after a fit", "in a fit"])
def test_a_forked_process_predicts_and_fits(when):
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("NUM_THREADS")}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, when],
        env=inherited | {"OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr


# What fits leave behind


def open_files():
    folder = "/proc/self/fd"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


def test_many_fits_leave_no_threads_files_or_objects_behind(monkeypatch):
    monkeypatch.setattr(prefetch, "MIN_BYTES", 0)  # so that a thread reads ahead
    model, X, y = data_of("multiclass")
    model.set_params(batch_size=8, max_iter=2, early_stopping=True, n_members=2)

    def fit(seed):
        fitted = clone(model).set_params(random_state=seed).fit(X, y)
        fitted.set_params(n_members=1).fit(X, y).partial_fit(X, y).predict(X)
        with pytest.raises(ValueError, match="diverged"):
            clone(fitted).set_params(
                learning_rate_init=1e30, solver="sgd", activation="identity"
            ).fit(X, y)

    def left():
        gc.collect()
        return threading.active_count(), open_files(), len(gc.get_objects())

    for seed in range(5):  # modules are loaded, and caches filled
        fit(seed)
    n_threads, n_files, n_objects = left()
    for seed in range(N_FITS):
        fit(seed)
    n_threads_now, n_files_now, n_objects_now = left()
    # What tests before this one have used may be closed meanwhile.
    assert n_threads_now <= n_threads
    assert n_files_now <= n_files
    assert n_objects_now < n_objects + N_FITS


MEMORY = """
import sys, warnings
import numpy as np
from skfcnet import FCNetRegressor

warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(200, 5))
model = FCNetRegressor(hidden_layer_sizes=(200, 200), max_iter=2, n_members=1)

def memory():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

n_fits = int(sys.argv[1])
for _ in range(20):
    model.fit(X, X[:, 0]).predict(X)
before = memory()
for _ in range(n_fits):
    model.fit(X, X[:, 0]).predict(X)
print(memory() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to tell memory")
def test_many_fits_leave_no_memory_behind():
    """Each fit of these has a megabyte, of which nothing may be kept."""
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(N_FITS)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(run.stdout) < 10e6
