"""The same training, written out by hand in NumPy for one kind of network.

No layers, no tables, no checks, no row weights: only the calls that the arithmetic
needs, into arrays that are there already, with skfcnet's own means (flat vectors walked
in blocks, rows gathered ahead, threads by the size of a step). This is what NumPy
takes; what skfcnet takes beside it is the price of being a library.
"""

from itertools import pairwise
from math import sqrt

import numpy as np
from _common import widths

from skfcnet._engine.prefetch import is_worth_prefetching, prefetch_rows
from skfcnet._engine.threads import blas_threads_for, has_spare_thread
from skfcnet._engine.vector_update import BLOCK_SIZE
from skfcnet._engine.workspace import Workspace


def nesterov(w, dw, velocity, _, scratch, rate, t):
    """Update a block of weights by momentum in Nesterov's form."""
    velocity *= 0.9
    np.multiply(dw, rate, out=scratch)
    velocity -= scratch
    w -= scratch
    np.multiply(velocity, 0.9, out=scratch)
    w += scratch


def adam(w, dw, m, v, scratch, rate, t):
    """Update a block of weights by Adam; the averages are kept without their scale."""
    root_scale = sqrt((1 - 0.999) / (1 - 0.999**t))
    m *= 0.9
    m += dw
    np.multiply(dw, dw, out=scratch)
    v *= 0.999
    v += scratch
    np.sqrt(v, out=scratch)
    scratch += 1e-8 / root_scale
    np.divide(m, scratch, out=scratch)
    scratch *= rate * (1 - 0.9) / (1 - 0.9**t) / root_scale
    w -= scratch


UPDATES = {"sgd": nesterov, "adam": adam}


def arrays_of(vector, sizes):
    """Return weight matrices and biases as views of one vector, weights in front."""
    shapes = [*pairwise(sizes), *((width,) for width in sizes[1:])]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    arrays = [
        part.reshape(shape)
        for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)
    ]
    return arrays[: len(sizes) - 1], arrays[len(sizes) - 1 :]


def fit(settings, X, y):
    """Train a network of relu layers with a softmax; return the last epoch's loss."""
    batch_size, update = settings["batch_size"], UPDATES[settings["solver"]]
    rate, l2 = settings["learning_rate_init"], settings["alpha"] / batch_size
    sizes = widths(settings, X, y)
    rng = np.random.default_rng(settings["random_state"])

    n_weights = sum(fan_in * fan_out for fan_in, fan_out in pairwise(sizes))
    vectors = np.zeros((4, n_weights + sum(sizes[1:])), X.dtype)
    weights, biases = arrays_of(vectors[0], sizes)
    dweights, dbiases = arrays_of(vectors[1], sizes)
    for w in weights:
        w[...] = sqrt(2 / len(w)) * rng.standard_normal(w.shape)
    starts = range(0, vectors.shape[1], BLOCK_SIZE)
    scratch = np.empty(BLOCK_SIZE, X.dtype)
    blocks = [
        (*part, scratch[: part.shape[1]], slice(max(0, n_weights - start)))
        for start in starts
        for part in [vectors[:, start : start + BLOCK_SIZE]]
    ]

    outputs = [np.empty((batch_size, width), X.dtype) for width in sizes[1:]]
    active = [np.empty((batch_size, width), bool) for width in sizes[1:-1]]
    dinputs = [np.empty((batch_size, width), X.dtype) for width in sizes[1:-1]]
    x_rows = np.empty((batch_size, sizes[0]), X.dtype)
    probabilities = np.empty((sizes[-1], batch_size), X.dtype)
    ones, numbers = np.ones((1, batch_size), X.dtype), np.arange(batch_size)

    def step(x, labels, t):
        n = len(x)
        inputs = [x]
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
            out = np.matmul(inputs[-1], w, out=outputs[layer][:n])
            out += b
            if layer < len(active):
                np.maximum(out, 0, out=out)
            inputs.append(out)

        dout = inputs.pop()
        p = probabilities.reshape(-1)[: n * sizes[-1]].reshape(-1, n)
        np.copyto(p, dout.T)
        p -= np.maximum.reduce(p, axis=0)
        flat, own = p.reshape(-1), labels * n + numbers[:n]
        likelihood = flat.take(own)
        np.exp(p, out=p)
        total = np.add.reduce(p, axis=0)
        likelihood -= np.log(total)
        total *= n
        p /= total
        flat[own] -= 1 / n
        np.positive(p.T, out=dout)
        loss = -float(np.add.reduce(likelihood)) / n

        for layer in reversed(range(len(weights))):
            np.matmul(inputs[layer].T, dout, out=dweights[layer])
            np.matmul(ones[:, :n], dout, out=dbiases[layer][np.newaxis])
            if layer:  # nobody needs the gradient of the data
                dx = np.matmul(dout, weights[layer].T, out=dinputs[layer - 1][:n])
                mask = np.greater(inputs[layer], 0, out=active[layer - 1][:n])
                dout = np.multiply(dx, mask, out=dx)

        for w, dw, first, second, scratch, decayed in blocks:
            loss += 0.5 * l2 * float(w[decayed] @ w[decayed])
            dw[decayed] += np.multiply(w[decayed], l2, out=scratch[decayed])
            update(w, dw, first, second, scratch, rate, t)
        return loss

    def taken_one_by_one(X, batches):
        for rows in batches:
            yield X.take(rows, axis=0, out=x_rows[: len(rows)], mode="clip")

    flops = 6 * batch_size * n_weights
    spare, workspace, t = has_spare_thread(flops), Workspace(), 0
    with blas_threads_for(flops), np.errstate(all="ignore"):
        for _ in range(settings["max_iter"]):
            order, total = rng.permutation(len(X)), 0.0
            batches = np.split(order, range(batch_size, len(X), batch_size))
            if spare and is_worth_prefetching(X, batches):
                gathered = prefetch_rows(X, batches, workspace)
            else:
                gathered = taken_one_by_one(X, batches)
            for rows, x in zip(batches, gathered, strict=True):
                t += 1
                total += step(x, y[rows], t) * len(rows)
    return total / len(X)
