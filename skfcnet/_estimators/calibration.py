"""Calibration by out-of-fold predictions.

The probabilities of a classifier are made more certain if its predictions were right
more often than they say.

A regressor is calibrated by residuals. A residual is the target minus the prediction,
in units of the scaled target. The residuals are those of rows that the members did not
train on, so that they are as large as the errors on new rows. From their quantiles
follow prediction intervals, from their mean square a standard deviation, and from their
median, or another quantile, how far a predicted quantile has to be shifted.
"""

from math import fsum, inf
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from skfcnet._engine.plan import linear_term
from skfcnet._engine.statistics import ROUNDING, distinct, exact_weights, quantiles

MAX_SHARPENING = 10.0
"""The largest factor of `sharpen_probabilities`, so that differences between scores
that are mere rounding errors stay small."""


class Errors(NamedTuple):
    """How far the predictions of new rows are from their targets.

    Parameters
    ----------
    residuals : list of tuple of ndarray
        The distinct out-of-fold residuals of each target, in ascending order, and the
        total weight of each.

    noise : ndarray of shape (n_targets,)
        The mean square of the residuals of each target, without the variance of the
        members' predictions; 0 if that is larger.
    """

    residuals: list
    noise: np.ndarray

    def bounds(self, level):
        """Return the residuals between which those of new rows are.

        Parameters
        ----------
        level : float
            The share of the new rows, in (0, 1).

        Returns
        -------
        bounds : ndarray of shape (n_targets, 2)
            The lower and the upper bound for each target; each is exceeded by half of
            the other new rows.

        Raises
        ------
        ValueError
            If there are too few residuals for this level.
        """
        upper_level = (1 + level) / 2
        bounds = np.array(
            [
                [
                    conformal_quantile(values, counts, share)
                    for share in (1 - upper_level, upper_level)
                ]
                for values, counts in self.residuals
            ]
        )
        if not np.isfinite(bounds).all():
            n_rows = fsum(self.residuals[0][1])
            raise ValueError(
                f"return_interval={level!r} needs more rows than there were in fit: "
                f"there must be out-of-fold predictions of at least "
                f"{np.ceil(upper_level / (1 - upper_level) - ROUNDING):.0f} rows, and "
                f"there are {n_rows:g}. Fit more rows, or lower return_interval."
            )
        return bounds


def conformal_quantile(values, counts, level):
    r"""Return a quantile of residuals that a new one stays below with a probability.

    If n residuals and a new one are equally likely to be in any order, the new one is
    at most the k-th smallest of the others with a probability of at least k / (n + 1)
    [1]_. The result is the k-th smallest residual, with the smallest k for which this
    is at least the level. For a level below 1/2, the negative residuals are used in the
    same way, with one minus the level, so that the two tails are treated alike.

    Parameters
    ----------
    values, counts : ndarray of shape (K,)
        The distinct residuals, in ascending order, and the weight of each; n is the
        total weight.

    level : float
        The probability, in (0, 1).

    Returns
    -------
    quantile : float
        The quantile; infinite if there are too few residuals.

    References
    ----------
    .. [1] Vovk, V., Gammerman, A., Shafer, G., "Algorithmic Learning in a Random
       World", 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._estimators.calibration import conformal_quantile
    >>> residuals, counts = np.arange(1.0, 20.0), np.ones(19)
    >>> [float(conformal_quantile(residuals, counts, q)) for q in (0.05, 0.9, 0.96)]
    [1.0, 18.0, inf]
    """
    if level < 0.5:
        return -conformal_quantile(-values[::-1], counts[::-1], 1 - level)
    share = level * (1 + 1 / counts.sum())
    if share > 1 + ROUNDING:
        return inf
    return quantiles(values, counts, min(share, 1.0))


def learned_errors(draft, rows, scores):
    """Return what the residuals of out-of-fold predictions tell about new rows.

    Parameters
    ----------
    draft : FCNetRegressor
        The regressor, after training.

    rows : Rows
        The encoded rows that have out-of-fold predictions.

    scores : ndarray of shape (N, S)
        Their out-of-fold scores.

    Returns
    -------
    errors : Errors or None
        The errors; None if several quantiles are predicted.
    """
    net, target = draft._net, draft._target
    if target.n_quantiles > 1:
        return None
    weight = exact_weights(rows.weight, rows.n_rows)
    residuals = target.residuals(rows.target, scores, net.objective)[..., 0]
    noise = _noise(net, target, rows, residuals, weight)
    return Errors([distinct(column, weight) for column in residuals.T], noise)


def _noise(net, target, rows, residuals, weight):
    """Return the mean squares of residuals beyond the variances of the members."""
    excess = residuals**2
    passes = net.test_passes(rows.X.dtype)
    for chunk in passes.chunks_of(rows.X):
        scores = passes(rows.X[chunk]).astype(np.float64)
        excess[chunk] -= target.variance(scores, net.objective)
    excess *= weight[:, np.newaxis]
    total = fsum(weight)
    return np.array([max(0.0, fsum(column) / total) for column in excess.T])


def shift_quantiles(draft, rows, scores):
    """Shift predicted quantiles such that they hold their shares of new rows.

    The shift of a quantile is that quantile of its out-of-fold residuals [1]_. It is
    added to the output biases of all members.

    Parameters
    ----------
    draft : FCNetRegressor
        The regressor, after training with ``loss="quantile"``.

    rows : Rows
        The encoded rows that have out-of-fold predictions.

    scores : ndarray of shape (N, S)
        Their out-of-fold scores.

    Returns
    -------
    scores : ndarray of shape (N, S)
        The shifted scores.

    References
    ----------
    .. [1] Romano, Y., Patterson, E., Candès, E., "Conformalized Quantile Regression",
       NeurIPS 2019.
    """
    target, loss = draft._target, draft._net.objective
    weight = exact_weights(rows.weight, rows.n_rows)
    residuals = target.residuals(rows.target, scores, loss)
    levels = np.broadcast_to(target.quantile, residuals.shape[1:]).ravel()
    columns = residuals.reshape(len(residuals), -1).T
    shifts = [
        conformal_quantile(*distinct(column, weight), level)
        for column, level in zip(columns, levels, strict=True)
    ]
    # With too few rows for a quantile, the largest residual comes closest to it.
    shifts = np.clip(shifts, columns.min(axis=1), columns.max(axis=1))
    draft.intercepts_[-1] = draft.intercepts_[-1] + shifts
    return loss.link.inverse(scores) + shifts


def sharpen_probabilities(draft, rows, scores):
    """Make the probabilities of a classifier more certain if they are too uncertain.

    The scores of all members are multiplied by the factor that minimises the
    out-of-fold loss, which is one over the temperature of temperature scaling [1]_. In
    addition to the rows, one counts that is equally likely to be of any class, so that
    few rows do not justify probabilities close to 0 and 1, even if all predictions are
    right. The factor is not below 1, since the mean of the members is already less
    certain than each of them.

    Parameters
    ----------
    draft : FCNetClassifier
        The classifier, after training.

    rows : Rows
        The encoded rows that have out-of-fold predictions.

    scores : ndarray of shape (N, S)
        Their out-of-fold scores.

    Returns
    -------
    is_changed : bool
        Whether the factor is above 1, so that the network was changed.

    References
    ----------
    .. [1] Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q., "On Calibration of Modern
       Neural Networks", ICML 2017.
    """
    share_of_one_row = 1 / (1 + rows.total_weight())
    loss = draft._net.objective.bind({"label_smoothing": share_of_one_row})
    weight = rows._replace(member_counts=None).normalized_weight()

    def slope(factor):
        _, gradient = loss.function(factor * scores, rows.target, weight=weight)
        return np.vdot(gradient, scores)

    if slope(1.0) >= 0:
        return False
    is_bounded = slope(MAX_SHARPENING) > 0
    factor = brentq(slope, 1.0, MAX_SHARPENING) if is_bounded else MAX_SHARPENING
    draft.coefs_[-1] = factor * draft.coefs_[-1]
    draft.intercepts_[-1] = factor * draft.intercepts_[-1]
    if linear_term(draft._net.stages) is not None:
        draft._net.state["V"] = factor * draft._net.state["V"]
    return True
