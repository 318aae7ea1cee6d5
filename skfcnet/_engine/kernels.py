"""Loops that Numba compiles where it is installed, by the extra ``fast``.

Each does in one pass over its arrays what takes NumPy a pass for every operation. They
read like the formulas that they compute, and the NumPy functions beside which
`skfcnet._engine.twins` puts them explain the formulas. Arrays are of one dtype, float32
or float64, and so are the numbers, because a float64 number would turn the computation
into float64. An array that a loop changes in place has no second name: if two arrays
may overlap, the compiler does not use vector instructions.

A loop is compiled for a dtype when it is first called, which takes a tenth of a second,
and stored in the cache of Numba, if that can be written to. Importing this module does
not import Numba.
"""

from functools import cache, wraps
from math import exp, log, log1p

import numpy as np

OPTIONS = {
    # Otherwise each division is checked for zero, and cannot be vectorised.
    "error_model": "numpy",
    # Other threads go on meanwhile.
    "nogil": True,
    # Sums may be taken in another order, the same one every time, and a product and a
    # sum be one instruction. NaN and infinity stay what they are. Reciprocals in place
    # of divisions ("arcp") are not allowed: approximate ones, which only vectors have,
    # would round a number by where it stands in an array.
    "fastmath": {"contract", "nsz", "reassoc"},
}


@cache
def numba_version():
    """Return the version of Numba; None if it is missing or cannot be imported."""
    try:
        import numba
    except ImportError:
        return None
    return numba.__version__


def loop(function):
    """Compile a function by Numba when it is first called."""
    compiled = None

    @wraps(function)
    def call(*arguments):
        nonlocal compiled
        if compiled is None:
            compiled = _compiled(function)
        return compiled(*arguments)

    return call


def _compiled(function):
    from numba import njit

    try:
        return njit(function, cache=True, **OPTIONS)
    except RuntimeError:  # no folder of its cache can be written to
        return njit(function, **OPTIONS)


# Update rules. Each takes a step by the gradient with that of the penalty. A vector has
# blocks, up to the indices `ends`, with an `l2` each, and `squares` becomes the sums of
# their squared parameters before the step. Every block is a slice, indexed from 0: an
# index that might be negative keeps the compiler from using vector instructions.


@loop
def sgd(w, dw, ends, l2, squares, learning_rate):
    start = 0
    for block in range(ends.size):
        penalty, total = l2[block], w.dtype.type(0)
        own = slice(start, ends[block])
        w_b, dw_b = w[own], dw[own]
        for i in range(w_b.size):
            total += w_b[i] * w_b[i]
            w_b[i] -= learning_rate * (dw_b[i] + penalty * w_b[i])
        squares[block], start = total, ends[block]


@loop
def sgd_momentum(w, dw, velocity, ends, l2, squares, learning_rate, momentum):
    start = 0
    for block in range(ends.size):
        penalty, total = l2[block], w.dtype.type(0)
        own = slice(start, ends[block])
        w_b, dw_b, velocity_b = w[own], dw[own], velocity[own]
        for i in range(w_b.size):
            total += w_b[i] * w_b[i]
            g = dw_b[i] + penalty * w_b[i]
            velocity_b[i] = momentum * velocity_b[i] - learning_rate * g
            w_b[i] += velocity_b[i]
        squares[block], start = total, ends[block]


@loop
def sgd_nesterov(w, dw, velocity, ends, l2, squares, learning_rate, momentum):
    start = 0
    for block in range(ends.size):
        penalty, total = l2[block], w.dtype.type(0)
        own = slice(start, ends[block])
        w_b, dw_b, velocity_b = w[own], dw[own], velocity[own]
        for i in range(w_b.size):
            total += w_b[i] * w_b[i]
            g = dw_b[i] + penalty * w_b[i]
            velocity_b[i] = momentum * velocity_b[i] - learning_rate * g
            w_b[i] += momentum * velocity_b[i] - learning_rate * g
        squares[block], start = total, ends[block]


@loop
def rmsprop(
    w, dw, cache, ends, l2, squares, learning_rate, decay_rate, complement, epsilon
):
    start = 0
    for block in range(ends.size):
        penalty, total = l2[block], w.dtype.type(0)
        own = slice(start, ends[block])
        w_b, dw_b, cache_b = w[own], dw[own], cache[own]
        for i in range(w_b.size):
            total += w_b[i] * w_b[i]
            g = dw_b[i] + penalty * w_b[i]
            cache_b[i] = decay_rate * cache_b[i] + complement * g * g
            w_b[i] -= learning_rate * (g / (np.sqrt(cache_b[i]) + epsilon))
        squares[block], start = total, ends[block]


@loop
def adam(w, dw, m, v, ends, l2, squares, beta1, beta2, epsilon, rate, shrinkage):
    start = 0
    for block in range(ends.size):
        penalty, kept, total = l2[block], shrinkage[block], w.dtype.type(0)
        own = slice(start, ends[block])
        w_b, dw_b, m_b, v_b = w[own], dw[own], m[own], v[own]
        for i in range(w_b.size):
            total += w_b[i] * w_b[i]
            g = dw_b[i] + penalty * w_b[i]
            m_b[i] = beta1 * m_b[i] + g
            v_b[i] = beta2 * v_b[i] + g * g
            w_b[i] = kept * w_b[i] - rate * (m_b[i] / (np.sqrt(v_b[i]) + epsilon))
        squares[block], start = total, ends[block]


# Activations, of flat arrays and in place: `x` becomes the output, and `d` the gradient
# with respect to the input, from that with respect to the output `a`.


@loop
def relu_forward(x):
    zero = x.dtype.type(0)
    for i in range(x.size):
        x[i] = zero if x[i] < zero else x[i]


@loop
def relu_backward(d, a):
    zero = d.dtype.type(0)
    for i in range(d.size):
        d[i] = d[i] * (a[i] > zero)


@loop
def leaky_relu_forward(x, slope):
    for i in range(x.size):
        x[i] = max(x[i], slope * x[i])


@loop
def leaky_relu_backward(d, a, slope):
    zero = d.dtype.type(0)
    for i in range(d.size):
        d[i] = d[i] if a[i] > zero else slope * d[i]


@loop
def tanh_backward(d, a):
    one = d.dtype.type(1)
    for i in range(d.size):
        d[i] *= one - a[i] * a[i]


@loop
def sigmoid_backward(d, a):
    one = d.dtype.type(1)
    for i in range(d.size):
        d[i] *= a[i] * (one - a[i])


@loop
def elu_backward(d, a):
    zero, one = d.dtype.type(0), d.dtype.type(1)
    for i in range(d.size):
        d[i] *= one if a[i] > zero else one + a[i]


@loop
def selu_backward(d, a, scale, scaled_alpha):
    zero = d.dtype.type(0)
    for i in range(d.size):
        d[i] *= scale if a[i] > zero else a[i] + scaled_alpha


@loop
def silu_backward(d, a, sigma):
    one = d.dtype.type(1)
    for i in range(d.size):
        d[i] *= sigma[i] + a[i] * (one - sigma[i])


@loop
def dropout_forward(x, bits, threshold, scale, out, factor):
    zero = x.dtype.type(0)
    for i in range(x.size):
        factor[i] = scale if bits[i] >= threshold else zero
        out[i] = x[i] * factor[i]


# Normalisations and blocks, of arrays with an axis for members. Arrays that members
# share have one entry there, which m % len(...) finds.


@loop
def batchnorm_forward(x, gamma, beta, eps, centred, mean, var, inv_std, out):
    n = x.dtype.type(x.shape[1])
    for k in range(x.shape[0]):
        mean[k] = 0
        var[k] = 0
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                mean[k, j] += x[k, i, j]
        for j in range(x.shape[2]):
            mean[k, j] /= n
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                centred[k, i, j] = x[k, i, j] - mean[k, j]
                var[k, j] += centred[k, i, j] * centred[k, i, j]
        for j in range(x.shape[2]):
            var[k, j] /= n
            inv_std[k, j] = x.dtype.type(1) / np.sqrt(var[k, j] + eps)
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                scale = gamma[k, j] * inv_std[k, j]
                out[k, i, j] = centred[k, i, j] * scale + beta[k, j]


@loop
def batchnorm_backward(dout, centred, gamma, inv_std, dx, dgamma, dbeta):
    n = dout.dtype.type(dout.shape[1])
    for k in range(dout.shape[0]):
        dgamma[k] = 0
        dbeta[k] = 0
        for i in range(dout.shape[1]):
            for j in range(dout.shape[2]):
                dbeta[k, j] += dout[k, i, j]
                dgamma[k, j] += dout[k, i, j] * centred[k, i, j]
        for j in range(dout.shape[2]):
            dgamma[k, j] *= inv_std[k, j]
        for i in range(dout.shape[1]):
            for j in range(dout.shape[2]):
                through = centred[k, i, j] * (inv_std[k, j] * dgamma[k, j] / n)
                rest = dout[k, i, j] - through - dbeta[k, j] / n
                dx[k, i, j] = rest * (gamma[k, j] * inv_std[k, j])


@loop
def layernorm_forward(x, gamma, beta, eps, x_hat, inv_std, out):
    width = x.dtype.type(x.shape[2])
    for k in range(x.shape[0]):
        for i in range(x.shape[1]):
            mean, var = x.dtype.type(0), x.dtype.type(0)
            for j in range(x.shape[2]):
                mean += x[k, i, j]
            mean /= width
            for j in range(x.shape[2]):
                x_hat[k, i, j] = x[k, i, j] - mean
                var += x_hat[k, i, j] * x_hat[k, i, j]
            inv_std[k, i] = x.dtype.type(1) / np.sqrt(var / width + eps)
            for j in range(x.shape[2]):
                x_hat[k, i, j] *= inv_std[k, i]
                out[k, i, j] = x_hat[k, i, j] * gamma[k, j] + beta[k, j]


@loop
def layernorm_backward(dout, x_hat, gamma, inv_std, dx, dgamma, dbeta):
    width = dout.dtype.type(dout.shape[2])
    for k in range(dout.shape[0]):
        dgamma[k] = 0
        dbeta[k] = 0
        for i in range(dout.shape[1]):
            mean, along = dout.dtype.type(0), dout.dtype.type(0)
            for j in range(dout.shape[2]):
                dbeta[k, j] += dout[k, i, j]
                dgamma[k, j] += dout[k, i, j] * x_hat[k, i, j]
                mean += dout[k, i, j] * gamma[k, j]
                along += dout[k, i, j] * gamma[k, j] * x_hat[k, i, j]
            mean /= width
            along /= width
            for j in range(dout.shape[2]):
                rest = dout[k, i, j] * gamma[k, j] - mean - x_hat[k, i, j] * along
                dx[k, i, j] = rest * inv_std[k, i]


@loop
def ple_forward(x, column, left, slope, out):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(out.shape[0]):
        m = k % len(x)
        for i in range(out.shape[1]):
            for t in range(column.size):
                height = (x[m, i, column[t]] - left[t]) * slope[t]
                out[k, i, t] = min(max(height, zero), one)


@loop
def linear_forward(x, factor, out):
    for k in range(out.shape[0]):
        m = k % len(x)
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[k, i, j] = factor * x[m, i, j]


@loop
def unclipped_forward(x, factor, least, low, high, out):
    one = x.dtype.type(1)
    for k in range(out.shape[0]):
        m = k % len(x)
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                share = factor * x[m, i, j]
                square = one - share * share
                z = x[m, i, j] / np.sqrt(max(square, least))
                out[k, i, j] = min(max(z, low[j]), high[j])


@loop
def onehot_forward(x, column, plus, minus, out):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for k in range(out.shape[0]):
        m = k % len(x)
        for i in range(out.shape[1]):
            for t in range(column.size):
                code = x[m, i, column[t]]
                is_plus = one if code == plus[t] else zero
                out[k, i, t] = is_plus - (one if code == minus[t] else zero)


@loop
def lookup_forward(rows, factor, E, o, out):
    size = E.shape[2]
    for k in range(out.shape[0]):
        for i in range(out.shape[1]):
            for c in range(rows.shape[2]):
                row = rows[k % len(rows), i, c]
                for e in range(size):
                    own = factor[row] * E[k, row, e]
                    out[k, i, c * size + e] = own + o[k, c, e]


@loop
def lookup_backward(dout, rows, factor, dE, do):
    size = dE.shape[2]
    for k in range(dout.shape[0]):
        dE[k] = 0
        do[k] = 0
        for i in range(dout.shape[1]):
            for c in range(rows.shape[2]):
                m = k % len(rows)
                row = rows[m, i, c]
                for e in range(size):
                    d = dout[k, i, c * size + e]
                    do[k, c, e] += d
                    dE[k, row, e] += factor[m, i, c] * d


# Products of encoded columns with weights. The features of column c are those from
# `starts[c]` to `ends[c]`. In row i, `feature[i, c]` is the one that is `value[i, c]`.
# In the first `n_steps` columns, the features of the column before it are 1, so that
# sums of their weights, times their scales, are added. All others are 0.


@loop
def locate_bins(x, starts, ends, left, slope, feature, value):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(x.shape[0]):
        for c in range(ends.size):
            t = starts[c]
            while t + 1 < ends[c] and x[i, c] >= left[t + 1]:
                t += 1
            height = (x[i, c] - left[t]) * slope[t]
            feature[i, c], value[i, c] = t, min(max(height, zero), one)


@loop
def locate_codes(x, starts, ends, plus, minus, feature, value):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(x.shape[0]):
        for c in range(ends.size):
            feature[i, c], value[i, c] = starts[c], zero
            for t in range(starts[c], ends[c]):
                if x[i, c] == plus[t]:
                    feature[i, c], value[i, c] = t, one
                elif x[i, c] == minus[t]:
                    feature[i, c], value[i, c] = t, -one


@loop
def sum_steps(w, scale, starts, ends, before):
    for k in range(w.shape[0]):
        for c in range(ends.size):
            before[k, starts[c]] = 0
            for t in range(starts[c] + 1, ends[c]):
                total, last, own = before[k, t], before[k, t - 1], w[k, t - 1]
                factor = scale[k, t - 1]
                for j in range(own.size):
                    total[j] = last[j] + factor * own[j]


@loop
def located_forward(feature, value, n_steps, w, scale, before, out):
    for k in range(out.shape[0]):
        for c in range(n_steps):
            for i in range(out.shape[1]):
                t = feature[i, c]
                factor, own = scale[k, t] * value[i, c], w[k, t]
                total, out_i = before[k, t], out[k, i]
                for j in range(out_i.size):
                    out_i[j] += total[j] + factor * own[j]
        for c in range(n_steps, feature.shape[1]):
            for i in range(out.shape[1]):
                t = feature[i, c]
                factor, own, out_i = scale[k, t] * value[i, c], w[k, t], out[k, i]
                for j in range(out_i.size):
                    out_i[j] += factor * own[j]


@loop
def located_backward(dout, feature, value, n_steps, starts, ends, dbefore, dw):
    for k in range(dout.shape[0]):
        dw[k] = 0
        dbefore[k] = 0
        for c in range(n_steps):
            for i in range(dout.shape[1]):
                t, factor, dout_i = feature[i, c], value[i, c], dout[k, i]
                own, total = dw[k, t], dbefore[k, t]
                for j in range(dout_i.size):
                    total[j] += dout_i[j]
                    own[j] += factor * dout_i[j]
            for t in range(ends[c] - 2, starts[c] - 1, -1):
                own, total, following = dw[k, t], dbefore[k, t], dbefore[k, t + 1]
                for j in range(own.size):
                    own[j] += following[j]
                    total[j] += following[j]
        for c in range(n_steps, feature.shape[1]):
            for i in range(dout.shape[1]):
                t, factor, dout_i = feature[i, c], value[i, c], dout[k, i]
                own = dw[k, t]
                for j in range(dout_i.size):
                    own[j] += factor * dout_i[j]


# Losses, of the scores of one member. Without weights, `weight` is empty. They return
# the sum over the rows, and write the gradient of the mean over the scores.


@loop
def squared_error(x, y, weight, scale):
    total = 0.0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            error = x[i, k] - y[i, k]
            weighted = error * weight[i] if weight.size else error
            total += weighted * error
            x[i, k] = weighted * scale
    return total


@loop
def logistic(x, y, weight, smoothing):
    one = x.dtype.type(1)
    half, n = smoothing / x.dtype.type(2), x.dtype.type(x.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        own = weight[i] if weight.size else one
        for k in range(x.shape[1]):
            score, target = x[i, k], y[i, k] * (one - smoothing) + half
            tail = exp(-abs(score))
            sigma = one / (one + tail) if score >= 0 else tail / (one + tail)
            positive = score if score > 0 else score * 0
            total += own * (positive + log1p(tail) - score * target)
            x[i, k] = own * (sigma - target) / n
    return total


@loop
def softmax(x, y, weight, own_target, spread):
    one, n = x.dtype.type(1), x.dtype.type(x.shape[0])
    total = 0.0
    for i in range(x.shape[0]):
        own = weight[i] if weight.size else one
        largest = x[i, 0]
        for c in range(1, x.shape[1]):
            largest = max(largest, x[i, c])
        likelihood, sum_of_powers = x.dtype.type(0), x.dtype.type(0)
        for c in range(x.shape[1]):
            x[i, c] -= largest
            # A score of minus infinity has no part in the loss, unless it is spread.
            likelihood += spread * x[i, c] if spread else spread
        likelihood += own_target * x[i, y[i]]
        for c in range(x.shape[1]):
            x[i, c] = exp(x[i, c])
            sum_of_powers += x[i, c]
        total += own * (log(sum_of_powers) - likelihood)
        for c in range(x.shape[1]):
            x[i, c] = own * (x[i, c] / sum_of_powers - spread) / n
        x[i, y[i]] -= own * own_target / n
    return total
