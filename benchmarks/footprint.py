"""Memory of training and predicting, size of a saved model, and time to import.

Against scikit-learn's multilayer perceptron, with hidden layers of 256 and 128 units on
50,000 MNIST rows in float32. Memory is by how much a fit of one epoch, or
``predict_proba`` of all rows, raises the peak of a fresh process that holds the data
already. Printed are medians, also of the ratio within a turn: how many times more
scikit-learn needs.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/footprint.py

takes about two minutes on two cores, on Linux.
"""

import pickle
import resource
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from _common import (
    ESTIMATORS,
    WORKLOADS,
    interleaved,
    mnist,
    parsed,
    print_header,
    ratio,
)

SETTINGS = WORKLOADS["256-128"] | {"max_iter": 1}
TRAINED_ON = 2_000
PARTS = ("X.npy", "y.npy")
MODULES = {"skfcnet": "skfcnet", "sklearn": "sklearn.neural_network"}


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


def rise_of_peak(call, estimator, folder):
    """Return by how many MB a call raises the peak memory of this process."""
    X, y = load_rows(folder)
    X[:256] @ X[:256].T  # BLAS allocates buffers once
    before = peak_memory()
    call(estimator, X, y)
    return peak_memory() - before


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def import_module(module):
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)


def print_line(what, unit, numbers):
    ours, theirs = numbers.values()
    print(
        f"{what:<22} {median(ours):9.3f} {median(theirs):9.3f} {unit:<2} "
        f"{ratio(theirs, ours):7.2f}",
        flush=True,
    )


def main():
    arguments = parsed(__doc__, repeats=5)
    print_header()
    print(f"{'':<22} {'skfcnet':>9} {'sklearn':>9} {'':<2} {'ratio':>7}")
    # A process starts with the peak of the one that started it: this one must stay
    # smaller than its children, and loads no data.
    processes = ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), max_tasks_per_child=1
    )
    with TemporaryDirectory() as folder, processes:
        folder = Path(folder)

        def in_fresh_process(function, *arguments):
            return processes.submit(function, *arguments, folder).result()

        in_fresh_process(save_rows)
        unfitted = {name: kind(**SETTINGS) for name, kind in ESTIMATORS.items()}
        fitted = {
            name: in_fresh_process(fitted_to_few, estimator)
            for name, estimator in unfitted.items()
        }
        for call, estimators in ((fit, unfitted), (predict, fitted)):
            rises = {
                name: partial(in_fresh_process, rise_of_peak, call, estimator)
                for name, estimator in estimators.items()
            }
            _, megabytes = interleaved(rises, arguments.repeats)
            print_line(f"peak memory, {call.__name__}", "MB", megabytes)

    sizes = {name: [len(pickle.dumps(model)) / 2**20] for name, model in fitted.items()}
    print_line("pickle", "MB", sizes)

    imports = {name: partial(import_module, module) for name, module in MODULES.items()}
    seconds, _ = interleaved(imports, arguments.repeats)
    print_line("import", "s", seconds)


if __name__ == "__main__":
    main()
