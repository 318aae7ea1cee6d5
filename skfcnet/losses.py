"""Losses: each returns its mean over the rows and the exact gradient of it.

Conventions
-----------
``loss(x, y, *, out=None, workspace=None) -> (value, dx)``, where ``x`` holds a
network's scores, one row a sample, and ``dx`` is the gradient with respect to them,
of the shape of ``x``. ``out`` receives ``dx`` and may be ``x`` itself;
``workspace`` lends the scratch arrays. Without either the call is pure.

`LOSSES` is the one table of them: the network, the estimators, the gradient tests
and the documentation read it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from skfcnet._workspace import Workspace


class Loss(NamedTuple):
    """The declaration of a loss, with what turns scores into answers.

    Parameters
    ----------
    function : callable
        As the conventions of this module say.

    decide : callable
        From scores to class indices, to zeros and ones, or to values.

    inverse_link : callable
        From scores to probabilities, or to values.

    log_inverse_link : callable or None, default=None
        From scores to logarithms of probabilities, where there are any.

    takes_labels : bool, default=False
        Whether the targets are class indices (N,) instead of values (N, K).
    """

    function: Callable
    decide: Callable
    inverse_link: Callable
    log_inverse_link: Callable | None = None
    takes_labels: bool = False


def softmax_loss(x, y, *, out=None, workspace=None):
    r"""Mean cross-entropy of the softmax of the scores.

    .. math:: L = -\frac{1}{N} \sum_i \log \frac{e^{x_{i, y_i}}}{\sum_c e^{x_{ic}}},
        \qquad \frac{\partial L}{\partial x_{ic}}
        = \frac{p_{ic} - [c = y_i]}{N}

    The largest score of each row is subtracted first, so that no exponential
    overflows [1]_.

    Parameters
    ----------
    x : ndarray of shape (N, C)
        Scores.

    y : ndarray of int, shape (N,)
        The index of each row's class, from 0 to C - 1.

    out : ndarray of shape (N, C), default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Unused; every loss takes one.

    Returns
    -------
    loss : float
        Mean over the rows, in nats.

    dx : ndarray of shape (N, C)
        Its gradient.

    Raises
    ------
    ValueError
        If ``y`` does not hold one label for every row of ``x``.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", MIT Press,
       2016, sections 4.1 and 6.2.2.3.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import softmax_loss
    >>> loss, dx = softmax_loss(np.zeros((2, 4)), np.array([0, 3]))
    >>> round(loss, 6)  # log(4)
    1.386294
    >>> dx[0]
    array([-0.375,  0.125,  0.125,  0.125])
    """
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"softmax_loss needs scores x of shape (N, C) and labels y of shape (N,), "
            f"got {x.shape} and {y.shape}."
        )
    n, n_classes = x.shape
    own = np.arange(n), y
    dx = np.subtract(x, np.maximum.reduce(x, axis=1, keepdims=True), out=out)
    log_likelihood = dx[own]
    np.exp(dx, out=dx)
    total = dx @ np.ones((n_classes, 1), dx.dtype)  # faster than np.sum
    log_likelihood -= np.log(total[:, 0])
    total *= n
    dx /= total
    dx[own] -= 1 / n
    return -float(np.add.reduce(log_likelihood)) / n, dx


def logistic_loss(x, y, *, out=None, workspace=None):
    r"""Binary cross-entropy of the sigmoid of the scores, summed over outputs.

    .. math:: L = \frac{1}{N} \sum_{ik} \log(1 + e^{x_{ik}}) - x_{ik} y_{ik},
        \qquad \frac{\partial L}{\partial x_{ik}} = \frac{\sigma(x_{ik}) - y_{ik}}{N}

    Computed from the scores, not from rounded probabilities, so that it neither
    overflows nor takes the logarithm of zero [1]_.

    Parameters
    ----------
    x : ndarray of shape (N, K)
        Scores (log-odds).

    y : ndarray of shape (N, K)
        Zeros and ones, in the dtype of ``x``.

    out : ndarray of shape (N, K), default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over the rows, summed over the outputs, in nats.

    dx : ndarray of shape (N, K)
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape.

    References
    ----------
    .. [1] I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", MIT Press,
       2016, section 6.2.2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import logistic_loss
    >>> loss, dx = logistic_loss(np.zeros((2, 1)), np.array([[0.0], [1.0]]))
    >>> round(loss, 6)  # log(2)
    0.693147
    >>> dx.ravel()
    array([ 0.25, -0.25])
    """
    _check_same_shape("logistic_loss", x, y)
    workspace = workspace or Workspace()
    likelihood = np.multiply(x, y, out=workspace("likelihood", x.shape, x.dtype))
    terms = np.logaddexp(0, x, out=workspace("terms", x.shape, x.dtype))
    terms -= likelihood
    loss = float(terms.sum()) / len(x)
    dx = expit(x, out=out)
    dx -= y
    dx *= 1 / len(x)
    return loss, dx


def mse_loss(x, y, *, out=None, workspace=None):
    r"""Mean squared error.

    .. math:: L = \frac{1}{NK} \sum_{ik} (x_{ik} - y_{ik})^2,
        \qquad \frac{\partial L}{\partial x_{ik}}
        = \frac{2 (x_{ik} - y_{ik})}{NK}

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets. A shape of (N,) against (N, 1) is refused: broadcasting would
        compare every prediction with every target.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Unused; every loss takes one.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import mse_loss
    >>> mse_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    (2.0, array([0., 2.]))
    """
    _check_same_shape("mse_loss", x, y)
    dx = np.subtract(x, y, out=out)
    loss = float(np.vdot(dx, dx)) / dx.size
    dx *= 2 / dx.size
    return loss, dx


def squared_error_loss(x, y, *, out=None, workspace=None):
    """Half the mean squared error, as scikit-learn's regressors report it.

    Half of `mse_loss`, and so is its gradient.

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Unused; every loss takes one.

    Returns
    -------
    loss : float
        Half the mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import squared_error_loss
    >>> squared_error_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    (1.0, array([0., 1.]))
    """
    _check_same_shape("squared_error_loss", x, y)
    loss, dx = mse_loss(x, y, out=out, workspace=workspace)
    dx *= 0.5
    return loss / 2, dx


def _check_same_shape(name, x, y):
    if x.shape != y.shape:
        raise ValueError(
            f"{name} needs predictions x and targets y of one shape, "
            f"got {x.shape} and {y.shape}."
        )


def _most_likely(scores):
    return scores.argmax(axis=1)


def _softmax(scores):
    return softmax(scores, axis=1)


def _log_softmax(scores):
    return log_softmax(scores, axis=1)


def _likelier_than_not(scores):
    return scores > 0


LOSSES = {
    "softmax": Loss(
        softmax_loss, _most_likely, _softmax, _log_softmax, takes_labels=True
    ),
    "logistic": Loss(logistic_loss, _likelier_than_not, expit, log_expit),
    "mse": Loss(mse_loss, np.positive, np.positive),
    "squared_error": Loss(squared_error_loss, np.positive, np.positive),
}
