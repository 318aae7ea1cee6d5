"""Time of an epoch of training, against scikit-learn, PyTorch, skorch and JAX.

All train the same architecture on the same 50,000 MNIST rows with the same update rule
and minibatch size, in one process, one after the other in turns. Printed are medians:
seconds per epoch, with the set-up of a fit spread over its epochs, and the ratio within
a turn, how many times longer than skfcnet on the same rows. The final losses beside
them show that the work was the same. "products" is the part that nobody can avoid: the
matrix products of an epoch and nothing else; its ratio is the share of skfcnet's time.
"by hand" is the same training written out in NumPy for this one kind of network: what
skfcnet takes beside it is the price of layers, checks and options. "compiled" is
skfcnet with the extra ``fast``, whose loops all others train without. "jax" trains an
epoch as one compiled program, and "torch.compile" makes PyTorch's network faster where
a C++ compiler is installed. What it takes to compile is not measured.

    SKFCNET_DATA=<folder of MNIST/raw> python benchmarks/fit_time.py

takes about half an hour on two cores. PyTorch, skorch and JAX take part where they are
installed, as requirements-peers.txt says. With ``--variants``, networks with batch
normalisation and dropout are compared with the plain one instead. Run it on an
otherwise idle machine.
"""

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from math import nan
from shutil import which
from statistics import median

import _by_hand
import numpy as np
from _common import (
    ESTIMATORS,
    VARIANTS,
    WORKLOADS,
    interleaved,
    mnist,
    parsed,
    print_header,
    ratio,
    widths,
)

from skfcnet import config_context


def fit(kind, settings, X, y, *, kernels="numpy", **variant):
    """Train an estimator; return the loss of the last epoch."""
    with config_context(kernels=kernels):
        return kind(**settings, **variant).fit(X, y).loss_


def multiply(settings, X, y):
    """Do the matrix products of training, into arrays that are there already."""
    batch_size = settings["batch_size"]
    sizes = widths(settings, X, y)
    weights = [np.full(shape, 1e-2, X.dtype) for shape in pairwise(sizes)]
    dweights = [np.empty_like(w) for w in weights]
    outputs = [np.empty((batch_size, width), X.dtype) for width in sizes[1:]]
    dinputs = [np.empty((batch_size, width), X.dtype) for width in sizes[:-1]]
    for _ in range(settings["max_iter"]):
        for start in range(0, len(X), batch_size):
            inputs = [X[start : start + batch_size]]
            rows = slice(len(inputs[0]))
            for w, out in zip(weights, outputs, strict=True):
                inputs.append(np.matmul(inputs[-1], w, out=out[rows]))
            dout = inputs.pop()
            for layer in reversed(range(len(weights))):
                np.matmul(inputs[layer].T, dout, out=dweights[layer])
                if layer:  # nobody needs the gradient of the data
                    dx = dinputs[layer][rows]
                    dout = np.matmul(dout, weights[layer].T, out=dx)
    return nan


FITS = {name: partial(fit, kind) for name, kind in ESTIMATORS.items()}
FITS["products"] = multiply
FITS["by hand"] = _by_hand.fit

if find_spec("numba"):
    FITS["compiled"] = partial(FITS["skfcnet"], kernels="numba")

OPTIONAL = {"pytorch": "torch", "skorch": "skorch", "jax": "jax"}
"""Peers that may be missing, and their packages; their fits are in modules here."""

PRESENT = {peer: package for peer, package in OPTIONAL.items() if find_spec(package)}
FITS |= {peer: import_module(f"_{peer}").fit for peer in PRESENT}

if "pytorch" in PRESENT and which("c++"):
    FITS["torch.compile"] = import_module("_pytorch").fit_compiled

DTYPES = {"float32": FITS, "float64": {*ESTIMATORS, "compiled"}}
"""Who trains on rows of which dtype; float64 is what scikit-learn takes by default."""

HAVE_VARIANTS = {"skfcnet", "compiled", "pytorch"}


def contestants(names, variants):
    """Return what is compared: for every dtype of rows, fit functions by name."""
    if variants:
        able = [name for name in names if name in HAVE_VARIANTS]
        of_each = {
            f"{name} {variant}": partial(FITS[name], **options)
            for name in able
            for variant, options in VARIANTS.items()
        }
        return {"float32": of_each}
    return {
        dtype: {name: FITS[name] for name in names if name in able}
        for dtype, able in DTYPES.items()
    }


def measure(functions, settings, X, y, repeats):
    """Return the seconds of every fit, in turns, and the losses."""
    for function in functions.values():  # some compile when they first train
        function(settings | {"max_iter": 1}, X, y)
    fits = {name: partial(f, settings, X, y) for name, f in functions.items()}
    return interleaved(fits, repeats)


def main():
    peers = [name for name in FITS if name != "skfcnet"]
    arguments = parsed(
        __doc__, workloads=WORKLOADS, peers=peers, variants=False, epochs=10, repeats=3
    )
    compared = contestants(["skfcnet", *arguments.peers], arguments.variants)
    print_header(*["numba"] * ("compiled" in FITS), *PRESENT.values())
    print(
        f"{'hidden':>10} {'input':>8} {'':<26} {'s/epoch':>9} {'ratio':>6} {'loss':>7}"
    )
    for workload in arguments.workloads:
        settings = WORKLOADS[workload] | {"max_iter": arguments.epochs}
        for dtype, functions in compared.items():
            X, y = mnist(dtype)
            times, losses = measure(functions, settings, X, y, arguments.repeats)
            ours, *_ = times.values()
            for name, seconds in times.items():
                print(
                    f"{workload:>10} {dtype:>8} {name:<26} "
                    f"{median(seconds) / arguments.epochs:9.3f} "
                    f"{ratio(seconds, ours):6.2f} {losses[name][-1]:7.4f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
