"""Layers: a forward and a backward function each, on plain arrays.

A network is a chain of simple functions, its layers. The *forward pass* goes through
the chain: each layer computes its output from the output of the layer before, and a
loss makes one number of the last. The *backward pass* returns through the chain. Each
layer is told the gradient of the loss with respect to its output, and by the chain rule
computes the gradients with respect to its input, which it hands on to the layer before,
and to its parameters, which training needs.

>>> import numpy as np
>>> from skfcnet.layers import affine_backward, affine_forward
>>> x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0])
>>> out, cache = affine_forward(x, w, b)
>>> out
array([[16.]])
>>> dout = np.array([[10.0]])  # the gradient of some loss with respect to out
>>> dx, dw, db = affine_backward(dout, cache)
>>> dw
array([[10.],
       [20.]])

All layers follow the conventions of this page, which their own docstrings do not
repeat. Training calls these same functions.

Arguments and results
---------------------
* ``forward(x, *params, [options], *, out=None, workspace=None)`` returns
  ``(out, cache)``. ``x`` is the input, with one row for each sample. ``options`` is a
  dict, in layers that need one. ``out`` is the output, and ``cache`` holds what the
  backward pass will need.
* ``backward(dout, cache, *, out=(None, ...), workspace=None)`` returns
  ``(dx, *dparams)``, or ``dx`` alone where there are no parameters. ``dout`` is the
  gradient of the loss with respect to the output. What is returned are the gradients
  with respect to the arguments of the forward pass, in their order.

A gradient has the shape of what it is the gradient of: ``dout`` that of the output,
``dx`` that of ``x``, and ``dw`` that of ``w``.

Shapes and dtypes
-----------------
N is the number of rows, D the number of columns of ``x``, and M the number of columns
of the output where it is another one. Arrays whose shapes do not fit each other are a
ValueError that names them, even where NumPy would broadcast. A network, whose arrays
fit, goes around these checks.

One call can serve the k members of an ensemble, each as if it were alone. All arrays
then have a first axis for the members: rows have the shape (k, N, D), or (1, N, D) if
the members share them, weights (k, D, M), and vectors of parameters (k, 1, D). The
``...`` at the beginning of a shape stands for this axis.

Results have the dtype of the arrays that are given. Integers are computed with in
float64. What is too small to be represented is zero, whatever ``np.errstate`` says.

Memory
------
Without ``out`` and ``workspace``, a function allocates what it needs, and changes no
argument but the running statistics and the generator in ``options``. Training calls the
same functions with both, so that a step allocates nothing.

* ``out`` says where results are written to, as in NumPy. A forward pass takes one array
  of the shape of its output. A backward pass takes a tuple with an array, or None, for
  each gradient.
* ``workspace`` lends scratch arrays. A cache may live in them, and is then valid until
  the next forward pass with the same workspace.
* A backward pass never writes to its cache, and writes to ``dout`` only where
  ``out[0] is dout``.
* Layers that are declared as ``inplace`` may write over their input, ``out=x``: their
  backward pass does not need it.

Tables
------
`LAYERS` declares every layer once, as a `Layer`. `ACTIVATIONS` are those among them
that a network chooses by their names. `BLOCKS` are those that encode some columns of
the rows before the first affine map. `NORMALIZATIONS` says which layer each value of
the parameter ``normalization`` stands for. The network, the estimators, the tests of
gradients and the documentation read these tables.
"""

from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet.layers import _activations
from skfcnet.layers._activations import *
from skfcnet.layers._affine import (
    SCALE_RATE,
    affine_backward,
    affine_forward,
    affine_relu_backward,
    affine_relu_forward,
    scaled_affine_backward,
    scaled_affine_forward,
    sparse_affine_backward,
    sparse_affine_forward,
    sparse_scaled_affine_backward,
    sparse_scaled_affine_forward,
)
from skfcnet.layers._categories import (
    CATEGORIES,
    lookup_backward,
    lookup_forward,
    onehot_backward,
    onehot_forward,
)
from skfcnet.layers._declaration import Block, Layer
from skfcnet.layers._dropout import (
    dropout_backward,
    dropout_forward,
    sparse_dropout_forward,
)
from skfcnet.layers._normalization import (
    batchnorm_backward,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
)
from skfcnet.layers._numbers import (
    NUMBERS,
    linear_backward,
    linear_forward,
    missing_backward,
    missing_forward,
    ple_backward,
    ple_forward,
    unclipped_backward,
    unclipped_forward,
)
from skfcnet.layers._pbld import PBLD, pbld_backward, pbld_forward

__all__ = [
    "BLOCKS",
    "LAYERS",
    "NORMALIZATIONS",
    "Block",
    "Layer",
    "affine_backward",
    "affine_forward",
    "affine_relu_backward",
    "affine_relu_forward",
    "batchnorm_backward",
    "batchnorm_forward",
    "dropout_backward",
    "dropout_forward",
    "layernorm_backward",
    "layernorm_forward",
    "linear_backward",
    "linear_forward",
    "lookup_backward",
    "lookup_forward",
    "missing_backward",
    "missing_forward",
    "onehot_backward",
    "onehot_forward",
    "pbld_backward",
    "pbld_forward",
    "ple_backward",
    "ple_forward",
    "scaled_affine_backward",
    "scaled_affine_forward",
    "sparse_affine_backward",
    "sparse_affine_forward",
    "sparse_dropout_forward",
    "sparse_scaled_affine_backward",
    "sparse_scaled_affine_forward",
    "unclipped_backward",
    "unclipped_forward",
]
__all__ += _activations.__all__


def _affine_specs(fan_in: int, fan_out: int) -> tuple[ParamSpec, ...]:
    return (
        ParamSpec("W", (fan_in, fan_out), Zone.WEIGHT),
        ParamSpec("b", (fan_out,), Zone.BIAS, 0.0),
    )


def _scaled_affine_specs(fan_in: int, fan_out: int) -> tuple[ParamSpec, ...]:
    scales = ParamSpec("s", (fan_in,), Zone.BIAS, 1 / SCALE_RATE)
    return (*_affine_specs(fan_in, fan_out), scales)


def _layernorm_specs(fan_in: int, fan_out: int) -> tuple[ParamSpec, ...]:
    return (
        ParamSpec("gamma", (fan_in,), Zone.BIAS, 1.0),
        ParamSpec("beta", (fan_in,), Zone.BIAS, 0.0),
    )


def _batchnorm_specs(fan_in: int, fan_out: int) -> tuple[ParamSpec, ...]:
    return (
        *_layernorm_specs(fan_in, fan_out),
        ParamSpec("running_mean", (fan_in,), Zone.STATE, 0.0),
        ParamSpec("running_var", (fan_in,), Zone.STATE, 1.0),
    )


BLOCKS = {**NUMBERS, "pbld": PBLD, **CATEGORIES}

NORMALIZATIONS = {"batch": "batchnorm", "layer": "layernorm"}

LAYERS = {
    **ACTIVATIONS,
    "batchnorm": Layer(
        batchnorm_forward,
        batchnorm_backward,
        specs=_batchnorm_specs,
        takes_options=True,
        inplace=True,
    ),
    "layernorm": Layer(
        layernorm_forward,
        layernorm_backward,
        specs=_layernorm_specs,
        takes_options=True,
        inplace=True,
    ),
    **BLOCKS,
    "affine": Layer(
        affine_forward,
        affine_backward,
        specs=_affine_specs,
        sparse=Layer(sparse_affine_forward, sparse_affine_backward, _affine_specs),
    ),
    "scaled_affine": Layer(
        scaled_affine_forward,
        scaled_affine_backward,
        specs=_scaled_affine_specs,
        sparse=Layer(
            sparse_scaled_affine_forward,
            sparse_scaled_affine_backward,
            _scaled_affine_specs,
        ),
    ),
    "dropout": Layer(
        dropout_forward,
        dropout_backward,
        takes_options=True,
        sparse=Layer(sparse_dropout_forward, dropout_backward, takes_options=True),
    ),
}
