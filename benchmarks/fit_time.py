"""Time of an epoch of training, against scikit-learn's multilayer perceptron.

Both train the same architecture on the same 50,000 MNIST rows with the same update
rule and minibatch size, in one process, one after the other in turns. What is printed
are medians, also of the ratio within a turn: how many times longer scikit-learn takes.
The final losses are printed beside them: both did the same work.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/fit_time.py

takes about ten minutes on two cores; ``--help`` lists what can be left out. Run it on
an otherwise idle machine.
"""

import argparse
import platform
import warnings
from statistics import median
from time import perf_counter

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from skfcnet import FCNetClassifier
from skfcnet.datasets import fetch_mnist

WORKLOADS = {
    "20": {"hidden_layer_sizes": (20,), "batch_size": 100, "solver": "sgd"},
    "100": {"hidden_layer_sizes": (100,), "batch_size": 200, "solver": "adam"},
    "256-128": {"hidden_layer_sizes": (256, 128), "batch_size": 128, "solver": "adam"},
    "1024-1024": {
        "hidden_layer_sizes": (1024, 1024),
        "batch_size": 256,
        "solver": "adam",
    },
}
SHARED = {
    "learning_rate_init": 1e-3,
    "alpha": 1e-4,
    "tol": 0.0,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}


def epoch_time(estimator, X, y):
    """Return the seconds of an epoch, with the set-up of the fit spread over all."""
    start = perf_counter()
    estimator.fit(X, y)
    return (perf_counter() - start) / estimator.n_iter_


def measure(workload, X, y, *, epochs, repeats):
    """Return the times of both, in turns, and their final losses."""
    settings = WORKLOADS[workload] | SHARED | {"max_iter": epochs}
    times, losses = {}, {}
    for _ in range(repeats):
        for estimator in (FCNetClassifier(**settings), MLPClassifier(**settings)):
            name = type(estimator).__name__
            times.setdefault(name, []).append(epoch_time(estimator, X, y))
            losses[name] = estimator.loss_
    return times, losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # neither is meant to converge here

    data = fetch_mnist()
    print(
        f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}, {arguments.repeats} interleaved fits of "
        f"{arguments.epochs} epochs each"
    )
    print(
        f"{'hidden':>10} {'input':>8} {'skfcnet':>9} {'sklearn':>9} {'ratio':>6}"
        f"   {'loss':>7} {'loss':>7}   (seconds per epoch; times faster)"
    )
    for workload in arguments.workloads:
        for dtype in arguments.dtypes:
            times, losses = measure(
                workload,
                data.X_train.astype(dtype),
                data.y_train,
                epochs=arguments.epochs,
                repeats=arguments.repeats,
            )
            ours, theirs = times.values()
            ratio = median(np.divide(theirs, ours))
            our_loss, their_loss = losses.values()
            print(
                f"{workload:>10} {dtype:>8} {median(ours):9.3f} {median(theirs):9.3f} "
                f"{ratio:6.2f}   {our_loss:7.4f} {their_loss:7.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
