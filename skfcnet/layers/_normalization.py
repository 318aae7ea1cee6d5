"""Normalisations: rows or columns of mean 0 and variance 1, scaled and shifted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skfcnet._engine.annotations import Array, Floats, Options
from skfcnet._engine.arguments import check_gradient, checked
from skfcnet._engine.workspace import Workspace
from skfcnet.layers._checks import check_normalization, checked_mode
from skfcnet.layers._sums import column_means, column_sums, row_means


@checked(check_normalization)
def batchnorm_forward(
    x: Array,
    gamma: Array,
    beta: Array,
    bn_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Batch normalisation [1]_.

    While training, every column is standardised by the mean and the (uncorrected)
    variance of the minibatch, at test time by their running averages:

    .. math::

        out &= \gamma \, \hat x + \beta, \\
        \hat x &= \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    x : ndarray of shape (..., N, D)
        Rows.

    gamma, beta : ndarray of shape (..., D)
        Scale and shift.

    bn_param : dict
        ``mode``: 'train' or 'test';
        ``eps``: added to the variance, default 1e-5;
        ``momentum``: of the running averages, default 0.9;
        ``running_mean``, ``running_var``: arrays of shape (..., D), zeros when absent.
        In training they are updated in place, as
        ``momentum * running + (1 - momentum) * minibatch``.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, D)
        The result.

    cache : tuple
        For `batchnorm_backward`.

    Raises
    ------
    ValueError
        If ``mode`` is neither 'train' nor 'test'.

    References
    ----------
    .. [1] Ioffe, S., Szegedy, C., "Batch Normalization: Accelerating Deep Network
       Training by Reducing Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import batchnorm_forward
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> gamma, beta = np.ones(2), np.zeros(2)
    >>> out, _ = batchnorm_forward(x, gamma, beta, {"mode": "train"})
    >>> out.round(3)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    mode = checked_mode("bn_param", bn_param)
    eps = bn_param.get("eps", 1e-5)
    for name in ("running_mean", "running_var"):
        if name not in bn_param:
            bn_param[name] = np.zeros_like(gamma)
    workspace = workspace or Workspace()
    if mode == "test":
        mean, var = bn_param["running_mean"], bn_param["running_var"]
        centred = np.subtract(x, mean, out=workspace("centred", x.shape, x.dtype))
    else:
        out, centred, mean, var = _centred(
            x, column_means, out=out, workspace=workspace
        )
        update_running_statistics(bn_param, mean, var)
    inv_std = 1 / np.sqrt(var + eps)
    out = np.multiply(centred, gamma * inv_std, out=out)
    out += beta
    return out, (centred, gamma, inv_std, mode == "train")


@checked(check_gradient)
def batchnorm_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None),
    workspace: Workspace | None = None,
) -> tuple[Floats, Floats, Floats]:
    r"""Return the gradients of batch normalisation, through its statistics.

    .. math::

        dx &= \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} \left(dout
            - \frac{d\beta + \hat x \, d\gamma}{N}\right), \\
        d\gamma &= \sum_i dout_i \hat x_i, \\
        d\beta &= \sum_i dout_i

    At test time the statistics are constants that do not depend on the rows, and
    ``dx`` is :math:`\gamma \, dout / \sqrt{\sigma^2 + \epsilon}`.

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    dx : ndarray of shape (..., N, D)
        Gradient with respect to the rows.

    dgamma, dbeta : ndarray of shape (..., D)
        Gradients with respect to the scale and the shift.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import batchnorm_backward, batchnorm_forward
    >>> x, gamma, beta = np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1)
    >>> param = {"mode": "train"}
    >>> out, cache = batchnorm_forward(x, gamma, beta, param)
    >>> dout = np.array([[1.0], [2.0]])
    >>> dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    >>> dbeta
    array([3.])
    """
    centred, gamma, inv_std, in_training = cache
    dx, dgamma, dbeta = out
    n = dout.shape[-2]
    workspace = workspace or Workspace()
    dbeta = column_sums(dout, out=dbeta, workspace=workspace)
    scratch = workspace("scratch", dout.shape, dout.dtype)
    np.multiply(dout, centred, out=scratch)
    dgamma = column_sums(scratch, out=dgamma, workspace=workspace)
    dgamma *= inv_std
    if not in_training:
        return np.multiply(dout, gamma * inv_std, out=dx), dgamma, dbeta
    np.multiply(centred, inv_std * dgamma / n, out=scratch)  # x_hat * dgamma / N
    dx = np.subtract(dout, scratch, out=dx)
    dx -= dbeta / n
    dx *= gamma * inv_std
    return dx, dgamma, dbeta


@checked(check_normalization)
def layernorm_forward(
    x: Array,
    gamma: Array,
    beta: Array,
    ln_param: Options,
    *,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[Floats, Any]:
    r"""Layer normalisation [1]_.

    Every row is standardised by its own mean and (uncorrected) variance, while
    training and at test time alike, whatever the other rows are:

    .. math::

        out &= \gamma \, \hat x + \beta, \\
        \hat x &= \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}

    Parameters
    ----------
    x : ndarray of shape (..., N, D)
        Rows.

    gamma, beta : ndarray of shape (..., D)
        Scale and shift.

    ln_param : dict
        ``eps``: added to the variance, default 1e-5.

    out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    out : ndarray of shape (..., N, D)
        The result.

    cache : tuple
        For `layernorm_backward`.

    References
    ----------
    .. [1] Ba, J. L., Kiros, J. R., Hinton, G. E., "Layer Normalization",
       arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import layernorm_forward
    >>> x = np.array([[1.0, 3.0], [10.0, 30.0]])
    >>> out, _ = layernorm_forward(x, np.ones(2), np.zeros(2), {})
    >>> out.round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    out, x_hat, _, var = _centred(
        x, row_means, out=out, workspace=workspace or Workspace()
    )
    inv_std = 1 / np.sqrt(var + ln_param.get("eps", 1e-5))
    x_hat *= inv_std
    out = np.multiply(x_hat, gamma, out=out)
    out += beta
    return out, (x_hat, gamma, inv_std)


@checked(check_gradient)
def layernorm_backward(
    dout: Array,
    cache: Any,
    *,
    out: tuple[Array | None, ...] = (None, None, None),
    workspace: Workspace | None = None,
) -> tuple[Floats, Floats, Floats]:
    r"""Return the gradients of layer normalisation, through its statistics.

    With :math:`g = \gamma \, dout`, and the means over the D columns of each row:

    .. math::

        dx &= \frac{1}{\sqrt{\sigma^2 + \epsilon}} \left(g
            - \overline{g} - \hat x \, \overline{g \hat x}\right), \\
        d\gamma &= \sum_i dout_i \hat x_i, \\
        d\beta &= \sum_i dout_i

    Parameters
    ----------
    dout, cache, out, workspace : as for every layer
        See the conventions of `skfcnet.layers`.

    Returns
    -------
    dx : ndarray of shape (..., N, D)
        Gradient with respect to the rows.

    dgamma, dbeta : ndarray of shape (..., D)
        Gradients with respect to the scale and the shift.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.layers import layernorm_backward, layernorm_forward
    >>> x, gamma, beta = np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2)
    >>> out, cache = layernorm_forward(x, gamma, beta, {})
    >>> dx, dgamma, dbeta = layernorm_backward(np.array([[4.0, 5.0]]), cache)
    >>> dgamma.round(3)
    array([-4.,  5.])
    """
    x_hat, gamma, inv_std = cache
    dx, dgamma, dbeta = out
    workspace = workspace or Workspace()
    dbeta = column_sums(dout, out=dbeta, workspace=workspace)
    scratch = workspace("scratch", dout.shape, dout.dtype)
    np.multiply(dout, x_hat, out=scratch)
    dgamma = column_sums(scratch, out=dgamma, workspace=workspace)
    scratch *= gamma
    np.multiply(x_hat, row_means(scratch, workspace), out=scratch)
    dx = np.multiply(dout, gamma, out=dx)  # g
    scratch += row_means(dx, workspace)  # mean of g, plus x_hat * mean of g * x_hat
    dx -= scratch
    dx *= inv_std
    return dx, dgamma, dbeta


def update_running_statistics(bn_param: Options, mean: Floats, var: Floats) -> None:
    """Average the statistics of a minibatch with the running ones, in place."""
    momentum = bn_param.get("momentum", 0.9)
    for name, sample in (("running_mean", mean), ("running_var", var)):
        bn_param[name] *= momentum
        bn_param[name] += (1 - momentum) * sample


def _centred(
    x: Floats,
    means: Callable[[Floats, Workspace], Floats],
    *,
    out: Array | None,
    workspace: Workspace,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Subtract the means along an axis, and compute the variances along it.

    Returns ``out``, the centred rows, the means and the variances. ``out`` only lends
    its memory for the squares: what the layer returns has not been computed yet.
    """
    mean = means(x, workspace)
    centred = np.subtract(x, mean, out=workspace("centred", x.shape, x.dtype))
    out = np.square(centred, out=out)
    return out, centred, mean, means(out, workspace)
