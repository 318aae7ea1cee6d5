"""Whether steps take as long after 10,000 steps as at first, and how long an epoch is.

The rows are many and narrow: 1,000,000 of 10 standard normal features, in two classes.
The default classifier is trained for 10,000 steps. Printed is the time of a step in
each thousand, and its ratio to the first, as medians over the repeats. An epoch ends
after 3,907 and 7,814 steps, so that its validation is part of the time in the fourth
and in the eighth thousand. Then one epoch of a single network without numeric embedding
is compared with that of scikit-learn's multilayer perceptron of equal widths and batch
size, in turns.

Times are those of the processor. Beside them stand the subnormal numbers in the
network's vector and in the memory of the update rule at the end of each thousand: many
processors take much longer for them, but not all, and only those show it in the times.

    OMP_NUM_THREADS=1 python benchmarks/long_epoch.py

takes about five minutes on an idle machine.
"""

from statistics import median
from time import process_time
from unittest.mock import patch

import numpy as np
from _common import parsed, print_header, ratio
from sklearn.neural_network import MLPClassifier

from skfcnet import FCNetClassifier
from skfcnet.solver import Solver

N_STEPS, PORTION = 10_000, 1_000
EPOCH = {
    "hidden_layer_sizes": (128, 128),
    "batch_size": 128,
    "max_iter": 1,
    "random_state": 0,
}


def many_rows():
    X = np.random.default_rng(0).standard_normal((1_000_000, 10), dtype=np.float32)
    return X, (X[:, 0] + X[:, 1] ** 2 > 1).astype(int)


def subnormal_numbers(solver):
    """Return how many there are in what a solver trains and remembers."""
    arrays = [solver.model.params.vector, *solver.optim_config.values()]
    arrays = [array for array in arrays if isinstance(array, np.ndarray)]
    tiny = np.finfo(solver.model.dtype).tiny
    return sum(np.count_nonzero((a != 0) & (np.abs(a) < tiny)) for a in arrays)


class EnoughSteps(Exception):
    """Training has taken as many steps as were to be timed."""


def seconds_of_portions(X, y):
    """Return the seconds and the subnormal numbers of every thousand steps of a fit."""
    seconds, subnormal, start = [], [], None

    def step(solver, *minibatch, step=Solver._step):
        nonlocal start
        if start is None:
            start = process_time()
        loss = step(solver, *minibatch)
        if solver.step % PORTION == 0:
            seconds.append(process_time() - start)
            subnormal.append(subnormal_numbers(solver))
            if solver.step == N_STEPS:
                raise EnoughSteps
            start = process_time()
        return loss

    with patch.object(Solver, "_step", step):
        try:
            FCNetClassifier(random_state=0).fit(X, y)
        except EnoughSteps:
            return seconds, subnormal


def seconds_of_fit(estimator, X, y):
    start = process_time()
    estimator.fit(X, y)
    return process_time() - start


def main():
    arguments = parsed(__doc__, repeats=3)
    print_header()
    X, y = many_rows()
    ours = FCNetClassifier(n_members=1, numeric_embedding=None, **EPOCH)
    theirs = MLPClassifier(**EPOCH)
    portions, epochs = [], []
    for _ in range(arguments.repeats):
        seconds, subnormal = seconds_of_portions(X, y)
        portions.append(seconds)
        epochs.append([seconds_of_fit(estimator, X, y) for estimator in (ours, theirs)])

    print(f"{'steps until':>11} {'a step':>10} {'ratio':>6} {'subnormal':>10}")
    columns = list(zip(*portions, strict=True))
    for i, (seconds, n_subnormal) in enumerate(zip(columns, subnormal, strict=True)):
        print(
            f"{(i + 1) * PORTION:11,d} {median(seconds) / PORTION * 1e3:7.3f} ms "
            f"{ratio(seconds, columns[0]):6.2f} {n_subnormal:10,d}"
        )
    our_seconds, their_seconds = zip(*epochs, strict=True)
    print(
        f"an epoch: skfcnet {median(our_seconds):.1f} s, "
        f"scikit-learn {median(their_seconds):.1f} s, "
        f"ratio {ratio(our_seconds, their_seconds):.2f}"
    )


if __name__ == "__main__":
    main()
