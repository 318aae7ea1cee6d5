"""Losses of regression: functions of the error, prediction minus target."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skfcnet._engine.annotations import Array, Floats
from skfcnet._engine.arguments import POSITIVE, checked, checked_number, unchecked
from skfcnet._engine.workspace import Workspace
from skfcnet.losses._arrays import (
    as_scores_and_targets,
    mean_over_rows,
    of_one_shape,
    weight_column,
)

__all__ = [
    "DELTA",
    "QUANTILE",
    "absolute_error_loss",
    "huber_loss",
    "mse_loss",
    "quantile_loss",
    "squared_error_loss",
]


@checked(of_one_shape)
def mse_loss(
    x: Array,
    y: Array,
    *,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Mean squared error.

    .. math::

        L &= \frac{1}{NK} \sum_{ik} (x_{ik} - y_{ik})^2, \\
        \frac{\partial L}{\partial x_{ik}} &= \frac{2 (x_{ik} - y_{ik})}{NK}

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets. A shape of (N,) against (N, 1) is refused: broadcasting would
        compare every prediction with every target.

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import mse_loss
    >>> mse_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    (2.0, array([0., 2.]))
    """
    dx = weighted = np.subtract(x, y, out=out)
    if weight is not None:
        workspace = workspace or Workspace()
        weighted = workspace("weighted", x.shape, dx.dtype)
        np.multiply(dx, weight_column(weight, dx), out=weighted)
    loss = float(np.vdot(weighted, dx)) / dx.size
    np.multiply(weighted, 2 / dx.size, out=dx)
    return loss, dx


@checked(of_one_shape)
def squared_error_loss(
    x: Array,
    y: Array,
    *,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Half the mean squared error, as scikit-learn's regressors report it.

    .. math::

        L &= \frac{1}{2NK} \sum_{ik} (x_{ik} - y_{ik})^2, \\
        \frac{\partial L}{\partial x_{ik}} &= \frac{x_{ik} - y_{ik}}{NK}

    It is half of `mse_loss`, and so is its gradient.

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets.

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Half the mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import squared_error_loss
    >>> squared_error_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    (1.0, array([0., 1.]))
    """
    squared_error = unchecked(mse_loss)  # x and y are checked already
    loss, dx = squared_error(x, y, weight=weight, out=out, workspace=workspace)
    dx *= 0.5
    return loss / 2, dx


@checked(of_one_shape)
def absolute_error_loss(
    x: Array,
    y: Array,
    *,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Mean absolute error: predictions are medians.

    .. math::

        L &= \frac{1}{NK} \sum_{ik} |x_{ik} - y_{ik}|, \\
        \frac{\partial L}{\partial x_{ik}} &=
            \frac{\operatorname{sign}(x_{ik} - y_{ik})}{NK}

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets.

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import absolute_error_loss
    >>> absolute_error_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    (1.0, array([0. , 0.5]))
    """
    workspace = workspace or Workspace()
    terms = np.subtract(x, y, out=workspace("terms", x.shape, x.dtype))
    dx = np.sign(terms, out=out)
    np.abs(terms, out=terms)
    return mean_over_rows(terms, dx, dx.size, weight)


@checked(of_one_shape)
def huber_loss(
    x: Array,
    y: Array,
    *,
    delta: float = 1.0,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Huber loss: half the squared error of small errors, linear in large ones [1]_.

    With the error :math:`e_{ik} = x_{ik} - y_{ik}` and its clipped value
    :math:`c_{ik} = \max(-\delta, \min(e_{ik}, \delta))`,

    .. math::

        L &= \frac{1}{NK} \sum_{ik} c_{ik} (e_{ik} - c_{ik} / 2), \\
        \frac{\partial L}{\partial x_{ik}} &= \frac{c_{ik}}{NK}.

    Up to ``delta`` it is half the squared error, beyond it
    :math:`\delta (|e_{ik}| - \delta / 2)`.

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets.

    delta : float, default=1.0
        Where the linear part begins, in units of ``y``; positive.

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    References
    ----------
    .. [1] Huber, P. J., "Robust Estimation of a Location Parameter", The Annals of
       Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import huber_loss
    >>> huber_loss(np.array([1.5, 4.0]), np.array([1.0, 1.0]))
    (1.3125, array([0.25, 0.5 ]))
    """
    delta = _delta(delta)
    workspace = workspace or Workspace()
    terms = np.subtract(x, y, out=workspace("terms", x.shape, x.dtype))
    dx = np.clip(terms, -delta, delta, out=out)
    terms -= np.multiply(dx, 0.5, out=workspace("half", x.shape, x.dtype))
    terms *= dx
    return mean_over_rows(terms, dx, dx.size, weight)


@checked(as_scores_and_targets)
def quantile_loss(
    x: Array,
    y: Array,
    *,
    quantile: float | Sequence[float] = 0.5,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Pinball loss: predictions are quantiles [1]_.

    With the error :math:`e = x_{i, kQ + j} - y_{ik}` of the j-th quantile
    :math:`q_j` of target k, and :math:`g = \operatorname{sign}(e) / 2 + 1/2 - q_j`,

    .. math::

        L &= \frac{1}{NKQ} \sum_{ikj} g e, \\
        \frac{\partial L}{\partial x_{i, kQ + j}} &= \frac{g}{NKQ},

    that is, :math:`(1 - q_j) e` for predictions that are too high and
    :math:`-q_j e` for those that are too low.

    Parameters
    ----------
    x : ndarray of shape (N, K * Q), or (N,) for a single quantile
        Predictions: quantile j of target k in column ``k * Q + j``.

    y : ndarray of shape (N, K) or (N,)
        Targets.

    quantile : float or sequence of float, default=0.5
        Which quantiles are predicted, in (0, 1).

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over rows, outputs and quantiles, in units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    References
    ----------
    .. [1] Koenker, R., Bassett, G., "Regression Quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import quantile_loss
    >>> quantile_loss(np.array([[2.0, 2.0]]), np.array([[1.0]]), quantile=[0.25, 0.75])
    (0.5, array([[0.375, 0.125]]))
    """
    quantiles = np.asarray(_quantiles(quantile), x.dtype)
    if quantiles.size == 1:
        of_one_shape("quantile_loss", x, y)
    elif y.ndim != 2 or x.shape != (y.shape[0], y.shape[1] * quantiles.size):
        raise ValueError(
            f"quantile_loss needs {quantiles.size} columns of predictions x for each "
            f"column of targets y, got {x.shape} and {y.shape}."
        )
    workspace = workspace or Workspace()
    shape = (*y.shape, quantiles.size)
    terms = workspace("terms", shape, x.dtype)
    np.subtract(x.reshape(shape), y[..., np.newaxis], out=terms)
    dx = np.sign(terms, out=None if out is None else out.reshape(shape))
    dx *= 0.5
    dx += 0.5 - quantiles
    terms *= dx
    return mean_over_rows(terms.reshape(x.shape), dx.reshape(x.shape), x.size, weight)


def _delta(value: Any) -> float:
    return checked_number("delta", value, *POSITIVE)


def _quantile(value: Any) -> float:
    return checked_number("quantile", value, lambda q: 0 < q < 1, "in (0, 1)")


def _quantiles(value: Any) -> Any:
    """Return one quantile as a float, or several as a tuple."""
    if not np.iterable(value):
        return _quantile(value)
    quantiles = tuple(map(_quantile, value))
    if not quantiles:
        raise ValueError("quantile must hold at least one number in (0, 1).")
    return quantiles


DELTA = MappingProxyType({"delta": _delta})
QUANTILE = MappingProxyType({"quantile": _quantiles})
