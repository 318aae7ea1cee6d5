"""Memory of training and predicting, size of a saved model, and time to import.

First against scikit-learn's multilayer perceptron, with hidden layers of 256 and 128
units on 50,000 MNIST rows in float32. Memory is by how much a fit of one epoch, or
``predict_proba`` of all rows, raises the peak of a fresh process that holds the data
already. Printed are medians, also of the ratio within a turn: how many times more
scikit-learn needs.

Then against what is promised for tables of any size, with the default parameters: fit
takes at most 1.5 times X in float32 and 200 MB, beside the data, and predict takes no
more for more rows. For rows in a file (`numpy.memmap`), only memory that no file backs
is counted, since the system can drop the other; it is sampled every millisecond.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/footprint.py

takes about five minutes on two cores, on Linux. Compiled loops are switched off: to
import Numba and to compile takes some 40 MB, once in a process.
"""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np
import pandas as pd
from _common import (
    ESTIMATORS,
    WORKLOADS,
    interleaved,
    mnist,
    parsed,
    print_header,
    ratio,
)
from scipy.sparse import issparse, random_array

from skfcnet import FCNetRegressor

os.environ["SKFCNET_KERNELS"] = "numpy"  # in the processes that measure, too

SETTINGS = WORKLOADS["256-128"] | {"max_iter": 1}
TRAINED_ON = 2_000
PARTS = ("X.npy", "y.npy")
MODULES = {"skfcnet": "skfcnet", "sklearn": "sklearn.neural_network"}
LEVELS = (10, 1_000, 50_000)


# Memory of this process


def memory(kind):
    """Return a number of MB from the status of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return int(status[kind].split()[0]) / 1024


def rise_of_peak(call):
    """Return by how many MB a call raises the peak of the memory in use."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far does not count
    before = memory("VmRSS")
    call()
    return memory("VmHWM") - before


def rise_of_anonymous_memory(call):
    """Return the same for memory that no file backs."""
    before, is_over, found = memory("RssAnon"), Event(), []

    def sample():
        while not is_over.wait(0.001):
            found.append(memory("RssAnon"))

    thread = Thread(target=sample)
    thread.start()
    call()
    is_over.set()
    thread.join()
    return max(found) - before


def warm_up():
    """Let modules be loaded, and BLAS allocate its buffers."""
    X = np.random.default_rng(0).normal(size=(256, 256))
    FCNetRegressor(max_iter=1).fit(X @ X, X[:, 0]).predict(X)


# Against scikit-learn


def save_rows(folder):
    """Save the data such that loading them has no peak of its own."""
    for part, array in zip(PARTS, mnist(), strict=True):
        np.save(folder / part, array)


def load_rows(folder):
    return [np.load(folder / part) for part in PARTS]


def fitted_to_few(estimator, folder):
    X, y = load_rows(folder)
    return estimator.fit(X[:TRAINED_ON], y[:TRAINED_ON])


def fit(estimator, X, y):
    estimator.fit(X, y)


def predict(estimator, X, y):
    estimator.predict_proba(X)


def rise_on_mnist(call, estimator, folder):
    X, y = load_rows(folder)
    warm_up()
    return rise_of_peak(partial(call, estimator, X, y))


def import_module(module):
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


def print_line(what, unit, numbers):
    ours, theirs = numbers.values()
    print(
        f"{what:<22} {median(ours):9.3f} {median(theirs):9.3f} {unit:<2} "
        f"{ratio(theirs, ours):7.2f}",
        flush=True,
    )


def compare_with_sklearn(in_fresh_process, folder, repeats):
    print(f"{'':<22} {'skfcnet':>9} {'sklearn':>9} {'':<2} {'ratio':>7}")
    in_fresh_process(save_rows, folder)
    unfitted = {name: kind(**SETTINGS) for name, kind in ESTIMATORS.items()}
    fitted = {
        name: in_fresh_process(fitted_to_few, estimator, folder)
        for name, estimator in unfitted.items()
    }
    for call, estimators in ((fit, unfitted), (predict, fitted)):
        rises = {
            name: partial(in_fresh_process, rise_on_mnist, call, estimator, folder)
            for name, estimator in estimators.items()
        }
        _, megabytes = interleaved(rises, repeats)
        print_line(f"peak memory, {call.__name__}", "MB", megabytes)

    sizes = {name: [len(pickle.dumps(model)) / 2**20] for name, model in fitted.items()}
    print_line("pickle", "MB", sizes)

    imports = {name: partial(import_module, module) for name, module in MODULES.items()}
    seconds, _ = interleaved(imports, repeats)
    print_line("import", "s", seconds)


# Against what is promised


def numbers(n_rows, n_columns, *, out=None):
    """Return normal numbers, which are drawn in blocks, without a peak."""
    rng = np.random.default_rng(0)
    out = np.empty((n_rows, n_columns)) if out is None else out
    for start in range(0, n_rows, 10_000):
        block = out[start : start + 10_000]
        block[...] = rng.normal(size=block.shape)
    return out


def numbers_in_file(n_rows, n_columns, folder):
    path, shape = folder / "numbers", (n_rows, n_columns)
    numbers(*shape, out=np.memmap(path, float, "w+", shape=shape)).flush()
    return np.memmap(path, float, "r", shape=shape)


def categories(n_rows, n_columns=0):
    """Return a data frame of categorical columns, beside columns of numbers."""
    rng = np.random.default_rng(0)
    names = [f"x{j}" for j in range(n_columns)]
    frame = pd.DataFrame(numbers(n_rows, n_columns), columns=names)
    for n_levels in LEVELS:
        levels = [f"level {i}" for i in range(n_levels)]
        codes = rng.integers(n_levels, size=n_rows)
        frame[f"of {n_levels}"] = pd.Categorical.from_codes(codes, levels)
    return frame


def sparse(n_rows, n_columns):
    rng = np.random.default_rng(0)
    return random_array((n_rows, n_columns), density=0.005, rng=rng, format="csr")


TABLES = {
    "1,000,000 x 10": partial(numbers, 1_000_000, 10),
    "200,000 x 51": partial(numbers, 200_000, 51),
    "200,000 x 52": partial(numbers, 200_000, 52),
    "100,000 x 500": partial(numbers, 100_000, 500),
    "200,000 x 3 categories": partial(categories, 200_000),
    "200,000 x 100 and 3": partial(categories, 200_000, 100),
    "10,000 x 50,000 sparse": partial(sparse, 10_000, 50_000),
}


def limit_of_fit(X):
    n_values = 2 * X.nnz if issparse(X) else X.shape[0] * X.shape[1]
    return 1.5 * n_values * 4 / 2**20 + 200


def fit_within_limit(make, rise, **parameters):
    """Return by how many MB a fit raises the peak, and by how many it may."""
    X = make()
    y = np.random.default_rng(1).normal(size=X.shape[0])
    model = FCNetRegressor(max_iter=1, random_state=0, **parameters)
    warm_up()
    return rise(lambda: model.fit(X, y)), limit_of_fit(X)


def rise_of_predict(n_rows):
    """Return by how many MB a prediction raises the peak, beside its result."""
    X = numbers(n_rows, 10)
    model = FCNetRegressor(max_iter=1).fit(X[:TRAINED_ON], X[:TRAINED_ON, 0])
    return rise_of_peak(lambda: model.predict(X)) - 8 * n_rows / 2**20


def print_promises(in_fresh_process, folder):
    print(f"\n{'peak memory of fit':<36} {'MB':>6} {'limit':>6}")

    def print_fit(name, *arguments, **parameters):
        used, limit = in_fresh_process(fit_within_limit, *arguments, **parameters)
        verdict = "" if used <= limit else "  too much"
        print(f"{name:<36} {used:6.0f} {limit:6.0f}{verdict}", flush=True)

    for name, make in TABLES.items():
        print_fit(name, make, rise_of_peak)
    name, make = list(TABLES.items())[3]
    print_fit(f"{name}, early stopping", make, rise_of_peak, early_stopping=True)
    in_file = partial(numbers_in_file, 100_000, 500, folder)
    print_fit("100,000 x 500 in a file", in_file, rise_of_anonymous_memory)
    for n_rows in (200_000, 1_000_000):
        used = in_fresh_process(rise_of_predict, n_rows)
        print(f"{f'predict {n_rows:,} x 10':<36} {used:6.0f}", flush=True)


def main():
    arguments = parsed(__doc__, repeats=5)
    print_header()
    # A process that is started by a small one has little memory of its own.
    processes = ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), max_tasks_per_child=1
    )
    with TemporaryDirectory() as folder, processes:
        folder = Path(folder)

        def in_fresh_process(function, *arguments, **parameters):
            return processes.submit(function, *arguments, **parameters).result()

        compare_with_sklearn(in_fresh_process, folder, arguments.repeats)
        print_promises(in_fresh_process, folder)


if __name__ == "__main__":
    main()
