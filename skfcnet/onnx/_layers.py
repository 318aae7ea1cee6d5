"""Layers as nodes of ONNX.

`EXPORTS` has a function for every layer of `skfcnet.layers.LAYERS` that does something
in predictions. It is called with the graph, the input of the layer, its arrays in the
order of ``forward``, and with its running statistics and settings as keywords. With
several members, arrays have an axis for them, by which nodes broadcast like NumPy.

onnxruntime has no kernels in double precision for some activations. These are made of
simpler nodes, as their functions are.
"""

from math import pi, sqrt
from types import MappingProxyType

import numpy as np

from skfcnet.layers._activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from skfcnet.layers._affine import row_scales
from skfcnet.layers._numbers import LARGEST_UNCLIPPED

EPSILON = 1e-5
"""What normalisations add to a variance."""

# Activations


def _identity(g, x):
    return x


def _tanh(g, x):
    return g("Tanh", x)


def _logistic(g, x):
    return g("Sigmoid", x)


def _relu(g, x):
    return g("Relu", x)


def _leaky_relu(g, x):
    return g("Max", x, g("Mul", x, LEAKY_SLOPE))


def softplus(g, x):
    """Return ``max(0, x) + log(1 + exp(-abs(x)))``."""
    tail = g("Exp", g("Neg", g("Abs", x)))
    return g("Add", g("Relu", x), g("Log", g("Add", tail, 1.0)))


def _elu(g, x):
    return g("Add", g("Relu", x), _exp_minus_one(g, g("Min", x, 0.0)))


def _exp_minus_one(g, x):
    return g("Sub", g("Exp", x), 1.0)


def _selu(g, x):
    negative = _exp_minus_one(g, g("Min", x, 0.0))
    negative = g("Mul", negative, SELU_SCALE * SELU_ALPHA)
    return g("Add", g("Mul", g("Relu", x), SELU_SCALE), negative)


def _gelu(g, x):
    # The error function has no kernel in double precision.
    erf = g("Erf", g.cast(g("Mul", x, 1 / sqrt(2)), np.float32))
    cdf = g("Mul", g("Add", g.cast(erf), 1.0), 0.5)
    return g("Mul", x, cdf)


def _silu(g, x):
    return g("Mul", x, g("Sigmoid", x))


def _mish(g, x):
    t = g("Exp", g("Min", x, 20.0))
    n = g("Mul", t, g("Add", t, 2.0))
    return g("Mul", x, g("Div", n, g("Add", n, 2.0)))


# Affine maps and normalisations


def _affine(g, x, W, b):
    return g("Add", g("MatMul", x, W), b)


def _scaled_affine(g, x, W, b, s):
    return _affine(g, x, W * row_scales(W, s), b)


def _batchnorm(g, x, gamma, beta, *, running_mean, running_var):
    scale = gamma * (1 / np.sqrt(running_var + EPSILON))
    return g("Add", g("Mul", g("Sub", x, running_mean), scale), beta)


def _layernorm(g, x, gamma, beta):
    last = np.array([-1])
    centred = g("Sub", x, g("ReduceMean", x, last))
    variance = g("ReduceMean", g("Mul", centred, centred), last)
    x_hat = g("Div", centred, g("Sqrt", g("Add", variance, EPSILON)))
    return g("Add", g("Mul", x_hat, gamma), beta)


# Blocks of numbers


def _linear(g, x, *, factor):
    return x if factor == 1 else g("Mul", x, float(factor))


def _ple(g, x, *, column, left, slope):
    heights = g("Gather", x, np.asarray(column, np.int64), axis=1)
    heights = g("Mul", g("Sub", heights, np.asarray(left)), np.asarray(slope))
    return g("Clip", heights, 0.0, 1.0)


def _missing(g, x, *, column):
    given = g("Gather", x, np.asarray(column, np.int64), axis=1)
    return g.cast(g("IsNaN", given))


def _unclipped(g, x, *, limit, low, high):
    squared = g("Mul", x, 1 / limit)
    squared = g("Sub", 1.0, g("Mul", squared, squared))
    norm = g("Sqrt", g("Max", squared, 1 / (1 + (LARGEST_UNCLIPPED / limit) ** 2)))
    return g("Min", g("Max", g("Div", x, norm), low), high)


def _pbld(g, x, w, b, V, c):
    *members, n_embedded, n_new = c.shape
    # In all of these, the rows are the last axis.
    numbers = g("Unsqueeze", g("Transpose", x, perm=[1, 0]), np.array([1]))
    frequencies, phases = (a[..., np.newaxis] * g.dtype.type(2 * pi) for a in (w, b))
    angles = g("Add", g("Mul", numbers, frequencies), phases)
    embedded = g("Add", g("MatMul", V, g("Cos", angles)), c[..., np.newaxis])
    shape = np.array([*members, n_embedded * n_new, -1])
    axes = range(len(shape))
    perm = [*axes[:-2], axes[-1], axes[-2]]
    return g("Transpose", g("Reshape", embedded, shape), perm=perm)


# Blocks of categories


def _onehot(g, x, *, column, plus, minus):
    codes = g("Gather", x, np.asarray(column, np.int64), axis=1)
    out = g.cast(g("Equal", codes, plus))
    if np.isnan(minus).all():
        return out
    return g("Sub", out, g.cast(g("Equal", codes, minus)))


def _lookup(g, x, E, o, *, first_row, factor, size):
    n_rows = E.shape[-2]
    column_of_row = np.searchsorted(first_row, np.arange(n_rows), side="right") - 1
    vectors = E * np.asarray(factor, E.dtype)[:, np.newaxis] + o[..., column_of_row, :]
    rows = g("Add", g.cast(x, np.int64), np.asarray(first_row, np.int64))
    found = g("Gather", vectors, rows, axis=vectors.ndim - 2)
    shape = np.array([*E.shape[:-2], -1, len(first_row) * size])
    return g("Reshape", found, shape)


EXPORTS = MappingProxyType(
    {
        "identity": _identity,
        "logistic": _logistic,
        "tanh": _tanh,
        "relu": _relu,
        "leaky_relu": _leaky_relu,
        "softplus": softplus,
        "elu": _elu,
        "selu": _selu,
        "gelu": _gelu,
        "silu": _silu,
        "mish": _mish,
        "batchnorm": _batchnorm,
        "layernorm": _layernorm,
        "linear": _linear,
        "ple": _ple,
        "missing": _missing,
        "unclipped": _unclipped,
        "pbld": _pbld,
        "onehot": _onehot,
        "lookup": _lookup,
        "affine": _affine,
        "scaled_affine": _scaled_affine,
    }
)
"""The function that adds the nodes of each kind of layer."""

WITHOUT_EFFECT = MappingProxyType({"dropout": "in predictions, no unit is dropped"})
"""The kinds of layers that have no nodes, and why."""
