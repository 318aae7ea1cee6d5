"""Layers: a forward and a backward function each, on plain arrays.

Conventions
-----------
1. ``forward(x, *params, [options], *, out=None, workspace=None) -> (out, cache)``:
   ``x`` has one row a sample, ``cache`` is what the backward pass will need.
2. ``backward(dout, cache, *, out=(None, ...), workspace=None)`` returns the
   gradients of the loss **in the order of the forward's arguments**,
   ``(dx, *dparams)``; a layer without parameters returns ``dx`` itself.
3. A backward pass never writes to its cache, and writes to ``dout`` only where
   ``out[0] is dout``.
4. Where a layer says so in its declaration (``inplace``), it may write over its
   input, ``out=x``: what its backward pass needs is not the input.
5. Arrays that do not fit each other are a ValueError that names them with their shapes,
   even where NumPy would broadcast; arrays of integers are computed with in float64. A
   network, whose arrays fit, goes past that door.

``out`` says where results go and ``workspace`` lends scratch arrays; without either,
a function is pure and allocates what it needs. It is the same code either way: what
is read here is what trains.

One call can serve k members of an ensemble, each as if it were alone. All arrays then
have an axis for them in front: rows (k, N, D), or (1, N, D) where they are shared,
weights (k, D, M), and vectors of parameters, which meet rows, (k, 1, D). That is what
``...`` at the beginning of a shape stands for.

`LAYERS` declares every layer once, `NORMALIZATIONS` and `ACTIVATIONS` are those among
them that can be chosen for a network. The network, the estimators, the gradient tests
and the documentation read these tables.
"""

from functools import partial

from skfcnet._engine.parameters import ParamSpec, Zone
from skfcnet.layers._activations import (
    ACTIVATIONS,
    elu_backward,
    elu_forward,
    gelu_backward,
    gelu_forward,
    identity_backward,
    identity_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    mish_backward,
    mish_forward,
    relu_backward,
    relu_forward,
    selu_backward,
    selu_forward,
    sigmoid_backward,
    sigmoid_forward,
    silu_backward,
    silu_forward,
    softplus_backward,
    softplus_forward,
    tanh_backward,
    tanh_forward,
)
from skfcnet.layers._affine import (
    affine_backward,
    affine_forward,
    affine_relu_backward,
    affine_relu_forward,
    sparse_affine_backward,
    sparse_affine_forward,
)
from skfcnet.layers._declaration import Layer
from skfcnet.layers._dropout import (
    dropout_backward,
    dropout_forward,
    sparse_dropout_forward,
)
from skfcnet.layers._embeddings import EMBEDDINGS, pbld_backward, pbld_forward
from skfcnet.layers._normalization import (
    batchnorm_backward,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
)

__all__ = [
    "ACTIVATIONS",
    "EMBEDDINGS",
    "LAYERS",
    "NORMALIZATIONS",
    "Layer",
    "affine_backward",
    "affine_forward",
    "affine_relu_backward",
    "affine_relu_forward",
    "batchnorm_backward",
    "batchnorm_forward",
    "dropout_backward",
    "dropout_forward",
    "elu_backward",
    "elu_forward",
    "gelu_backward",
    "gelu_forward",
    "identity_backward",
    "identity_forward",
    "layernorm_backward",
    "layernorm_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "mish_backward",
    "mish_forward",
    "pbld_backward",
    "pbld_forward",
    "relu_backward",
    "relu_forward",
    "selu_backward",
    "selu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "silu_backward",
    "silu_forward",
    "softplus_backward",
    "softplus_forward",
    "sparse_affine_backward",
    "sparse_affine_forward",
    "sparse_dropout_forward",
    "tanh_backward",
    "tanh_forward",
]


def _affine_specs(fan_in, fan_out):
    return (
        ParamSpec("W", (fan_in, fan_out), Zone.WEIGHT),
        ParamSpec("b", (fan_out,), Zone.BIAS, 0.0),
    )


def _layernorm_specs(fan_in, fan_out):
    return (
        ParamSpec("gamma", (fan_in,), Zone.BIAS, 1.0),
        ParamSpec("beta", (fan_in,), Zone.BIAS, 0.0),
    )


def _batchnorm_specs(fan_in, fan_out):
    return (
        *_layernorm_specs(fan_in, fan_out),
        ParamSpec("running_mean", (fan_in,), Zone.STATE, 0.0),
        ParamSpec("running_var", (fan_in,), Zone.STATE, 1.0),
    )


NORMALIZATIONS = {
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
}

LAYERS = {
    **ACTIVATIONS,
    **NORMALIZATIONS,
    **EMBEDDINGS,
    "affine": Layer(affine_forward, affine_backward, specs=_affine_specs),
    "affine_input": Layer(
        affine_forward,
        partial(affine_backward, need_dx=False),
        specs=_affine_specs,
        on_data=True,
    ),
    "affine_sparse_input": Layer(
        sparse_affine_forward,
        sparse_affine_backward,
        specs=_affine_specs,
        on_data=True,
        allocates=True,
    ),
    "dropout": Layer(dropout_forward, dropout_backward, takes_options=True),
    "dropout_input": Layer(
        dropout_forward, dropout_backward, takes_options=True, on_data=True
    ),
    "dropout_sparse_input": Layer(
        sparse_dropout_forward,
        dropout_backward,
        takes_options=True,
        on_data=True,
        allocates=True,
    ),
}
