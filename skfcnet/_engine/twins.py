"""Twins of layer functions, losses and update rules, which call compiled loops.

A twin takes the arguments of its function without checks, and returns the same up to
rounding, with the same cache. Random bits are drawn as by the function. `fastest` looks
a twin up. Arrays have the axes that they have in networks: rows are (N, D), or for
members (k, N, D).
"""

from types import MappingProxyType

import numpy as np

from skfcnet import layers, losses, update_rules
from skfcnet._engine import kernels
from skfcnet._engine.adam import bias_corrected
from skfcnet._engine.arguments import unchecked
from skfcnet._engine.members import by_member
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from skfcnet.layers._dropout import drawing_blocks, least_kept, random_bits
from skfcnet.layers._normalization import update_running_statistics
from skfcnet.layers._numbers import least_square, zero_gradient


def fastest(function):
    """Return the twin of a function, or the function without its checks."""
    return TWINS.get(function) or unchecked(function)


# Update rules: step(w, dw, arrays, config, ends, l2, decay) returns the sums of the
# squares of the blocks of w before it. `arrays` are those of the slots of the rule, and
# `ends`, `l2` and `decay` have a number for each block.


def _step(loop, numbers):
    """Return the step of a rule: a loop, and the numbers that it takes of a config."""

    def step(w, dw, arrays, config, ends, l2, decay):
        squares = np.empty_like(l2)
        in_dtype = map(w.dtype.type, numbers(config, decay))
        loop(w, dw, *arrays, ends, l2, squares, *in_dtype)
        return squares

    return step


def _sgd_numbers(config, decay):
    return (config["learning_rate"],)


def _momentum_numbers(config, decay):
    return config["learning_rate"], config["momentum"]


def _rmsprop_numbers(config, decay):
    decay_rate = config["decay_rate"]
    return config["learning_rate"], decay_rate, 1 - decay_rate, config["epsilon"]


def _adam_numbers(config, decay):
    config["t"] += 1
    epsilon, rate = bias_corrected(config)
    shrinkage = 1 - config["learning_rate"] * decay
    return config["beta1"], config["beta2"], epsilon, rate, shrinkage


STEPS = MappingProxyType(
    {
        rule: _step(loop, numbers)
        for rule, loop, numbers in (
            (update_rules.sgd, kernels.sgd, _sgd_numbers),
            (update_rules.sgd_momentum, kernels.sgd_momentum, _momentum_numbers),
            (update_rules.sgd_nesterov, kernels.sgd_nesterov, _momentum_numbers),
            (update_rules.rmsprop, kernels.rmsprop, _rmsprop_numbers),
            (update_rules.adam, kernels.adam, _adam_numbers),
            (update_rules.adamw, kernels.adam, _adam_numbers),
        )
    }
)
"""The compiled step of every update rule that takes numbers one by one."""


# Activations


def _activation_forward(loop, *numbers):
    def forward(x, *, out=None, workspace=None):
        out = _to_change(x, out)
        flat = _flat(out)
        loop(flat, *map(x.dtype.type, numbers))
        return _written(out, flat), out

    return forward


def _activation_backward(loop, *numbers):
    def backward(dout, cache, *, out=(None,), workspace=None):
        outputs = cache if isinstance(cache, tuple) else (cache,)
        out = _to_change(dout, out[0])
        flat = _flat(out)
        arrays = [output.reshape(-1) for output in outputs]
        loop(flat, *arrays, *map(dout.dtype.type, numbers))
        return _written(out, flat)

    return backward


def _dropout_forward(x, dropout_param, *, out=None, workspace=None):
    p = float(dropout_param["p"])
    draws = dropout_param["mode"] == "train" and p > 0
    if not draws or dropout_param.get("mask") is not None:
        forward = unchecked(layers.dropout_forward)
        return forward(x, dropout_param, out=out, workspace=workspace)
    out = np.empty_like(x) if out is None else out
    factor = (workspace or Workspace())("factor", out.shape, x.dtype)
    if x.shape != out.shape:  # members share the rows
        x = np.broadcast_to(x, out.shape)
    flat_x, flat = x.reshape(-1), _flat(out)
    flat_factor, threshold = factor.reshape(-1), np.int32(least_kept(p))
    scale = x.dtype.type(1 / (1 - p))
    for generator, block in drawing_blocks(dropout_param.get("rng"), flat.size):
        bits = random_bits(generator, block)
        kernels.dropout_forward(
            flat_x[block], bits, threshold, scale, flat[block], flat_factor[block]
        )
        del bits  # before the next ones need memory
    return _written(out, flat), factor


# Normalisations


def _batchnorm_forward(x, gamma, beta, bn_param, *, out=None, workspace=None):
    if bn_param["mode"] == "test":
        forward = unchecked(layers.batchnorm_forward)
        return forward(x, gamma, beta, bn_param, out=out, workspace=workspace)
    out = np.empty_like(x) if out is None else out
    centred = (workspace or Workspace())("centred", x.shape, x.dtype)
    mean, var, inv_std = (np.empty_like(gamma) for _ in range(3))
    kernels.batchnorm_forward(
        by_member(x),
        *map(_vectors, (gamma, beta)),
        x.dtype.type(bn_param.get("eps", 1e-5)),
        by_member(centred),
        *map(_vectors, (mean, var, inv_std)),
        by_member(out),
    )
    update_running_statistics(bn_param, mean, var)
    return out, (centred, gamma, inv_std, True)


def _batchnorm_backward(dout, cache, *, out=(None, None, None), workspace=None):
    centred, gamma, inv_std, in_training = cache
    if not in_training:
        backward = unchecked(layers.batchnorm_backward)
        return backward(dout, cache, out=out, workspace=workspace)
    dx, dgamma, dbeta = _allocated(out, (dout, gamma, gamma))
    kernels.batchnorm_backward(
        *map(by_member, (dout, centred)),
        *map(_vectors, (gamma, inv_std)),
        by_member(dx),
        *map(_vectors, (dgamma, dbeta)),
    )
    return dx, dgamma, dbeta


def _layernorm_forward(x, gamma, beta, ln_param, *, out=None, workspace=None):
    out = np.empty_like(x) if out is None else out
    workspace = workspace or Workspace()
    x_hat = workspace("centred", x.shape, x.dtype)
    inv_std = workspace("inv_std", (*x.shape[:-1], 1), x.dtype)
    kernels.layernorm_forward(
        by_member(x),
        *map(_vectors, (gamma, beta)),
        x.dtype.type(ln_param.get("eps", 1e-5)),
        by_member(x_hat),
        by_member(inv_std)[..., 0],
        by_member(out),
    )
    return out, (x_hat, gamma, inv_std)


def _layernorm_backward(dout, cache, *, out=(None, None, None), workspace=None):
    x_hat, gamma, inv_std = cache
    dx, dgamma, dbeta = _allocated(out, (dout, gamma, gamma))
    kernels.layernorm_backward(
        *map(by_member, (dout, x_hat)),
        _vectors(gamma),
        by_member(inv_std)[..., 0],
        by_member(dx),
        *map(_vectors, (dgamma, dbeta)),
    )
    return dx, dgamma, dbeta


# Blocks


def _ple_forward(x, ple_param, *, out=None, workspace=None):
    column = np.asarray(ple_param["column"])
    left, slope = (np.asarray(ple_param[k], x.dtype) for k in ("left", "slope"))
    shape = *x.shape[:-1], len(column)
    out = np.empty(shape, x.dtype) if out is None else out
    kernels.ple_forward(by_member(x), column, left, slope, by_member(out))
    return out, (shape, x, column, left, slope)


def _linear_forward(x, linear_param, *, out=None, workspace=None):
    out = np.empty_like(x) if out is None else out
    factor = x.dtype.type(linear_param["factor"])
    kernels.linear_forward(by_member(x), factor, by_member(out))
    return out, (x.shape, factor)


def _unclipped_forward(x, unclipped_param, *, out=None, workspace=None):
    out = np.empty_like(x) if out is None else out
    limit = float(unclipped_param["limit"])
    low, high = (np.asarray(unclipped_param[k], x.dtype) for k in ("low", "high"))
    numbers = map(x.dtype.type, (1 / limit, least_square(limit)))
    kernels.unclipped_forward(by_member(x), *numbers, low, high, by_member(out))
    return out, (x.shape, x, limit, low, high)


def _onehot_forward(x, onehot_param, *, out=None, workspace=None):
    column = np.asarray(onehot_param["column"])
    plus, minus = (np.asarray(onehot_param[k], x.dtype) for k in ("plus", "minus"))
    shape = *x.shape[:-1], len(column)
    out = np.empty(shape, x.dtype) if out is None else out
    kernels.onehot_forward(by_member(x), column, plus, minus, by_member(out))
    return out, (shape, x.shape)


def _lookup_forward(x, E, o, lookup_param, *, out=None, workspace=None):
    factors = np.asarray(lookup_param["factor"], x.dtype)
    rows = x.astype(np.intp) + np.asarray(lookup_param["first_row"])
    if out is None:
        width = x.shape[-1] * E.shape[-1]
        out = np.empty((*E.shape[:-2], x.shape[-2], width), x.dtype)
    kernels.lookup_forward(by_member(rows), factors, *map(by_member, (E, o, out)))
    return out, (out.shape, rows, factors[rows][..., np.newaxis], E.shape, x.shape)


def _lookup_backward(
    dout, cache, *, out=(None, None, None), workspace=None, need_dx=True
):
    _, rows, factor, shape, x_shape = cache
    dx, dE, do = out
    dE = np.empty(shape, dout.dtype) if dE is None else dE
    if do is None:
        do = np.empty((*shape[:-2], rows.shape[-1], shape[-1]), dout.dtype)
    arrays = dout, rows, factor[..., 0], dE, do
    kernels.lookup_backward(*map(by_member, arrays))
    return zero_gradient(dout, x_shape, dx) if need_dx else None, dE, do


# Losses


def _mse_loss(x, y, *, weight=None, out=None, workspace=None):
    dx = _to_change(x, out)
    arrays = _table(dx), _table(y), _weights(weight, x)
    total = kernels.squared_error(*arrays, x.dtype.type(2 / x.size))
    return total / x.size, dx


def _squared_error_loss(x, y, *, weight=None, out=None, workspace=None):
    dx = _to_change(x, out)
    arrays = _table(dx), _table(y), _weights(weight, x)
    total = kernels.squared_error(*arrays, x.dtype.type(1 / x.size))
    return 0.5 * total / x.size, dx


def _logistic_loss(x, y, *, label_smoothing=0.0, weight=None, out=None, workspace=None):
    dx = _to_change(x, out)
    smoothing = x.dtype.type(label_smoothing)
    return kernels.logistic(dx, y, _weights(weight, x), smoothing) / len(x), dx


def _softmax_loss(x, y, *, label_smoothing=0.0, weight=None, out=None, workspace=None):
    dx = _to_change(x, out)
    numbers = map(x.dtype.type, (1 - label_smoothing, label_smoothing / x.shape[1]))
    return kernels.softmax(dx, y, _weights(weight, x), *numbers) / len(x), dx


# Arrays as loops take them


def _to_change(a, out):
    """Return an array with the values of a, which is out or a new one."""
    if out is None:
        return a.copy()
    if out is not a:
        np.copyto(out, a)
    return out


def _flat(a):
    """Return an array as a flat one: a view if it is contiguous, otherwise a copy."""
    return a.reshape(-1)


def _written(a, flat):
    """Return an array with the values of what `_flat` made of it."""
    if not a.flags.c_contiguous:
        a[...] = flat.reshape(a.shape)
    return a


def _vectors(a):
    """Return the vectors of all members, or that of a single network, as rows."""
    return a.reshape(-1, a.shape[-1])


def _table(a):
    """Return an array with two axes, where the second may be of length 1."""
    return a if a.ndim == 2 else a[:, np.newaxis]


def _allocated(out, like):
    """Return the arrays of out, and new ones where it has None."""
    return [
        np.empty_like(shape) if array is None else array
        for array, shape in zip(out, like, strict=True)
    ]


def _weights(weight, x):
    """Return the weights of rows in the dtype of x, or an empty array for None."""
    return np.asarray(() if weight is None else weight, x.dtype)


TWINS = MappingProxyType(
    {
        layers.relu_forward: _activation_forward(kernels.relu_forward),
        layers.relu_backward: _activation_backward(kernels.relu_backward),
        layers.leaky_relu_forward: _activation_forward(
            kernels.leaky_relu_forward, LEAKY_SLOPE
        ),
        layers.leaky_relu_backward: _activation_backward(
            kernels.leaky_relu_backward, LEAKY_SLOPE
        ),
        layers.tanh_backward: _activation_backward(kernels.tanh_backward),
        layers.sigmoid_backward: _activation_backward(kernels.sigmoid_backward),
        layers.elu_backward: _activation_backward(kernels.elu_backward),
        layers.selu_backward: _activation_backward(
            kernels.selu_backward, SELU_SCALE, SELU_SCALE * SELU_ALPHA
        ),
        layers.silu_backward: _activation_backward(kernels.silu_backward),
        layers.dropout_forward: _dropout_forward,
        layers.batchnorm_forward: _batchnorm_forward,
        layers.batchnorm_backward: _batchnorm_backward,
        layers.layernorm_forward: _layernorm_forward,
        layers.layernorm_backward: _layernorm_backward,
        layers.linear_forward: _linear_forward,
        layers.ple_forward: _ple_forward,
        layers.unclipped_forward: _unclipped_forward,
        layers.onehot_forward: _onehot_forward,
        layers.lookup_forward: _lookup_forward,
        layers.lookup_backward: _lookup_backward,
        losses.mse_loss: _mse_loss,
        losses.squared_error_loss: _squared_error_loss,
        losses.logistic_loss: _logistic_loss,
        losses.softmax_loss: _softmax_loss,
    }
)
"""The twin of every function that has one."""
