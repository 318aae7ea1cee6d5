"""Losses of positive means: deviances, whose scores are logarithms of the means."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kl_div

from skfcnet._engine.annotations import Array, Floats
from skfcnet._engine.arguments import checked
from skfcnet._engine.workspace import Workspace
from skfcnet.losses._arrays import mean_over_rows, of_one_shape
from skfcnet.losses._links import LOG_BOUND

__all__ = [
    "gamma_loss",
    "poisson_loss",
]


@checked(of_one_shape)
def poisson_loss(
    x: Array,
    y: Array,
    *,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Half the Poisson deviance, summed over outputs; scores are logarithms of means.

    .. math::

        L &= \frac{1}{N} \sum_{ik} \left(y_{ik} \log \frac{y_{ik}}{e^{x_{ik}}}
            - y_{ik} + e^{x_{ik}}\right), \\
        \frac{\partial L}{\partial x_{ik}} &= \frac{e^{x_{ik}} - y_{ik}}{N}

    The terms of the Poisson deviance [1]_ without ``x`` are included, as in what
    scikit-learn's networks report: the loss is 0 for perfect predictions. Where a score
    is farther than `LOG_BOUND` from 0, the loss continues along its tangent, so that it
    stays finite.

    Parameters
    ----------
    x : ndarray of shape (N, K)
        Logarithms of the predicted means.

    y : ndarray of shape (N, K)
        Targets, not negative.

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over the rows, summed over the outputs.

    dx : ndarray of the shape of ``x``
        Its gradient.

    References
    ----------
    .. [1] McCullagh, P., Nelder, J. A., "Generalized Linear Models", second edition,
       Chapman and Hall, 1989, chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import poisson_loss
    >>> poisson_loss(np.zeros((2, 1)), np.array([[0.0], [1.0]]))
    (0.5, array([[0.5],
           [0. ]]))
    """
    workspace = workspace or Workspace()
    mean, tail = _bounded("mean", x, workspace)
    np.exp(mean, out=mean)
    dx = np.subtract(mean, y, out=out)
    terms = kl_div(y, mean, out=workspace("terms", x.shape, x.dtype))
    terms += np.multiply(tail, dx, out=tail)
    return mean_over_rows(terms, dx, len(x), weight)


@checked(of_one_shape)
def gamma_loss(
    x: Array,
    y: Array,
    *,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Half the gamma deviance; scores are logarithms of means.

    With the ratio :math:`r_{ik} = y_{ik} / e^{x_{ik}}` of target and mean,

    .. math::

        L &= \frac{1}{NK} \sum_{ik} \left(r_{ik} - \log r_{ik} - 1\right), \\
        \frac{\partial L}{\partial x_{ik}} &= \frac{1 - r_{ik}}{NK}.

    The terms without ``x``, :math:`-\log y_{ik} - 1`, are included: the loss is 0
    for perfect predictions [1]_. Where a score is farther than `LOG_BOUND` from 0, the
    loss continues along its tangent, so that it stays finite.

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Logarithms of the predicted means.

    y : ndarray of the shape of ``x``
        Targets, positive.

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over rows and outputs.

    dx : ndarray of the shape of ``x``
        Its gradient.

    References
    ----------
    .. [1] McCullagh, P., Nelder, J. A., "Generalized Linear Models", second edition,
       Chapman and Hall, 1989, chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import gamma_loss
    >>> loss, dx = gamma_loss(np.zeros(2), np.array([1.0, 2.0]))
    >>> round(loss, 6)  # (1 - log(2)) / 2
    0.153426
    >>> dx
    array([ 0. , -0.5])
    """
    workspace = workspace or Workspace()
    ratio, tail = _bounded("ratio", x, workspace)
    np.exp(np.negative(ratio, out=ratio), out=ratio)
    ratio *= y
    dx = np.subtract(1, ratio, out=out)
    terms = np.log(ratio, out=workspace("terms", x.shape, x.dtype))
    terms += dx
    np.subtract(np.multiply(tail, dx, out=tail), terms, out=terms)
    return mean_over_rows(terms, dx, dx.size, weight)


def _bounded(name: str, x: Floats, workspace: Workspace) -> tuple[Floats, Floats]:
    """Return scores within `LOG_BOUND`, and by how much each lies outside."""
    bounded = workspace(name, x.shape, x.dtype)
    np.clip(x, -LOG_BOUND, LOG_BOUND, out=bounded)
    return bounded, np.subtract(x, bounded, out=workspace("tail", x.shape, x.dtype))
