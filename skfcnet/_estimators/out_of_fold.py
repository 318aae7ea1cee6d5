"""Predictions for the rows of a fit by the members that did not train on them."""

from math import nan
from typing import NamedTuple

import numpy as np

from skfcnet._engine.members import ensemble_of_members
from skfcnet._estimators.calibration import (
    Errors,
    learned_errors,
    sharpen_probabilities,
    shift_quantiles,
)
from skfcnet._estimators.rows import repeated_by_content


class OutOfFold(NamedTuple):
    """Out-of-fold predictions for the rows that were passed to `fit`.

    Parameters
    ----------
    predictions : ndarray of shape (N, ...) or None
        The predicted numbers, or the probabilities of the classes; NaN for rows of
        weight 0, and for those on which all members were trained. None if they are not
        kept.

    score : float
        The score of the predictions.

    errors : Errors or None
        What the predictions tell about the errors on new rows; None for classes and for
        several quantiles.
    """

    predictions: np.ndarray | None
    score: float
    errors: Errors | None = None


def out_of_fold(draft, rows, *, n_rows):
    """Predict each row by the members of an ensemble that did not train on it.

    Predicted quantiles are shifted such that they hold their shares of these rows, and
    probabilities that are too uncertain become more certain, in the network as well.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator, after training.

    rows : Rows or None
        The encoded rows of members with folds of their own; None if they have none.

    n_rows : int or None
        The number of rows that the user passed, with those of weight 0. None if the
        predictions are not kept.

    Returns
    -------
    result : OutOfFold or None
        The predictions, in float64, and their score; None if there are no rows on which
        a member was not trained.
    """
    if rows is None:
        return None
    is_predicted = (rows.member_counts < 1).any(axis=1)
    if not is_predicted.any():
        return None
    if not is_predicted.all():
        rows = rows.select(is_predicted)
    # So that a row of weight k gives the same bits as k rows, in any order.
    index, weight = repeated_by_content(rows)
    rows = rows.select(index, weight=weight)
    del index  # which has as much memory as the targets
    scores = _scores_by_left_out_members(draft._net, rows)
    errors = None
    if draft._predicts_numbers:
        if draft._target.loss == "quantile":
            scores = shift_quantiles(draft, rows, scores)
        errors = learned_errors(draft, rows, scores)
    elif sharpen_probabilities(draft, rows, scores):
        scores = _scores_by_left_out_members(draft._net, rows)
    target, objective = draft._target, draft._net.objective
    decode = getattr(target, draft._out_of_fold_method)
    predictions = decode(scores[np.newaxis], objective, np.float64)
    result = None
    if n_rows is not None:
        result = np.full((n_rows, *predictions.shape[1:]), np.nan)
        result[rows.index] = predictions
    score = nan
    if rows.n_rows >= target.min_validation_rows:
        decisions = target.predict(scores[np.newaxis], objective, np.float64)
        score = draft._score(rows.y, decisions, rows.weight)
    return OutOfFold(result, float(score), errors)


def _scores_by_left_out_members(net, rows):
    """Return the mean scores of each row by the members that did not train on it."""
    scores = None
    is_left_out = rows.member_counts < 1
    patterns, pattern_of = np.unique(is_left_out, axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        # NumPy 2.0 returns the inverse with a second axis.
        index = np.flatnonzero(pattern_of.ravel() == k)
        own = ensemble_of_members(net, np.flatnonzero(pattern))
        own_scores = net.objective.average(
            own.member_scores(rows.X[index]).astype(np.float64)
        )
        if scores is None:
            scores = np.empty((rows.n_rows, own_scores.shape[1]))
        scores[index] = own_scores
    return scores
