"""Splits of rows into a training set and a validation set.

The split of `split_by_fraction` depends on the content of the rows, their weights and
the generator, but not on the order of the rows, nor on whether a row of weight k is
given once or k times. Equal rows stay together, so that no row of the validation set
has a copy in the training set.
"""

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.batches import order_by_content
from skfcnet._engine.warn import warn

N_COMPARED_ROWS = 1000
"""The approximate number of rows by which the scales of two sets are compared."""

MIN_COMPARED_ROWS = 10
"""The minimum number of validation rows of which the scale is compared."""

MAX_RATIO_OF_SCALES = 10
"""Columns have different scales if their spreads differ by a larger factor."""


def split_by_fraction(X, y, weight, *, fraction, classes=None, min_groups=1, rng):
    """Split rows into a training set and a validation set of a fraction of the weight.

    The groups of equal rows are visited in a random order, class by class. Each group
    adds the fraction of its weight to an account. If the account then holds at least
    half of the weight of the group, the group goes to the validation set, and its
    weight is subtracted from the account. In this way the validation set gets the
    fraction of every class, to within half a row. The first group of each class always
    goes to the training set. The validation set gets at most twice the fraction of the
    groups, and leaves half of the others to the training set, so that it does not get
    nearly all groups of small weights. If it has fewer than ``min_groups`` groups in
    the end, it also gets those of the smallest weights.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        The rows.

    y : ndarray of shape (N,) or (N, K)
        The targets.

    weight : ndarray of shape (N,) or None
        The repetition counts; None if all are 1.

    fraction : float
        The share of the total weight that the validation set gets, in (0, 1).

    classes : ndarray of shape (N,), default=None
        The classes by which the split is stratified; None if it is not stratified.

    min_groups : int, default=1
        The minimum number of groups of the validation set.

    rng : numpy.random.Generator
        The generator that draws the order of the groups.

    Returns
    -------
    training : ndarray of bool, shape (N,)
        The mask of the rows of the training set.

    validation : ndarray of int
        The indices of the rows of the validation set. If all weights are integers, each
        index is repeated as often as its weight says.

    validation_weight : ndarray or None
        The weights of the rows of the validation set; None if all are 1.

    Raises
    ------
    ValueError
        If there are too few different rows.
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
    is_first_of_class = np.append(True, strata[groups][1:] != strata[groups][:-1])
    chosen = np.zeros(len(groups), bool)
    account, n_chosen = 0.0, 0
    largest_share = min(2 * fraction, (1 + fraction) / 2)
    for i, group_weight in enumerate(weights[groups].tolist()):
        account += fraction * group_weight
        too_many = n_chosen >= largest_share * (i + 1)
        if account >= group_weight / 2 and not (is_first_of_class[i] or too_many):
            account -= group_weight
            chosen[i] = True
            n_chosen += 1
    n_missing = min_groups - n_chosen
    if n_missing > 0:
        eligible = np.flatnonzero(~chosen & ~is_first_of_class)[::-1]
        eligible = eligible[weights[groups[eligible]].argsort(kind="stable")]
        if len(eligible) < n_missing:
            raise ValueError(
                f"There are too few rows to hold out a validation set for early "
                f"stopping: n_samples = {X.shape[0]}, of which {len(groups)} are "
                f"different, and every class keeps one row in the training set. Pass "
                f"X_val and y_val, or set early_stopping=False."
            )
        chosen[eligible[:n_missing]] = True

    held_out = groups[chosen]
    validation, weights = first_rows[held_out], weights[held_out]
    training = ~np.isin(group_of, held_out)
    if (weights == np.rint(weights)).all():
        return training, np.repeat(validation, weights.astype(int)), None
    return training, validation, weights


def split_by_splitter(splitter, rows, X, y):
    """Return the first split of a cross-validation splitter.

    Parameters
    ----------
    splitter : cross-validation splitter
        The splitter, which may yield indices or masks, as in scikit-learn. It splits
        all rows that the user passed, including those of weight 0.

    rows : Rows
        The rows of positive weight.

    X, y : array-like
        The data as the user passed them.

    Returns
    -------
    training, validation : Rows
        The rows of the two sets. A row that occurs k times in a set has k times the
        weight.

    Raises
    ------
    ValueError
        If the splitter fails, or a set has no row of positive weight.
    """
    all_rows = np.arange(X.shape[0] if hasattr(X, "shape") else len(X))
    try:
        parts = next(iter(splitter.split(X, y)), ((), ()))
        training, validation = (
            all_rows[np.ravel(part)] if len(part) else part for part in parts
        )
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(f"validation_fraction={splitter!r}: {error}") from error
    parts = []
    for indices in (training, validation):
        counts = np.bincount(indices, minlength=len(all_rows))[rows.index]
        if not counts.any():
            raise ValueError(
                f"validation_fraction={splitter!r} yields a training set or a "
                f"validation set without rows of positive weight."
            )
        part = rows.select(counts > 0)
        if counts.max() > 1:  # as in a bootstrap sample
            weight = 1.0 if part.weight is None else part.weight
            part = part._replace(weight=weight * counts[counts > 0])
        parts.append(part)
    return parts


def warn_if_scales_differ(X, X_val):
    """Warn if the training set and the validation set clearly have different scales.

    This is so if at least half of the columns that vary have a validation median
    outside the range of the training set, or interquartile ranges that differ by a
    factor of more than `MAX_RATIO_OF_SCALES`. Probably one of the sets was scaled, and
    the other was not.

    Parameters
    ----------
    X, X_val : ndarray of shape (N, D) or CSR matrix
        The rows of the training set and of the validation set. Sparse rows are not
        compared.
    """
    if issparse(X) or issparse(X_val) or len(X_val) < MIN_COMPARED_ROWS:
        return
    sample, sample_val = (
        rows[:: max(1, len(rows) // N_COMPARED_ROWS)].astype(np.float64)
        for rows in (X, X_val)
    )
    known = ~(np.isnan(sample).all(axis=0) | np.isnan(sample_val).all(axis=0))
    if not known.any():
        return
    low, lower, upper, high = np.nanquantile(
        sample[:, known], [0, 0.25, 0.75, 1], axis=0
    )
    lower_val, median, upper_val = np.nanquantile(
        sample_val[:, known], [0.25, 0.5, 0.75], axis=0
    )
    spread, spread_val = upper - lower, upper_val - lower_val
    both = (spread > 0) & (spread_val > 0)
    differs = (median < low) | (median > high)
    differs |= both & (spread_val > MAX_RATIO_OF_SCALES * spread)
    differs |= both & (spread > MAX_RATIO_OF_SCALES * spread_val)
    varies = low < high
    if varies.any() and 2 * np.count_nonzero(differs & varies) >= varies.sum():
        warn(
            "X_val is on another scale than X: transform it in the same way as X. A "
            "pipeline does this if transform_input=['X_val']."
        )
