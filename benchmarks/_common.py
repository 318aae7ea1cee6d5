"""What the benchmarks share: the work, the data, and how times are compared.

Times of one run are not comparable with those of another: machines change their speed
by the minute. Whatever is compared runs in one process, in turns, and what counts is
the ratio within a turn, of which `ratio` takes the median.
"""

import argparse
import os
import platform
import warnings
from functools import partial
from importlib.metadata import version
from statistics import median
from time import perf_counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_info

from skfcnet import FCNetClassifier
from skfcnet.datasets import fetch_mnist
from skfcnet.presets import LIKE_MLP

# Nothing is meant to converge here.
warnings.simplefilter("ignore", ConvergenceWarning)

SAME_WORK = LIKE_MLP | {"label_smoothing": 0.0, "dtype": "float32"}
"""What makes skfcnet do the same work as scikit-learn, in its default precision."""

ESTIMATORS = {
    "skfcnet": partial(FCNetClassifier, **SAME_WORK),
    "sklearn": MLPClassifier,
}
"""What is compared."""

SHARED = {
    "learning_rate_init": 1e-3,
    "alpha": 1e-4,
    "tol": 0.0,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}
"""Parameters of every workload: both estimators know them, and neither stops early."""

WORKLOADS = {
    name: SHARED
    | {"hidden_layer_sizes": hidden, "batch_size": batch_size, "solver": solver}
    for name, hidden, batch_size, solver in (
        ("20", (20,), 100, "sgd"),
        ("100", (100,), 200, "adam"),
        ("256-128", (256, 128), 128, "adam"),
        ("1024-1024", (1024, 1024), 256, "adam"),
    )
}
"""Networks from small to large, each with what it is trained by."""

VARIANTS = {
    "plain": {},
    "batchnorm": {"normalization": "batch"},
    "batchnorm, dropout": {"normalization": "batch", "dropout": 0.1},
}
"""What a workload can be made of beside affine layers and activations."""


def mnist(dtype=np.float32):
    """Return the 50,000 training rows of MNIST and their labels."""
    data = fetch_mnist()
    return data.X_train.astype(dtype, copy=False), data.y_train


def widths(settings, X, y):
    """Return the widths of the network of a workload for some data."""
    return [X.shape[1], *settings["hidden_layer_sizes"], int(y.max()) + 1]


def interleaved(functions, repeats, clock=perf_counter):
    """Call named functions in turns, and take their times by a clock.

    Returns
    -------
    times : dict of str to list of float
        The seconds of every call.

    results : dict of str to list
        What every call returned.
    """
    times = {name: [] for name in functions}
    results = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = clock()
            result = function()
            times[name].append(clock() - start)
            results[name].append(result)
    return times, results


def ratio(numbers, base):
    """Return the median of the ratios within turns."""
    return median(np.divide(numbers, base))


def parsed(doc, **defaults):
    """Return the arguments of the command line; a flag's kind is its default's."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    for name, default in defaults.items():
        match default:
            case bool():
                kind = {"action": "store_true"}
            case int() | str():
                kind = {"type": type(default), "default": default}
            case ():
                kind = {"nargs": "*", "default": []}
            case _:
                kind = {"nargs": "*", "choices": [*default], "default": [*default]}
        parser.add_argument(f"--{name}", **kind)
    return parser.parse_args()


def print_header(*packages):
    """Print what the figures below depend on."""
    packages = ("skfcnet", "scikit-learn", "numpy", *packages)
    versions = [f"{package} {version(package)}" for package in packages]
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = max(pool["num_threads"] for pool in pools)
    print(
        f"{', '.join(versions)}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, {threads} BLAS threads"
    )
