"""Rows set aside to validate on.

Which rows they are depends on their content, their weights and the generator, and not
on their order, nor on whether a row of weight k is given once or k times. Equal rows
stay together: what is validated on has not been trained on.
"""

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.batches import order_by_content
from skfcnet._engine.warn import warn

COMPARED_ROWS = 1000
"""About so many rows tell on which scale columns are."""

FEWEST_COMPARED = 10
"""Validation rows that tell anything of their scale."""

OTHER_SCALE = 10
"""A spread so many times larger or smaller is one of another scale."""


def holdout(X, y, weight, *, fraction, classes=None, at_least=1, rng):
    """Split rows into those to train on and those to validate on.

    The groups of equal rows are walked in a random order, class by class. Each adds
    the fraction of its weight to an account, and is set aside when the account holds
    half its weight, which is then taken off: every class is set aside in proportion,
    to within half a row. The first group of a class is always trained on. So that
    groups of little weight are not nearly all set aside, the share of the groups that
    are is at most twice the fraction, and leaves half of the others to train on. Where
    too few were set aside, those of the smallest weights are, too.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        Rows.

    y : ndarray of shape (N,) or (N, K)
        Targets.

    weight : ndarray of shape (N,) or None
        Repetition counts; None: ones.

    fraction : float
        How much of the total weight to set aside, in (0, 1).

    classes : ndarray of shape (N,), default=None
        Classes to set aside in proportion; None: no classes.

    at_least : int, default=1
        Fewest groups to set aside.

    rng : numpy.random.Generator
        Draws the order.

    Returns
    -------
    trained : ndarray of bool, shape (N,)
        Which rows to train on.

    validated : ndarray of int
        The rows to validate on. Where all weights are whole numbers, each as often as
        it counts.

    weight : ndarray or None
        What they count; None: one each.

    Raises
    ------
    ValueError
        If too few different rows are left.
    """
    weight = np.ones(X.shape[0]) if weight is None else weight
    order, is_new = order_by_content(X, y, weight)
    group_of = np.empty(len(order), int)
    group_of[order] = np.cumsum(is_new) - 1
    first_rows = order[is_new]
    weights = np.bincount(group_of[order], weight[order])
    strata = np.zeros(len(first_rows), int) if classes is None else classes[first_rows]

    groups = rng.permutation(len(first_rows))
    groups = groups[np.argsort(strata[groups], kind="stable")]
    opens_class = np.append(True, strata[groups][1:] != strata[groups][:-1])
    chosen = np.zeros(len(groups), bool)
    account, n_chosen = 0.0, 0
    largest_share = min(2 * fraction, (1 + fraction) / 2)
    for i, group_weight in enumerate(weights[groups].tolist()):
        account += fraction * group_weight
        too_many = n_chosen >= largest_share * (i + 1)
        if account >= group_weight / 2 and not (opens_class[i] or too_many):
            account -= group_weight
            chosen[i] = True
            n_chosen += 1
    missing = at_least - n_chosen
    if missing > 0:
        eligible = np.flatnonzero(~chosen & ~opens_class)[::-1]
        eligible = eligible[weights[groups[eligible]].argsort(kind="stable")]
        if len(eligible) < missing:
            raise ValueError(
                f"Too few rows to set some aside for early stopping: n_samples = "
                f"{X.shape[0]}, of which {len(groups)} are different. Every class "
                f"keeps one to train on. Pass X_val and y_val, or set "
                f"early_stopping=False."
            )
        chosen[eligible[:missing]] = True

    held_out = groups[chosen]
    validated, weights = first_rows[held_out], weights[held_out]
    trained = ~np.isin(group_of, held_out)
    if (weights == np.rint(weights)).all():
        return trained, np.repeat(validated, weights.astype(int)), None
    return trained, validated, weights


def warn_of_another_scale(X, X_val):
    """Warn where validation rows are clearly not on the scale of the training rows.

    That is where at least half of the columns that vary have a median outside the range
    of the training rows, or quartiles that are more than `OTHER_SCALE` times farther
    apart, or closer together: rows of the one were scaled, and those of the other not.

    Parameters
    ----------
    X, X_val : ndarray of shape (N, D) or CSR matrix
        The rows to train and to validate on. Sparse ones are not looked at.
    """
    if issparse(X) or issparse(X_val) or len(X_val) < FEWEST_COMPARED:
        return
    some, some_val = (
        rows[:: max(1, len(rows) // COMPARED_ROWS)].astype(np.float64)
        for rows in (X, X_val)
    )
    known = ~(np.isnan(some).all(axis=0) | np.isnan(some_val).all(axis=0))
    if not known.any():
        return
    low, lower, upper, high = np.nanquantile(some[:, known], [0, 0.25, 0.75, 1], axis=0)
    lower_val, median, upper_val = np.nanquantile(
        some_val[:, known], [0.25, 0.5, 0.75], axis=0
    )
    spread, spread_val = upper - lower, upper_val - lower_val
    both = (spread > 0) & (spread_val > 0)
    differs = (median < low) | (median > high)
    differs |= both & (spread_val > OTHER_SCALE * spread)
    differs |= both & (spread > OTHER_SCALE * spread_val)
    varies = low < high
    if varies.any() and 2 * np.count_nonzero(differs & varies) >= varies.sum():
        warn(
            "X_val is on another scale than X: transform it as X was. In a pipeline, "
            "transform_input=['X_val'] does."
        )
