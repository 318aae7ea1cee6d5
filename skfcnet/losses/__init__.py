r"""Losses: each returns its mean over the rows and the exact gradient of it.

Conventions
-----------
``loss(x, y, *, weight=None, out=None, workspace=None) -> (value, dx)``, where ``x``
holds a network's scores, one row a sample, and ``dx`` is the gradient with respect to
them, of the shape of ``x``. Parameters of a loss are keywords, too. ``out`` receives
``dx`` and may be ``x`` itself; ``workspace`` lends the scratch arrays. Without either
the call is pure. Arrays of integers are computed with in float64.

``weight`` holds the cost of each row: the value is then :math:`\sum_i w_i l_i / N`,
with the number of rows below, not the sum of the weights, so that the gradient of a
minibatch is an unbiased estimate of that of all rows.

`LOSSES` is the one table of them: the network, the estimators, the gradient tests
and the documentation read it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from math import log
from numbers import Integral
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy.special import expit, kl_div, log_expit, log_softmax, logit, softmax

from skfcnet._engine.arguments import (
    FRACTION,
    POSITIVE,
    as_floats,
    checked,
    checked_mapping,
    checked_number,
    unchecked,
)
from skfcnet._engine.workspace import Workspace

LOG_BOUND = 30.0
"""How far a score, the logarithm of a mean, may be from 0. Means lie between 1e-13 and
1e13: neither they nor a sum of squared gradients overflow in float32. Beyond, the loss
goes on along its tangent, so that its gradient leads back."""


class Domain(NamedTuple):
    """What the targets of a loss may be.

    Parameters
    ----------
    requirement : str
        What they must be, as an adjective.

    contains : callable
        From targets to whether each may be one.

    some_positive : bool, default=False
        Whether a data set must have a positive target. Some of its rows need none.
    """

    requirement: str
    contains: Callable
    some_positive: bool = False

    def check(self, y, *, loss, whole=True):
        """Refuse targets that the loss is not defined for.

        Parameters
        ----------
        y : ndarray
            Targets.

        loss : str
            Name of the loss.

        whole : bool, default=True
            Whether they are those of a whole data set, not of some of its rows.

        Raises
        ------
        ValueError
            If there are any.
        """
        if not self.contains(y).all():
            raise ValueError(f"loss={loss!r} requires {self.requirement} y.")
        if whole and self.some_positive and not (y > 0).any():
            raise ValueError(f"loss={loss!r} requires y with a positive sum.")


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

    output : {'softmax', 'logistic', 'identity', 'exp'}
        Name of the inverse link.

    domain : Domain
        What the targets may be.

    pool : callable
        From the scores of several members of an ensemble (k, N, S) to the scores
        (N, S) of the mean of their predictions, of which ``inverse_link`` makes it.

    pool_backward : callable
        From the gradient of anything with respect to those (N, S), and the scores of
        the members, to that with respect to the scores of the members (k, N, S).

    constant : callable
        From the distinct values of a target and how often each counts, both of shape
        (K,), to the score with the lowest loss among constant ones, of shape () or, for
        several scores of a target, (columns,): where the output biases of an estimator
        start. Of classes, the target is 1 or 0 for each.

    log_inverse_link : callable or None, default=None
        From scores to logarithms of probabilities, where there are any.

    takes_labels : bool, default=False
        Whether the targets are class indices (N,) instead of values (N, K).

    parameters : Mapping of str to callable, default={}
        The keywords of the function that are its parameters, each with what checks and
        converts a value.

    shared : str or None, default=None
        The parameter that all other functions from scores take, too.

    spreads : bool, default=False
        Whether that parameter may hold several values, each with a score of its own
        for every target.

    columns : int, default=1
        How many scores each target has.

    link_gradients : callable or None, default=None
        From scores (N, S) and their gradients (N, S, D) with respect to anything to
        the gradients of the values that ``inverse_link`` makes of them. None: values
        are the scores themselves, or scores are all that has gradients of use.
    """

    function: Callable
    decide: Callable
    inverse_link: Callable
    output: str
    domain: Domain
    pool: Callable
    pool_backward: Callable
    constant: Callable
    log_inverse_link: Callable | None = None
    takes_labels: bool = False
    parameters: Mapping = MappingProxyType({})
    shared: str | None = None
    spreads: bool = False
    columns: int = 1
    link_gradients: Callable | None = None

    @property
    def defaults(self):
        """The values that parameters have unless told otherwise, by name."""
        keywords = signature(self.function).parameters
        return MappingProxyType({k: keywords[k].default for k in self.parameters})

    def bind(self, params):
        """Return the loss with parameters set.

        Parameters
        ----------
        params : Mapping of str to object
            Values by name; the others keep their defaults.

        Returns
        -------
        loss : Loss
            Whose ``function``, ``decide`` and inverse links need not be told the
            parameters, and whose ``columns`` follows from them.

        Raises
        ------
        ValueError
            If the loss has no such parameter, or a value is out of its range.
        """
        if not checked_mapping("loss_params", params):
            return self
        if unknown := sorted(params.keys() - self.parameters.keys()):
            raise ValueError(
                f"{self.function.__name__} has no parameters {unknown}; "
                f"it has {sorted(self.parameters)}."
            )
        params = {name: self.parameters[name](params[name]) for name in params}
        bound = self._replace(function=partial(self.function, **params))
        if self.shared not in params:
            return bound
        shared = {self.shared: params[self.shared]}
        takers = {name: getattr(self, name) for name in _FROM_SCORES}
        return bound._replace(
            columns=np.size(params[self.shared]) if self.spreads else self.columns,
            **{name: f and partial(f, **shared) for name, f in takers.items()},
        )

    def pooled(self, scores):
        """Return the scores of the mean of what members predict.

        Parameters
        ----------
        scores : ndarray of shape (k, N, S)
            Those of every member.

        Returns
        -------
        pooled : ndarray of shape (N, S)
            Where there is a single member, its scores.
        """
        if len(scores) == 1:
            return scores[0]
        with np.errstate(under="ignore"):
            return self.pool(scores)


_FROM_SCORES = (
    "decide",
    "inverse_link",
    "log_inverse_link",
    "link_gradients",
    "pool",
    "pool_backward",
    "constant",
)


# What the losses require of scores and targets, for the door before each.


def _floats(function, x, y):
    x = as_floats(x)
    return x, as_floats(y, x.dtype)


def _of_one_shape(function, x, y):
    x, y = _floats(function, x, y)
    if x.shape != y.shape:
        raise ValueError(
            f"{function} needs predictions x and targets y of one shape, "
            f"got {x.shape} and {y.shape}."
        )
    return x, y


def _scores_and_labels(function, x, y):
    x, y = as_floats(x), np.asarray(y)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{function} needs scores x of shape (N, C) and labels y of shape (N,), "
            f"got {x.shape} and {y.shape}."
        )
    if y.dtype.kind not in "iub":
        raise _not_class_indices(x.shape[1])
    return x, y.astype(np.intp, copy=False)


@checked(_scores_and_labels)
def softmax_loss(x, y, *, label_smoothing=0.0, weight=None, out=None, workspace=None):
    r"""Mean cross-entropy of the softmax of the scores.

    .. math:: L = -\frac{1}{N} \sum_i \log \frac{e^{x_{i, y_i}}}{\sum_c e^{x_{ic}}},
        \qquad \frac{\partial L}{\partial x_{ic}}
        = \frac{p_{ic} - [c = y_i]}{N}

    The largest score of each row is subtracted first, so that no exponential
    overflows [1]_. Label smoothing takes the target of the own class from 1 to
    ``1 - s`` and spreads ``s`` over all classes alike [2]_.

    Parameters
    ----------
    x : ndarray of shape (N, C)
        Scores.

    y : ndarray of int, shape (N,)
        The index of each row's class, from 0 to C - 1.

    label_smoothing : float, default=0.0
        How much of each target is spread over all classes, in [0, 1).

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of shape (N, C), default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over the rows, in nats.

    dx : ndarray of shape (N, C)
        Its gradient.

    Raises
    ------
    ValueError
        If ``y`` does not hold one class index for every row of ``x``, ``weight`` not
        one cost, or ``label_smoothing`` is out of its range.

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
    if np.minimum.reduce(y) < 0:  # as indices they would count from the end
        raise _not_class_indices(n_classes)
    # Classes first: loops then run along the rows, which are many.
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
        weight = _column(weight, x)[:, 0]
        p *= weight
        log_likelihood *= weight
    return -float(np.add.reduce(log_likelihood)) / n, np.positive(p.T, out=out)


@checked(_of_one_shape)
def softmax_groups_loss(
    x, y, *, groups=None, label_smoothing=0.0, weight=None, out=None, workspace=None
):
    r"""Cross-entropy of one softmax for each group of columns, summed over the groups.

    With the softmax :math:`p` of the scores of each group g of neighbouring columns,

    .. math:: L = -\frac{1}{N} \sum_{ig} \sum_{c \in g} y_{ic} \log p_{ic},
        \qquad \frac{\partial L}{\partial x_{ic}} = \frac{p_{ic} - y_{ic}}{N}

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

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of shape (N, C), default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over the rows, summed over the groups, in nats.

    dx : ndarray of shape (N, C)
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, the groups have another total width,
        ``weight`` does not hold one cost for every row, or ``label_smoothing`` is out
        of its range.

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
    groups, starts, group_of = _layout(x, groups)
    workspace = workspace or Workspace()
    by_group = x.shape[0], len(groups)
    if label_smoothing:
        smoothing = _label_smoothing(label_smoothing)
        y = np.multiply(y, 1 - smoothing, out=workspace("smooth", y.shape, x.dtype))
        y += np.asarray(smoothing / groups, x.dtype)[group_of]
    total = np.maximum.reduceat(
        x, starts, axis=1, out=workspace("total", by_group, x.dtype)
    )
    spread = workspace("spread", x.shape, x.dtype)
    # Of the modes that need no buffer; every index is one.
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
    return _mean(terms, dx, x.shape[0], weight)


@checked(_of_one_shape)
def logistic_loss(x, y, *, label_smoothing=0.0, weight=None, out=None, workspace=None):
    r"""Binary cross-entropy of the sigmoid of the scores, summed over outputs.

    .. math:: L = \frac{1}{N} \sum_{ik} \log(1 + e^{x_{ik}}) - x_{ik} y_{ik},
        \qquad \frac{\partial L}{\partial x_{ik}} = \frac{\sigma(x_{ik}) - y_{ik}}{N}

    Computed from the scores, not from rounded probabilities, so that it neither
    overflows nor takes the logarithm of zero [1]_. Label smoothing moves the targets
    to ``(1 - s) y + s / 2`` [2]_.

    Parameters
    ----------
    x : ndarray of shape (N, K)
        Scores (log-odds).

    y : ndarray of shape (N, K)
        Zeros and ones, in the dtype of ``x``.

    label_smoothing : float, default=0.0
        How far targets move towards 1/2, in [0, 1).

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

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
        If ``x`` and ``y`` differ in shape, ``weight`` does not hold one cost for every
        row, or ``label_smoothing`` is out of its range.

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
    return _mean(terms, dx, len(x), weight)


@checked(_of_one_shape)
def mse_loss(x, y, *, weight=None, out=None, workspace=None):
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

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch array of weighted errors.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, or ``weight`` does not hold one cost for
        every row.

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
        np.multiply(dx, _column(weight, dx), out=weighted)
    loss = float(np.vdot(weighted, dx)) / dx.size
    np.multiply(weighted, 2 / dx.size, out=dx)
    return loss, dx


@checked(_of_one_shape)
def squared_error_loss(x, y, *, weight=None, out=None, workspace=None):
    """Half the mean squared error, as scikit-learn's regressors report it.

    Half of `mse_loss`, and so is its gradient.

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets.

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch array of weighted errors.

    Returns
    -------
    loss : float
        Half the mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, or ``weight`` does not hold one cost for
        every row.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import squared_error_loss
    >>> squared_error_loss(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    (1.0, array([0., 1.]))
    """
    squared_error = unchecked(mse_loss)  # x and y have come through this door
    loss, dx = squared_error(x, y, weight=weight, out=out, workspace=workspace)
    dx *= 0.5
    return loss / 2, dx


@checked(_of_one_shape)
def absolute_error_loss(x, y, *, weight=None, out=None, workspace=None):
    r"""Mean absolute error: predictions are medians.

    .. math:: L = \frac{1}{NK} \sum_{ik} |x_{ik} - y_{ik}|,
        \qquad \frac{\partial L}{\partial x_{ik}}
        = \frac{\operatorname{sign}(x_{ik} - y_{ik})}{NK}

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Predictions.

    y : ndarray of the shape of ``x``
        Targets.

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, or ``weight`` does not hold one cost for
        every row.

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
    return _mean(terms, dx, dx.size, weight)


@checked(_of_one_shape)
def huber_loss(x, y, *, delta=1.0, weight=None, out=None, workspace=None):
    r"""Huber loss: half the squared error of small errors, linear in large ones [1]_.

    With the error :math:`e_{ik} = x_{ik} - y_{ik}` and its clipped value
    :math:`c_{ik} = \max(-\delta, \min(e_{ik}, \delta))`,

    .. math:: L = \frac{1}{NK} \sum_{ik} c_{ik} (e_{ik} - c_{ik} / 2),
        \qquad \frac{\partial L}{\partial x_{ik}} = \frac{c_{ik}}{NK}.

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

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over rows and outputs, in squared units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, ``weight`` does not hold one cost for every
        row, or ``delta`` is out of its range.

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
    return _mean(terms, dx, dx.size, weight)


@checked(_floats)
def quantile_loss(x, y, *, quantile=0.5, weight=None, out=None, workspace=None):
    r"""Pinball loss: predictions are quantiles [1]_.

    With the error :math:`e = x_{i, kQ + j} - y_{ik}` of the j-th quantile
    :math:`q_j` of target k, and :math:`g = \operatorname{sign}(e) / 2 + 1/2 - q_j`,

    .. math:: L = \frac{1}{NKQ} \sum_{ikj} g e,
        \qquad \frac{\partial L}{\partial x_{i, kQ + j}} = \frac{g}{NKQ},

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

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over rows, outputs and quantiles, in units of ``y``.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` does not have Q columns for every one of ``y``, ``weight`` does not
        hold one cost for every row, or ``quantile`` is out of its range.

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
    levels = np.asarray(_quantiles(quantile), x.dtype)
    if levels.size == 1:
        _of_one_shape("quantile_loss", x, y)
    elif y.ndim != 2 or x.shape != (y.shape[0], y.shape[1] * levels.size):
        raise ValueError(
            f"quantile_loss needs {levels.size} columns of predictions x for each "
            f"column of targets y, got {x.shape} and {y.shape}."
        )
    workspace = workspace or Workspace()
    shape = (*y.shape, levels.size)
    terms = workspace("terms", shape, x.dtype)
    np.subtract(x.reshape(shape), y[..., np.newaxis], out=terms)
    dx = np.sign(terms, out=None if out is None else out.reshape(shape))
    dx *= 0.5
    dx += 0.5 - levels
    terms *= dx
    return _mean(terms.reshape(x.shape), dx.reshape(x.shape), x.size, weight)


@checked(_of_one_shape)
def poisson_loss(x, y, *, weight=None, out=None, workspace=None):
    r"""Half the Poisson deviance, summed over outputs; scores are logarithms of means.

    .. math:: L = \frac{1}{N} \sum_{ik}
            y_{ik} \log \frac{y_{ik}}{e^{x_{ik}}} - y_{ik} + e^{x_{ik}},
        \qquad \frac{\partial L}{\partial x_{ik}} = \frac{e^{x_{ik}} - y_{ik}}{N}

    The value is what scikit-learn's networks report [1]_, the terms without ``x``
    included: it is 0 for perfect predictions. Where a score is farther than
    `LOG_BOUND` from 0, the loss goes on along its tangent, for it to stay finite.

    Parameters
    ----------
    x : ndarray of shape (N, K)
        Logarithms of the predicted means.

    y : ndarray of shape (N, K)
        Targets, not negative.

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over the rows, summed over the outputs.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, or ``weight`` does not hold one cost for
        every row.

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
    return _mean(terms, dx, len(x), weight)


@checked(_of_one_shape)
def gamma_loss(x, y, *, weight=None, out=None, workspace=None):
    r"""Half the gamma deviance; scores are logarithms of means.

    With the ratio :math:`r_{ik} = y_{ik} / e^{x_{ik}}` of target and mean,

    .. math:: L = \frac{1}{NK} \sum_{ik} r_{ik} - \log r_{ik} - 1,
        \qquad \frac{\partial L}{\partial x_{ik}} = \frac{1 - r_{ik}}{NK}.

    The terms without ``x``, :math:`-\log y_{ik} - 1`, are included: the loss is 0
    for perfect predictions [1]_. Where a score is farther than `LOG_BOUND` from 0, the
    loss goes on along its tangent, for it to stay finite.

    Parameters
    ----------
    x : ndarray of shape (N,) or (N, K)
        Logarithms of the predicted means.

    y : ndarray of the shape of ``x``
        Targets, positive.

    weight : ndarray of shape (N,), default=None
        Cost of each row; None for 1.

    out : ndarray of the shape of ``x``, default=None
        Where to write ``dx``; may be ``x``.

    workspace : Workspace, default=None
        Lends the scratch arrays.

    Returns
    -------
    loss : float
        Mean over rows and outputs.

    dx : ndarray of the shape of ``x``
        Its gradient.

    Raises
    ------
    ValueError
        If ``x`` and ``y`` differ in shape, or ``weight`` does not hold one cost for
        every row.

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
    return _mean(terms, dx, dx.size, weight)


def _not_class_indices(n_classes):
    return ValueError(
        f"softmax_loss needs labels y that are integers from 0 to {n_classes - 1}."
    )


def _mean(terms, dx, n, weight):
    """Return the mean of the terms and, of their derivatives, its gradient."""
    if weight is not None:
        weight = _column(weight, dx)
        terms *= weight
        dx *= weight
    dx *= 1 / n
    return float(terms.sum()) / n, dx


def _column(weight, x):
    """Return the costs of the rows in the dtype of x, to multiply it with."""
    weight = np.asarray(weight, x.dtype)
    if weight.shape != x.shape[:1]:
        raise ValueError(
            f"weight must hold one cost for each of {len(x)} rows, got shape "
            f"{weight.shape}."
        )
    return weight.reshape(-1, *(1,) * (x.ndim - 1))


def _bounded(name, x, workspace):
    """Return scores within `LOG_BOUND`, and by how much each lies outside."""
    bounded = workspace(name, x.shape, x.dtype)
    np.clip(x, -LOG_BOUND, LOG_BOUND, out=bounded)
    return bounded, np.subtract(x, bounded, out=workspace("tail", x.shape, x.dtype))


def _label_smoothing(value):
    return checked_number("label_smoothing", value, *FRACTION)


def _delta(value):
    return checked_number("delta", value, *POSITIVE)


def _quantile(value):
    return checked_number("quantile", value, lambda q: 0 < q < 1, "in (0, 1)")


def _quantiles(value):
    """Return a float, or several as a tuple."""
    if not np.iterable(value):
        return _quantile(value)
    quantiles = tuple(map(_quantile, value))
    if not quantiles:
        raise ValueError("quantile must hold at least one number in (0, 1).")
    return quantiles


def _groups(value):
    """Return widths as a tuple, or None."""
    if value is None:
        return None
    widths = tuple(value) if np.iterable(value) else ()
    if not widths or not all(isinstance(w, Integral) and w > 0 for w in widths):
        raise ValueError(f"groups must hold positive integers, got {value!r}.")
    return tuple(map(int, widths))


def _layout(x, groups):
    """Return the widths of the groups, where each starts, and the one of each column.

    All are arrays.
    """
    if x.ndim != 2:
        raise ValueError(f"Groups are of columns, and x has shape {x.shape}.")
    widths = np.array(_groups(groups) or x.shape[1:])
    if widths.sum() != x.shape[1]:
        raise ValueError(
            f"groups={groups!r} have {widths.sum()} columns together, and x has "
            f"{x.shape[1]}."
        )
    return widths, widths.cumsum() - widths, np.arange(len(widths)).repeat(widths)


def _most_likely(scores):
    return scores.argmax(axis=1)


def _softmax(scores):
    return softmax(scores, axis=1)


def _log_softmax(scores):
    return log_softmax(scores, axis=1)


def _most_likely_of_groups(scores, groups=None):
    """Return a one-hot row for each group, at the first of its largest scores."""
    _, starts, group_of = _layout(scores, groups)
    columns = np.arange(scores.shape[1])
    largest = np.maximum.reduceat(scores, starts, axis=1)[:, group_of]
    candidates = np.where(scores == largest, columns, scores.shape[1])
    return np.minimum.reduceat(candidates, starts, axis=1)[:, group_of] == columns


def _softmax_of_groups(scores, groups=None):
    return np.exp(_log_softmax_of_groups(scores, groups))


def _log_softmax_of_groups(scores, groups=None):
    _, starts, group_of = _layout(scores, groups)
    log_p = scores - np.maximum.reduceat(scores, starts, axis=1)[:, group_of]
    log_p -= np.log(np.add.reduceat(np.exp(log_p), starts, axis=1))[:, group_of]
    return log_p


def _likelier_than_not(scores):
    return scores > 0


def _means(scores):
    return np.exp(np.clip(scores, -LOG_BOUND, LOG_BOUND))


def _gradients_of_means(scores, gradients):
    slope = np.where(np.abs(scores) <= LOG_BOUND, _means(scores), 0)
    return slope[..., np.newaxis] * gradients


def _rearranged(scores, quantile=0.5):
    """Return each target's predictions in the order of their quantiles.

    V. Chernozhukov, I. Fernández-Val, A. Galichon, "Quantile and Probability Curves
    Without Crossing", Econometrica 78, 2010.
    """
    order = _rearrangement(scores, quantile)
    of_targets = scores.reshape(order.shape)
    return np.take_along_axis(of_targets, order, axis=2).reshape(scores.shape)


def _rearranged_gradients(scores, gradients, quantile=0.5):
    order = _rearrangement(scores, quantile)
    of_targets = gradients.reshape(*order.shape, gradients.shape[2])
    moved = np.take_along_axis(of_targets, order[..., np.newaxis], axis=2)
    return moved.reshape(gradients.shape)


def _rearrangement(scores, quantile):
    """Return, for each target, which of its scores are its quantiles."""
    n, width = scores.shape
    ranks = np.argsort(np.argsort(np.atleast_1d(quantile)))
    of_targets = scores.reshape(n, width // len(ranks), len(ranks))
    return np.argsort(of_targets, axis=2)[:, :, ranks]


# From the scores of members (k, N, S) to those of the mean of their predictions: the
# inverse of the inverse link, at that mean. Exponentials are kept in logarithms.


def _mean_scores(scores):
    return scores.mean(axis=0)


def _mean_scores_backward(dpooled, scores):
    dscores = np.empty_like(scores)
    dscores[...] = dpooled / len(scores)
    return dscores


def _pooled_log_odds(scores):
    return _log_mean(log_expit(scores)) - _log_mean(log_expit(-scores))


def _pooled_log_odds_backward(dpooled, scores):
    against, towards = _shares(log_expit(-scores)), _shares(log_expit(scores))
    return dpooled * (towards * expit(-scores) + against * expit(scores))


def _pooled_log_p(scores, groups=None):
    return _log_mean(_log_p_of_members(scores, groups))


def _pooled_log_p_backward(dpooled, scores, groups=None):
    log_p = _log_p_of_members(scores, groups)
    dlog_p = dpooled * _shares(log_p)
    _, starts, group_of = _layout(scores[0], groups)
    of_group = np.add.reduceat(dlog_p, starts, axis=2)[:, :, group_of]
    return dlog_p - np.exp(log_p) * of_group


def _log_p_of_members(scores, groups):
    return np.stack([_log_softmax_of_groups(own, groups) for own in scores])


def _pooled_log_means(scores):
    return _log_mean(np.clip(scores, -LOG_BOUND, LOG_BOUND))


def _pooled_log_means_backward(dpooled, scores):
    shares = _shares(np.clip(scores, -LOG_BOUND, LOG_BOUND))
    return dpooled * shares * (np.abs(scores) <= LOG_BOUND)


def _pooled_quantiles(scores, quantile=0.5):
    return np.mean([_rearranged(own, quantile) for own in scores], axis=0)


def _pooled_quantiles_backward(dpooled, scores, quantile=0.5):
    dscores = np.empty_like(scores)
    for own, down in zip(scores, dscores, strict=True):
        order = _rearrangement(own, quantile)
        moved = dpooled.reshape(order.shape) / len(scores)
        np.put_along_axis(down.reshape(order.shape), order, moved, axis=2)
    return dscores


def _log_mean(logarithms):
    """Return the logarithm of the mean over members of what has such logarithms."""
    return np.logaddexp.reduce(logarithms, axis=0) - log(len(logarithms))


def _shares(logarithms):
    """Return the share of each member in a sum of what has such logarithms."""
    return np.exp(logarithms - np.logaddexp.reduce(logarithms, axis=0))


# The best constant scores of a target, from its distinct values and their counts.
# Shares stay away from 0 and 1 by half a row: few rows leave nothing certain.


def _mean_value(values, counts):
    return (values * (counts / counts.sum())).sum()


def _quantile_values(values, counts, quantile=0.5):
    ends = np.cumsum(counts)
    return values[np.searchsorted(ends, np.multiply(quantile, ends[-1] * (1 - 1e-12)))]


def _share(values, counts):
    half_a_row = 0.5 / max(1.0, counts.sum())
    return np.clip(_mean_value(values, counts), half_a_row, 1 - half_a_row)


def _log_share(values, counts, groups=None):
    return log(_share(values, counts))


def _log_odds(values, counts):
    return logit(_share(values, counts))


def _log_mean_value(values, counts):
    mean = _mean_value(values, counts)
    return log(mean) if mean > 0 else 0.0


def _not_negative(y):
    return y >= 0


def _positive(y):
    return y > 0


def _within_zero_and_one(y):
    return (y >= 0) & (y <= 1)


_ANY = Domain("real", np.isreal)
_SMOOTHING = MappingProxyType({"label_smoothing": _label_smoothing})
_OF_VALUES = {
    "decide": np.positive,
    "inverse_link": np.positive,
    "output": "identity",
    "domain": _ANY,
    "pool": _mean_scores,
    "pool_backward": _mean_scores_backward,
}
_OF_MEANS = {**_OF_VALUES, "constant": _mean_value}
_OF_MEDIANS = {**_OF_VALUES, "constant": _quantile_values}
_OF_LOG_MEANS = {
    "decide": _means,
    "inverse_link": _means,
    "output": "exp",
    "pool": _pooled_log_means,
    "pool_backward": _pooled_log_means_backward,
    "constant": _log_mean_value,
    "link_gradients": _gradients_of_means,
}

LOSSES = {
    "softmax": Loss(
        softmax_loss,
        _most_likely,
        _softmax,
        "softmax",
        Domain("non-negative integer", _not_negative),
        _pooled_log_p,
        _pooled_log_p_backward,
        _log_share,
        log_inverse_link=_log_softmax,
        takes_labels=True,
        parameters=_SMOOTHING,
    ),
    "softmax_groups": Loss(
        softmax_groups_loss,
        _most_likely_of_groups,
        _softmax_of_groups,
        "softmax",
        Domain("[0, 1]-valued", _within_zero_and_one),
        _pooled_log_p,
        _pooled_log_p_backward,
        _log_share,
        log_inverse_link=_log_softmax_of_groups,
        parameters=MappingProxyType({"groups": _groups, **_SMOOTHING}),
        shared="groups",
    ),
    "logistic": Loss(
        logistic_loss,
        _likelier_than_not,
        expit,
        "logistic",
        Domain("[0, 1]-valued", _within_zero_and_one),
        _pooled_log_odds,
        _pooled_log_odds_backward,
        _log_odds,
        log_inverse_link=log_expit,
        parameters=_SMOOTHING,
    ),
    "mse": Loss(mse_loss, **_OF_MEANS),
    "squared_error": Loss(squared_error_loss, **_OF_MEANS),
    "absolute_error": Loss(absolute_error_loss, **_OF_MEDIANS),
    "huber": Loss(
        huber_loss,
        **_OF_MEDIANS,
        parameters=MappingProxyType({"delta": _delta}),
    ),
    "quantile": Loss(
        quantile_loss,
        _rearranged,
        _rearranged,
        "identity",
        _ANY,
        _pooled_quantiles,
        _pooled_quantiles_backward,
        _quantile_values,
        parameters=MappingProxyType({"quantile": _quantiles}),
        shared="quantile",
        spreads=True,
        link_gradients=_rearranged_gradients,
    ),
    "poisson": Loss(
        poisson_loss,
        domain=Domain("non-negative", _not_negative, some_positive=True),
        **_OF_LOG_MEANS,
    ),
    "gamma": Loss(
        gamma_loss,
        domain=Domain("positive", _positive),
        **_OF_LOG_MEANS,
    ),
}
