"""Time of ``predict_proba``, against scikit-learn's multilayer perceptron.

Both are trained for an epoch on the same 2,000 MNIST rows, of the dtype of the rows
that they predict: one row, as a service does, and 50,000. They predict in one process,
in turns. Printed are medians: milliseconds per call, and the ratio within a turn, how
many times longer scikit-learn takes.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/predict_time.py

takes about two minutes on two cores.
"""

from functools import partial
from statistics import median

from _common import (
    ESTIMATORS,
    WORKLOADS,
    interleaved,
    mnist,
    parsed,
    print_header,
    ratio,
)

CALLS = {1: 500, 50_000: 1}
"""For every number of rows, how many calls a turn has: enough to be timed."""

TRAINED_ON = 2_000


def predict(estimator, X, calls):
    for _ in range(calls):
        estimator.predict_proba(X)


def main():
    arguments = parsed(__doc__, workloads=WORKLOADS, repeats=7)
    print_header()
    print(
        f"{'hidden':>10} {'input':>8} {'rows':>6} {'skfcnet':>9} {'sklearn':>9} "
        f"{'ratio':>6}   (milliseconds per call)"
    )
    for dtype in ("float32", "float64"):
        X, y = mnist(dtype)
        for workload in arguments.workloads:
            settings = WORKLOADS[workload] | {"max_iter": 1}
            fitted = {
                name: kind(**settings).fit(X[:TRAINED_ON], y[:TRAINED_ON])
                for name, kind in ESTIMATORS.items()
            }
            for n_rows, calls in CALLS.items():
                predictions = {
                    name: partial(predict, estimator, X[:n_rows], calls)
                    for name, estimator in fitted.items()
                }
                times, _ = interleaved(predictions, arguments.repeats)
                ours, theirs = times.values()
                print(
                    f"{workload:>10} {dtype:>8} {n_rows:6} "
                    f"{median(ours) / calls * 1e3:9.3f} "
                    f"{median(theirs) / calls * 1e3:9.3f} {ratio(theirs, ours):6.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
