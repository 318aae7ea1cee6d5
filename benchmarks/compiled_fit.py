"""How much faster the extra ``fast`` makes fits of the default estimators.

Each table is fitted with NumPy alone and with compiled loops, in turns, in one process.
Printed are median seconds of the processor for a fit, and the median ratio within a
turn: how many times longer NumPy alone takes. What it takes to import Numba and to
compile is not measured.

    SKFCNET_DATA=<folder with the data sets> python benchmarks/compiled_fit.py

takes about ten minutes. ``--epochs`` bounds the epochs of a fit; without it, training
ends when there is no more improvement, which is after as many epochs for both.
"""

from functools import partial
from statistics import median
from time import process_time

from _common import interleaved, parsed, print_header, ratio
from _suite import OURS
from _tables import DATA, drawn

from skfcnet import config_context

WORK = ("adult", "california", "friedman 100")
"""The tables: with categories, of few numbers, and of a hundred columns of numbers."""


def fit(kind, X, y, parameters, kernels):
    """Train an estimator; return its number of epochs."""
    with config_context(kernels=kernels):
        return kind(random_state=0, **parameters).fit(X, y).n_iter_


def main():
    arguments = parsed(__doc__, tables=WORK, rows=8000, epochs=0, repeats=3)
    print_header("numba")
    parameters = {"max_iter": arguments.epochs} if arguments.epochs else {}
    print(f"{'table':>14} {'epochs':>6} {'NumPy':>8} {'compiled':>8} {'ratio':>6}")
    for name in arguments.tables:
        X, y = drawn(name, arguments.rows)
        fit_by = partial(fit, OURS[DATA[name].has_classes], X, y)
        fit_by({"max_iter": 2}, "numba")  # compiles
        fits = {k: partial(fit_by, parameters, k) for k in ("numpy", "numba")}
        times, epochs = interleaved(fits, arguments.repeats, clock=process_time)
        numpy, compiled = times.values()
        print(
            f"{name:>14} {epochs['numpy'][0]:6} {median(numpy):8.2f} "
            f"{median(compiled):8.2f} {ratio(numpy, compiled):6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
