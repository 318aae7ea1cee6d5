"""Predictions for the rows of a fit by the members that did not train on them."""

from math import nan
from typing import NamedTuple

import numpy as np

from skfcnet._engine.members import ensemble_of_members
from skfcnet._tabular.tables import as_table


class OutOfFold(NamedTuple):
    """Out-of-fold predictions for the rows that were passed to `fit`.

    Parameters
    ----------
    predictions : ndarray of shape (N, ...)
        The predicted numbers, or the probabilities of the classes; NaN for rows of
        weight 0, and for those on which all members were trained.

    score : float
        The score of the predictions that are not NaN.
    """

    predictions: np.ndarray
    score: float


def out_of_fold(draft, rows, X):
    """Predict each row by the members of an ensemble that did not train on it.

    Parameters
    ----------
    draft : _BaseFCNet
        The estimator, after training.

    rows : Rows
        The encoded rows.

    X : {array-like, sparse matrix, dataframe}
        The table as the user passed it, with rows of weight 0.

    Returns
    -------
    result : OutOfFold or None
        The predictions, in float64, and their score; None if there are no rows on which
        a member was not trained.
    """
    if rows.member_counts is None:
        return None
    target, decode = draft._target, getattr(draft._target, draft._out_of_fold_method)
    indices, predictions, decisions = [], [], []
    for index, members in _rows_by_left_out_members(rows.member_counts):
        net = ensemble_of_members(draft._net, members)
        scores = net.member_scores(rows.X[index]).astype(np.float64)
        indices.append(index)
        predictions.append(decode(scores, net.objective, np.float64))
        decisions.append(target.predict(scores, net.objective, np.float64))
    if not indices:
        return None
    index, predictions = np.concatenate(indices), np.concatenate(predictions)
    result = np.full((as_table(X).shape[0], *predictions.shape[1:]), np.nan)
    result[rows.index[index]] = predictions
    score = nan
    if len(index) >= target.min_validation_rows:
        weight = None if rows.weight is None else rows.weight[index]
        score = draft._score(rows.y[index], np.concatenate(decisions), weight)
    return OutOfFold(result, float(score))


def _rows_by_left_out_members(counts):
    """Yield rows and the members that did not train on them, if there are any."""
    patterns, pattern_of = np.unique(counts == 0, axis=0, return_inverse=True)
    for k, is_left_out in enumerate(patterns):
        if is_left_out.any():
            # NumPy 2.0 returns the inverse with a second axis.
            yield np.flatnonzero(pattern_of.ravel() == k), np.flatnonzero(is_left_out)
