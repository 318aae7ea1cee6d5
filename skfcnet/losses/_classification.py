"""Losses of classification: cross-entropies of probabilities, computed from scores."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from skfcnet._engine.annotations import Array, Floats
from skfcnet._engine.arguments import FRACTION, as_floats, checked, checked_number
from skfcnet._engine.workspace import Workspace
from skfcnet.losses._arrays import (
    mean_over_rows,
    of_one_shape,
    weight_column,
)
from skfcnet.losses._groups import group_layout

__all__ = [
    "LABEL_SMOOTHING",
    "logistic_loss",
    "softmax_groups_loss",
    "softmax_loss",
]


def _scores_and_labels(function: str, x: Any, y: Any) -> tuple[Floats, Array]:
    """Return scores as floats, and class indices; refuse what does not fit."""
    x, y = as_floats(x), np.asarray(y)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{function} needs scores x of shape (N, C) and labels y of shape (N,), "
            f"got {x.shape} and {y.shape}."
        )
    if y.dtype.kind not in "iub":
        raise _not_class_indices(x.shape[1])
    return x, y.astype(np.intp, copy=False)


def _not_class_indices(n_classes: int) -> ValueError:
    return ValueError(
        f"softmax_loss needs labels y that are integers from 0 to {n_classes - 1}."
    )


@checked(_scores_and_labels)
def softmax_loss(
    x: Array,
    y: Array,
    *,
    label_smoothing: float = 0.0,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Mean cross-entropy of the softmax of the scores.

    .. math::

        L &= -\frac{1}{N} \sum_i \log \frac{e^{x_{i, y_i}}}{\sum_c e^{x_{ic}}}, \\
        \frac{\partial L}{\partial x_{ic}} &= \frac{p_{ic} - [c = y_i]}{N}

    Here, :math:`p_{ic}` is the softmax, the probability of class c for row i, and
    :math:`[c = y_i]` is 1 for the class of the row and 0 for the others.

    The largest score of each row is subtracted first, so that no exponential
    overflows [1]_. ``label_smoothing=s`` takes the target of the own class from 1 to
    ``1 - s`` and spreads ``s`` over all classes alike [2]_.

    Parameters
    ----------
    x : ndarray of shape (N, C)
        Scores.

    y : ndarray of int, shape (N,)
        The index of each row's class, from 0 to C - 1.

    label_smoothing : float, default=0.0
        How much of each target is spread over all classes, in [0, 1).

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over the rows, in nats.

    dx : ndarray of shape (N, C)
        Its gradient.

    References
    ----------
    .. [1] Goodfellow, I., Bengio, Y., Courville, A., "Deep Learning", MIT Press, 2016,
       sections 4.1 and 6.2.2.3.
    .. [2] Szegedy, C., et al., "Rethinking the Inception Architecture for Computer
       Vision", CVPR 2016.

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
    n, n_classes = x.shape
    if np.minimum.reduce(y) < 0:  # NumPy would count such an index from the end.
        raise _not_class_indices(n_classes)
    # With the classes first, NumPy's loops run along the many rows.
    p = (workspace or Workspace())("p", (n_classes, n), x.dtype)
    np.copyto(p, x.T)
    p -= np.maximum.reduce(p, axis=0)
    values, own = p.reshape(-1), y * n + np.arange(n)
    try:
        log_likelihood = values.take(own)
    except IndexError as error:
        raise _not_class_indices(n_classes) from error
    own_target = 1.0
    if label_smoothing:
        spread = _label_smoothing(label_smoothing) / n_classes
        own_target -= spread * n_classes
        log_likelihood *= own_target
        log_likelihood += spread * np.add.reduce(p, axis=0)
    np.exp(p, out=p)
    total = np.add.reduce(p, axis=0)
    log_likelihood -= np.log(total)
    total *= n
    p /= total
    values[own] -= own_target / n
    if label_smoothing:
        p -= spread / n
    if weight is not None:
        weight = weight_column(weight, x)[:, 0]
        p *= weight
        log_likelihood *= weight
    return -float(np.add.reduce(log_likelihood)) / n, np.positive(p.T, out=out)


@checked(of_one_shape)
def softmax_groups_loss(
    x: Array,
    y: Array,
    *,
    groups: Sequence[int] | None = None,
    label_smoothing: float = 0.0,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Cross-entropy of one softmax for each group of columns, summed over the groups.

    With the softmax :math:`p` of the scores of each group g of neighbouring columns,

    .. math::

        L &= -\frac{1}{N} \sum_{ig} \sum_{c \in g} y_{ic} \log p_{ic}, \\
        \frac{\partial L}{\partial x_{ic}} &= \frac{p_{ic} - y_{ic}}{N}

    for targets with a sum of 1 in every group; for others the gradient is exact, too.
    It is the sum of the `softmax_loss` of each group [1]_.

    Parameters
    ----------
    x : ndarray of shape (N, C)
        Scores.

    y : ndarray of shape (N, C)
        For each group a one-hot row, or a row of probabilities, in the dtype of ``x``.

    groups : sequence of int, default=None
        Width of every group, first to last; None for a single group.

    label_smoothing : float, default=0.0
        How much of each target is spread over all classes of its group, in [0, 1).

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over the rows, summed over the groups, in nats.

    dx : ndarray of shape (N, C)
        Its gradient.

    References
    ----------
    .. [1] Goodfellow, I., Bengio, Y., Courville, A., "Deep Learning", MIT Press, 2016,
       sections 6.2.2.3 and 7.7.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import softmax_groups_loss
    >>> y = np.array([[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    >>> loss, dx = softmax_groups_loss(np.zeros((1, 6)), y, groups=[2, 4])
    >>> round(loss, 6)  # log(2) + log(4)
    2.079442
    >>> dx
    array([[-0.5 ,  0.5 ,  0.25,  0.25,  0.25, -0.75]])
    """
    widths, starts, group_of = group_layout(x, groups)
    workspace = workspace or Workspace()
    by_group = x.shape[0], len(widths)
    if label_smoothing:
        smoothing = _label_smoothing(label_smoothing)
        y = np.multiply(y, 1 - smoothing, out=workspace("smooth", y.shape, x.dtype))
        y += np.asarray(smoothing / widths, x.dtype)[group_of]
    total = np.maximum.reduceat(
        x, starts, axis=1, out=workspace("total", by_group, x.dtype)
    )
    spread = workspace("spread", x.shape, x.dtype)
    # This mode needs no buffer, and no index is out of range.
    np.take(total, group_of, axis=1, out=spread, mode="clip")
    dx = np.subtract(x, spread, out=out)
    np.multiply(dx, y, out=spread)
    likelihood = np.add.reduceat(
        spread, starts, axis=1, out=workspace("likelihood", by_group, x.dtype)
    )
    target = np.add.reduceat(
        y, starts, axis=1, out=workspace("target", by_group, x.dtype)
    )
    np.exp(dx, out=dx)
    np.add.reduceat(dx, starts, axis=1, out=total)
    terms = np.log(total, out=workspace("terms", by_group, x.dtype))
    terms *= target
    terms -= likelihood
    target /= total
    dx *= np.take(target, group_of, axis=1, out=spread, mode="clip")
    dx -= y
    return mean_over_rows(terms, dx, x.shape[0], weight)


@checked(of_one_shape)
def logistic_loss(
    x: Array,
    y: Array,
    *,
    label_smoothing: float = 0.0,
    weight: ArrayLike | None = None,
    out: Array | None = None,
    workspace: Workspace | None = None,
) -> tuple[float, Floats]:
    r"""Binary cross-entropy of the sigmoid of the scores, summed over outputs.

    .. math::

        L &= \frac{1}{N} \sum_{ik} \left(\log(1 + e^{x_{ik}}) - x_{ik} y_{ik}\right), \\
        \frac{\partial L}{\partial x_{ik}} &= \frac{\sigma(x_{ik}) - y_{ik}}{N}

    Here, :math:`\sigma` is the logistic sigmoid. The loss is computed from the scores,
    not from rounded probabilities, so that it neither overflows nor takes the logarithm
    of zero [1]_. ``label_smoothing=s`` moves the targets to ``(1 - s) y + s / 2`` [2]_.

    Parameters
    ----------
    x : ndarray of shape (N, K)
        Scores (log-odds).

    y : ndarray of shape (N, K)
        Zeros and ones, in the dtype of ``x``.

    label_smoothing : float, default=0.0
        How far targets move towards 1/2, in [0, 1).

    weight, out, workspace : optional
        See the conventions of `skfcnet.losses`.

    Returns
    -------
    loss : float
        Mean over the rows, summed over the outputs, in nats.

    dx : ndarray of shape (N, K)
        Its gradient.

    References
    ----------
    .. [1] Goodfellow, I., Bengio, Y., Courville, A., "Deep Learning", MIT Press, 2016,
       section 6.2.2.2.
    .. [2] Szegedy, C., et al., "Rethinking the Inception Architecture for Computer
       Vision", CVPR 2016.

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
    workspace = workspace or Workspace()
    if label_smoothing:
        smoothing = _label_smoothing(label_smoothing)
        y = np.multiply(y, 1 - smoothing, out=workspace("smooth", y.shape, x.dtype))
        y += smoothing / 2
    likelihood = np.multiply(x, y, out=workspace("likelihood", x.shape, x.dtype))
    terms = np.logaddexp(0, x, out=workspace("terms", x.shape, x.dtype))
    terms -= likelihood
    dx = expit(x, out=out)
    dx -= y
    return mean_over_rows(terms, dx, len(x), weight)


def _label_smoothing(value: Any) -> float:
    return checked_number("label_smoothing", value, *FRACTION)


LABEL_SMOOTHING = MappingProxyType({"label_smoothing": _label_smoothing})
