"""Penalised generalised linear models, fitted side by side to weighted rows.

Each model minimises the weighted mean of a loss plus ``penalty / 2 * ||V||^2``. Its
intercept has no penalty. All models share the rows and the penalty, and differ in the
weights of the rows.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

PENALTIES = 10.0 ** np.arange(1, -6.5, -0.5)
"""The penalties that are tried, from the strongest to the weakest."""

IMPROVEMENT = 1e-3
"""The loss of rows that are held out is lower if it is so by this share at least."""

PATIENCE = 2
"""The path ends after so many penalties without a lower held-out loss."""

MAX_ITERATIONS = 50
"""The maximum number of iterations of L-BFGS for one penalty."""

TOLERANCE = 1e-5
"""L-BFGS stops where no element of the gradient is larger."""

RANK_TOLERANCE = 1e-10
"""Directions of a smaller share of the variance are left out."""


class LinearModels(NamedTuple):
    """Several linear models: ``scores = z @ coef + intercept``.

    Parameters
    ----------
    coef : ndarray of shape (m, F, S)
        The weights of each model.

    intercept : ndarray of shape (m, S)
        Its intercept.

    held_out_loss : float
        The mean loss of rows that are held out.
    """

    coef: np.ndarray
    intercept: np.ndarray
    held_out_loss: float


def fit_linear_models(Z, y, loss, training, held_out, *, scale, start):
    """Fit models for all penalties, and return those of the best penalty.

    The best penalty has the lowest mean loss of rows that are held out. The strongest
    one is infinite: there is no linear model, but only an intercept.

    Parameters
    ----------
    Z : ndarray of float64, shape (N, F)
        The inputs.

    y : ndarray of shape (N,) or (N, K)
        The targets of the loss.

    loss : skfcnet.losses.Loss
        The loss.

    training : ndarray of shape (N, m)
        The weights of the rows for each model.

    held_out : ndarray of shape (N, k)
        The weights of the rows on which each of the first k models is judged.

    scale : ndarray of shape (F,)
        The penalty is that of the coefficients of ``Z / scale``. Where it is 0, the
        input has no coefficient.

    start : ndarray of shape (S,)
        The intercepts at which the search begins.

    Returns
    -------
    models : LinearModels or None
        The models; None if intercepts alone predict the rows held out at least as well,
        or if the inputs are too large to compute with.
    """
    is_used = scale > 0
    if not is_used.any():
        return None
    Z, scale = Z[:, is_used], scale[is_used]
    weight = training.sum(axis=1)
    mean = np.average(Z, axis=0, weights=weight)
    inputs = (Z - mean) / scale
    if not np.isfinite(inputs).all():
        return None
    rotation, variances = _principal_directions(inputs, weight)
    path = _Path(inputs @ rotation, variances, y, loss, training, held_out, start)
    best = path.best()
    if best is None:
        return None
    coefs, intercepts, held_out_loss = best
    of_used = np.einsum("fr,rms->mfs", rotation / scale[:, np.newaxis], coefs)
    coefs = np.zeros((len(of_used), len(is_used), of_used.shape[2]))
    coefs[:, is_used] = of_used
    return LinearModels(coefs, intercepts - mean @ of_used, held_out_loss)


def _principal_directions(inputs, weight):
    """Return the principal directions of weighted rows, and their variances."""
    weighted = inputs * np.sqrt(weight / weight.sum())[:, np.newaxis]
    is_wide = inputs.shape[1] > len(inputs)
    products = weighted @ weighted.T if is_wide else weighted.T @ weighted
    variances, directions = np.linalg.eigh(products)
    counts = variances > RANK_TOLERANCE * max(variances[-1], 0)
    variances, directions = variances[counts], directions[:, counts]
    if is_wide:
        directions = weighted.T @ directions / np.sqrt(variances)
    return directions, variances


class _Path:
    """The models of one penalty after the other, each from those of the one before.

    The inputs are uncorrelated. L-BFGS searches coefficients times ``sqrt(variance +
    penalty)``, in which the squared error is as curved in all directions, and other
    losses nearly so. It therefore needs few iterations.
    """

    def __init__(self, inputs, variances, y, loss, training, held_out, start):
        self._inputs, self._variances = inputs, variances
        self._y, self._loss = y, loss
        self._training, self._held_out = map(_with_mean_one, (training, held_out))
        n_models, n_scores = training.shape[1], len(start)
        self._shape = len(variances) + 1, n_models, n_scores
        # The last row holds the intercepts.
        self._solution = np.zeros(self._shape)
        self._solution[-1] = start

    def best(self):
        """Return coefficients, intercepts and held-out loss of the best penalty.

        Return None if no penalty is better than intercepts alone.
        """
        self._minimise(np.inf)
        lowest, best, n_worse = self._held_out_loss(), None, 0
        for penalty in PENALTIES:
            self._minimise(penalty)
            loss = self._held_out_loss()
            if loss < lowest - IMPROVEMENT * abs(lowest):
                lowest, best, n_worse = loss, self._solution.copy(), 0
            else:
                n_worse += 1
            if n_worse == PATIENCE or not np.isfinite(loss):
                break
        return None if best is None else (best[:-1], best[-1], lowest)

    def _minimise(self, penalty):
        """Move the solution to the minimum for a penalty."""
        unit = np.ones((self._shape[0], 1, 1))
        unit[:-1, 0, 0] = 1 / np.sqrt(self._variances + penalty)
        is_free = unit > 0  # without coefficients, where the penalty is infinite
        penalties = np.full_like(unit, penalty if np.isfinite(penalty) else 0.0)
        penalties[-1] = 0

        def evaluate(vector):
            solution = unit * vector.reshape(self._shape)
            value, gradient = self._training_loss(solution)
            value += 0.5 * (penalties * solution**2).sum()
            gradient += penalties * solution
            return value, (unit * gradient).ravel()

        first = np.divide(
            self._solution, unit, out=np.zeros(self._shape), where=is_free
        )
        options = {"maxiter": MAX_ITERATIONS, "gtol": TOLERANCE}
        result = minimize(
            evaluate, first.ravel(), jac=True, method="L-BFGS-B", options=options
        )
        self._solution = unit * result.x.reshape(self._shape)

    def _scores(self, solution):
        """Return the scores of all rows by each model, of shape (m, N, S)."""
        _, n_models, n_scores = self._shape
        scores = self._inputs @ solution[:-1].reshape(-1, n_models * n_scores)
        scores = scores.reshape(-1, n_models, n_scores) + solution[-1]
        return np.ascontiguousarray(scores.swapaxes(0, 1))

    def _training_loss(self, solution):
        """Return the sum of the training losses of all models, and its gradient."""
        values, dscores = self._losses(self._scores(solution), self._training)
        gradient = np.empty(self._shape)
        by_row = np.ascontiguousarray(dscores.swapaxes(0, 1))
        by_row = by_row.reshape(len(by_row), -1)
        gradient[:-1] = (self._inputs.T @ by_row).reshape(-1, *self._shape[1:])
        gradient[-1] = dscores.sum(axis=1)
        return sum(values), gradient

    def _held_out_loss(self):
        """Return the mean of the losses of rows that are held out."""
        n_judged = self._held_out.shape[1]
        scores = self._scores(self._solution)[:n_judged]
        values, _ = self._losses(scores, self._held_out)
        return sum(values) / n_judged

    def _losses(self, scores, weights):
        """Return the loss of each model, and replace the scores by their gradients."""
        values = [
            self._loss.function(x, self._y, weight=weight, out=x)[0]
            for x, weight in zip(scores, weights.T, strict=True)
        ]
        return values, scores


def _with_mean_one(weights):
    """Return weights of a mean of 1 in each column, as the losses expect them."""
    return weights / weights.mean(axis=0)
