"""Where the time of a training step goes.

Timers are put around the functions in the tables of layers and losses, and around what
the solver does for every minibatch; they are gone after each fit. Every workload of
fit_time.py is trained on 50,000 MNIST rows, plain and with batch normalisation and
dropout, in turns. Printed are medians over the turns: microseconds per step, and the
share of the whole step. "products" are the affine layers, biases included; "Python" is
what no timer covers. Timers cost time, too: the last line is the step without them.
Compiled loops are not used, since the timers do not know them.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/step_profile.py

takes about six minutes on two cores.
"""

from collections import Counter
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from math import ceil
from statistics import median
from time import perf_counter
from unittest.mock import patch

from _common import (
    ESTIMATORS,
    VARIANTS,
    WORKLOADS,
    interleaved,
    mnist,
    parsed,
    print_header,
)

from skfcnet import config_context
from skfcnet._engine import minibatches
from skfcnet._engine.arguments import unchecked
from skfcnet._engine.batches import Batches
from skfcnet._engine.vector_update import VectorUpdate
from skfcnet.layers import ACTIVATIONS, LAYERS, NORMALIZATIONS
from skfcnet.losses import LOSSES
from skfcnet.solver import Solver

KINDS = {
    "products": ["affine"],
    "activations": ACTIVATIONS,
    "normalisation": [*NORMALIZATIONS.values()],
    "dropout": ["dropout"],
}
"""Parts of a step that are layers: their keys in the table of layers."""


def all_batches(batches, rng, epoch=Batches.epoch):
    """Return what a generator would only begin to work out."""
    return list(epoch(batches, rng))


METHODS = {
    "update": (VectorUpdate, "__call__", VectorUpdate.__call__),
    "shuffling": (Batches, "epoch", all_batches),
    "gathering rows": (minibatches, "gather", minibatches.gather),
    "waiting for rows": (Future, "result", Future.result),
}
"""Parts that are methods: the class, the name, and the function to time as such. Rows
that another thread gathers ahead only cost what is waited for them."""

REST, WHOLE, UNTIMED = "Python", "whole step", "without timers"
LINES = [*KINDS, "loss", *METHODS, REST, WHOLE]


def timed(function, part, seconds):
    """Return the function, made to add the time of its calls to that of a part."""

    def with_timer(*args, **kwargs):
        start = perf_counter()
        result = function(*args, **kwargs)
        seconds[part] += perf_counter() - start
        return result

    return with_timer


def patches_of_parts(seconds):
    """Yield what puts a timer around every part of a step."""
    for part, kinds in KINDS.items():
        for kind in kinds:
            layer = LAYERS[kind]
            with_timers = layer._replace(
                forward=timed(unchecked(layer.forward), part, seconds),
                backward=timed(unchecked(layer.backward), part, seconds),
            )
            yield patch.dict(LAYERS, {kind: with_timers})
    for name, loss in LOSSES.items():
        with_timer = loss._replace(
            function=timed(unchecked(loss.function), "loss", seconds)
        )
        yield patch.dict(LOSSES, {name: with_timer})
    for part, (owner, name, function) in METHODS.items():
        yield patch.object(owner, name, timed(function, part, seconds))


def seconds_of_epochs(estimator, X, y):
    """Return the seconds that a fit spends in its epochs, without the set-up."""
    seconds = Counter()
    whole = timed(Solver.train_epoch, WHOLE, seconds)
    with patch.object(Solver, "train_epoch", whole):
        estimator.fit(X, y)
    return seconds[WHOLE]


def seconds_of_parts(estimator, X, y):
    """Return the seconds that a fit spends in every part of its steps, and in all."""
    seconds = Counter()
    with ExitStack() as stack:
        for timers in patches_of_parts(seconds):
            stack.enter_context(timers)
        whole = seconds_of_epochs(estimator, X, y)
    return seconds + Counter({REST: whole - seconds.total(), WHOLE: whole})


def main():
    arguments = parsed(__doc__, workloads=WORKLOADS, epochs=2, repeats=5)
    print_header()
    X, y = mnist()
    for workload in arguments.workloads:
        settings = WORKLOADS[workload] | {"max_iter": arguments.epochs}
        fits = {}
        for variant, options in VARIANTS.items():
            estimator = ESTIMATORS["skfcnet"](**settings, **options)
            fits[variant, True] = partial(seconds_of_parts, estimator, X, y)
            fits[variant, False] = partial(seconds_of_epochs, estimator, X, y)
        with config_context(kernels="numpy"):
            _, seconds = interleaved(fits, arguments.repeats)

        columns = [
            {
                line: median(parts[line] for parts in seconds[variant, True])
                for line in LINES
            }
            | {UNTIMED: median(seconds[variant, False])}
            for variant in VARIANTS
        ]
        print(f"\n{workload:<14}" + "".join(f"{name:>21}" for name in VARIANTS))
        to_microseconds = 1e6 / (
            arguments.epochs * ceil(len(X) / settings["batch_size"])
        )
        for line in (*LINES, UNTIMED):
            cells = [
                f"{column[line] * to_microseconds:11.1f} µs"
                f"{column[line] / column[WHOLE]:7.1%}"
                for column in columns
            ]
            print(f"{line:<14}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
