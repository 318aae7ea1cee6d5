"""Links: what turns the scores of a network into predictions, and back."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import log
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logit, softmax

from skfcnet._engine.annotations import Array, Floats, Params
from skfcnet.losses._groups import group_layout

LOG_BOUND = 30.0
"""How far a score that is the logarithm of a mean may be from 0. Means then lie between
1e-13 and 1e13, and neither they nor sums of their squares overflow in float32. Where a
score is farther away, the mean stays constant, and the loss continues along its
tangent, so that its gradient leads back."""


@dataclass(frozen=True)
class Link(ABC):
    r"""The relation between scores and predictions, and all that follows from it.

    With a link function :math:`g`, a score :math:`x = g(p)` stands for the prediction
    :math:`p = g^{-1}(x)`. Scores are arrays of shape (N, S), one row a sample. Those of
    the k members of an ensemble are arrays of shape (k, N, S).

    A link that depends on parameters of the loss has them as fields.

    Attributes
    ----------
    name : {'softmax', 'logistic', 'identity', 'exp'}
        Name of the inverse of the link, as ``out_activation_`` of an estimator.

    scores_per_target : int
        How many scores each target has.

    log_inverse : callable or None
        From scores to the logarithms of the probabilities, computed without rounding
        these to 0 or 1. None if predictions are no probabilities.

    gradients : callable or None
        From scores (N, S), and their gradients (N, S, D) with respect to anything, to
        the gradients of the predictions. None if predictions are the scores themselves,
        or probabilities, whose gradients vanish where they are certain.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet.losses import LINKS
    >>> logistic = LINKS["logistic"]
    >>> logistic.inverse(np.array([[0.0]]))
    array([[0.5]])
    >>> float(logistic.link(0.5))
    0.0
    """

    name: ClassVar[str]
    log_inverse: ClassVar[Any] = None
    gradients: ClassVar[Any] = None

    @property
    def scores_per_target(self) -> int:
        """How many scores each target has."""
        return 1

    @abstractmethod
    def link(self, prediction: float | Floats) -> float | Floats:
        """Return the score that stands for a prediction.

        Parameters
        ----------
        prediction : float or ndarray of shape (scores_per_target,)
            What is predicted for one target.

        Returns
        -------
        score : float or ndarray of shape (scores_per_target,)
            The score, or several.
        """

    @abstractmethod
    def inverse(self, scores: Floats) -> Floats:
        """Return the predictions of scores: probabilities, or values.

        Parameters
        ----------
        scores : ndarray of shape (N, S)
            Scores.

        Returns
        -------
        predictions : ndarray of shape (N, S)
            A new array of the dtype of the scores.
        """

    def decide(self, scores: Floats) -> Array:
        """Return the most likely targets: classes, or the predicted values.

        Parameters
        ----------
        scores : ndarray of shape (N, S)
            Scores.

        Returns
        -------
        decisions : ndarray of shape (N,) or (N, S)
            Class indices (N,), booleans (N, S), or values (N, S).
        """
        return self.inverse(scores)

    @abstractmethod
    def average(self, scores: Floats) -> Floats:
        """Return the scores that stand for the mean prediction of several members.

        Parameters
        ----------
        scores : ndarray of shape (k, N, S)
            The scores of each member.

        Returns
        -------
        average : ndarray of shape (N, S)
            The link function of the mean of the inverses, computed without leaving the
            logarithms of probabilities and of means.
        """

    @abstractmethod
    def average_backward(self, daverage: Floats, scores: Floats) -> Floats:
        """Return the gradient with respect to the scores of each member.

        Parameters
        ----------
        daverage : ndarray of shape (N, S)
            The gradient with respect to what `average` returns.

        scores : ndarray of shape (k, N, S)
            The scores of each member.

        Returns
        -------
        dscores : ndarray of shape (k, N, S)
            The gradient with respect to ``scores``.
        """

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters of the loss that the link depends on."""
        return tuple(field.name for field in fields(self))

    def bind(self, params: Params) -> Self:
        """Return the link with those parameters set that it depends on.

        Parameters
        ----------
        params : Mapping of str to object
            Parameters of the loss by name, already checked.

        Returns
        -------
        link : Link
            The link itself if it depends on none of them.
        """
        own = {name: params[name] for name in self.parameters if name in params}
        return replace(self, **own) if own else self


class Identity(Link):
    """Predictions are the scores."""

    name = "identity"

    def link(self, prediction: float | Floats) -> float | Floats:
        return prediction

    def inverse(self, scores: Floats) -> Floats:
        return np.positive(scores)

    def average(self, scores: Floats) -> Floats:
        return np.mean([self.inverse(own) for own in scores], axis=0)

    def average_backward(self, daverage: Floats, scores: Floats) -> Floats:
        dscores = np.empty_like(scores)
        dscores[...] = daverage / len(scores)
        return dscores


@dataclass(frozen=True)
class Quantiles(Identity):
    """Predictions are the scores of each target in the order of their quantiles.

    Sorting keeps the quantiles from crossing, and moves none farther from the true one
    (V. Chernozhukov, I. Fernández-Val, A. Galichon, "Quantile and Probability Curves
    Without Crossing", Econometrica 78, 2010).
    """

    quantile: float | tuple = 0.5

    @property
    def scores_per_target(self) -> int:
        return np.size(self.quantile)

    def inverse(self, scores: Floats) -> Floats:
        order = self._order(scores)
        by_target = scores.reshape(order.shape)
        return np.take_along_axis(by_target, order, axis=2).reshape(scores.shape)

    def gradients(self, scores: Floats, gradients: Floats) -> Floats:
        order = self._order(scores)
        by_target = gradients.reshape(*order.shape, gradients.shape[2])
        sorted_ = np.take_along_axis(by_target, order[..., np.newaxis], axis=2)
        return sorted_.reshape(gradients.shape)

    def average_backward(self, daverage: Floats, scores: Floats) -> Floats:
        dscores = np.empty_like(scores)
        for own, down in zip(scores, dscores, strict=True):
            order = self._order(own)
            shared = daverage.reshape(order.shape) / len(scores)
            np.put_along_axis(down.reshape(order.shape), order, shared, axis=2)
        return dscores

    def _order(self, scores: Floats) -> Array:
        """Return, for each row and target, which score is which of its quantiles."""
        n, width = scores.shape
        ranks = np.argsort(np.argsort(np.atleast_1d(self.quantile)))
        by_target = scores.reshape(n, width // len(ranks), len(ranks))
        return np.argsort(by_target, axis=2)[:, :, ranks]


class Log(Link):
    r"""Predictions are means :math:`e^x`, with scores bounded by `LOG_BOUND`."""

    name = "exp"

    def link(self, prediction: float | Floats) -> float | Floats:
        return log(prediction)

    def inverse(self, scores: Floats) -> Floats:
        return np.exp(_within_bound(scores))

    def gradients(self, scores: Floats, gradients: Floats) -> Floats:
        slopes = np.where(np.abs(scores) <= LOG_BOUND, self.inverse(scores), 0)
        return slopes[..., np.newaxis] * gradients

    def average(self, scores: Floats) -> Floats:
        return _log_mean_exp(_within_bound(scores))

    def average_backward(self, daverage: Floats, scores: Floats) -> Floats:
        shares = _shares_of_members(_within_bound(scores))
        return daverage * shares * (np.abs(scores) <= LOG_BOUND)


class Logistic(Link):
    r"""Predictions are the probabilities :math:`1 / (1 + e^{-x})` of labels."""

    name = "logistic"

    def link(self, prediction: float | Floats) -> float | Floats:
        return logit(prediction)

    def inverse(self, scores: Floats) -> Floats:
        return expit(scores)

    def log_inverse(self, scores: Floats) -> Floats:
        return log_expit(scores)

    def decide(self, scores: Floats) -> Array:
        return scores > 0

    def average(self, scores: Floats) -> Floats:
        return _log_mean_exp(log_expit(scores)) - _log_mean_exp(log_expit(-scores))

    def average_backward(self, daverage: Floats, scores: Floats) -> Floats:
        against = _shares_of_members(log_expit(-scores))
        towards = _shares_of_members(log_expit(scores))
        return daverage * (towards * expit(-scores) + against * expit(scores))


class Softmax(Link):
    r"""Predictions are probabilities :math:`e^{x_c} / \sum_d e^{x_d}` of classes."""

    name = "softmax"
    groups: ClassVar[Any] = None  # All columns are a single group.

    def link(self, prediction: float | Floats) -> float | Floats:
        return log(prediction)

    def inverse(self, scores: Floats) -> Floats:
        return softmax(scores, axis=1)

    def log_inverse(self, scores: Floats) -> Floats:
        return log_softmax(scores, axis=1)

    def decide(self, scores: Floats) -> Array:
        return scores.argmax(axis=1)

    def average(self, scores: Floats) -> Floats:
        return _log_mean_exp(self._log_p_of_members(scores))

    def average_backward(self, daverage: Floats, scores: Floats) -> Floats:
        log_p = self._log_p_of_members(scores)
        dlog_p = daverage * _shares_of_members(log_p)
        _, starts, group_of = group_layout(scores[0], self.groups)
        sums = np.add.reduceat(dlog_p, starts, axis=2)[:, :, group_of]
        return dlog_p - np.exp(log_p) * sums

    def _log_p_of_members(self, scores: Floats) -> Floats:
        return np.stack([_log_softmax_of_groups(own, self.groups) for own in scores])


@dataclass(frozen=True)
class SoftmaxOfGroups(Softmax):
    """Predictions are probabilities that add up to 1 in every group of columns."""

    groups: tuple | None = None  # type: ignore[misc]  # a constant of other links

    def inverse(self, scores: Floats) -> Floats:
        return np.exp(self.log_inverse(scores))

    def log_inverse(self, scores: Floats) -> Floats:
        return _log_softmax_of_groups(scores, self.groups)

    def decide(self, scores: Floats) -> Array:
        _, starts, group_of = group_layout(scores, self.groups)
        columns = np.arange(scores.shape[1])
        largest = np.maximum.reduceat(scores, starts, axis=1)[:, group_of]
        candidates = np.where(scores == largest, columns, scores.shape[1])
        # In each group one column is chosen: the first of those with the largest score.
        return np.minimum.reduceat(candidates, starts, axis=1)[:, group_of] == columns


def _log_softmax_of_groups(scores: Floats, groups: Sequence[int] | None) -> Floats:
    _, starts, group_of = group_layout(scores, groups)
    log_p = scores - np.maximum.reduceat(scores, starts, axis=1)[:, group_of]
    log_p -= np.log(np.add.reduceat(np.exp(log_p), starts, axis=1))[:, group_of]
    return log_p


def _within_bound(scores: Floats) -> Floats:
    return np.clip(scores, -LOG_BOUND, LOG_BOUND)


def _log_mean_exp(logarithms: Floats) -> Floats:
    """Return the logarithm of the mean over members, from the logarithms of each."""
    return np.logaddexp.reduce(logarithms, axis=0) - log(len(logarithms))


def _shares_of_members(logarithms: Floats) -> Floats:
    """Return what share each member has in the sum over members."""
    return np.exp(logarithms - np.logaddexp.reduce(logarithms, axis=0))


LINKS = MappingProxyType(
    {
        "softmax": Softmax(),
        "softmax_groups": SoftmaxOfGroups(),
        "logistic": Logistic(),
        "identity": Identity(),
        "log": Log(),
        "quantiles": Quantiles(),
    }
)
"""Every link by name. Those with parameters have the default values."""
