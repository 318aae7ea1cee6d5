"""Splitting rows into a training set and a validation set.

Which rows `split_fraction` chooses depends on their content, their weights and the
generator, and not on their order, nor on whether a row of weight k is given once or k
times. Equal rows stay together: no row of the validation set has been trained on.
"""

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.batches import order_by_content
from skfcnet._engine.warn import warn

N_COMPARED_ROWS = 1000
"""About how many rows are looked at to compare the scales of two sets."""

MIN_COMPARED_ROWS = 10
"""The fewest validation rows whose scale is compared."""

MAX_RATIO_OF_SCALES = 10
"""Columns whose spreads differ by a larger factor have different scales."""


def split_fraction(X, y, weight, *, fraction, classes=None, at_least=1, rng):
    """Split rows into those to train on and those to validate on.

    The groups of equal rows are visited in a random order, class by class. Each group
    adds the fraction of its weight to an account, and is validated on when the account
    holds half its weight, which is then taken off: of every class, the fraction is
    validated on, to within half a row. The first group of a class is always trained
    on. The validation set has at most twice the fraction of the groups, and leaves
    half of the others to train on, so that it does not get nearly all groups of small
    weights. Where it has too few, it also gets those of the smallest weights.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        Rows.

    y : ndarray of shape (N,) or (N, K)
        Targets.

    weight : ndarray of shape (N,) or None
        Repetition counts; None: ones.

    fraction : float
        The share of the total weight that the validation set gets, in (0, 1).

    classes : ndarray of shape (N,), default=None
        The classes to stratify by; None: the rows are not stratified.

    at_least : int, default=1
        The fewest groups of the validation set.

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


def split_by(splitter, rows, X, y):
    """Return the first split of a cross-validation splitter.

    Parameters
    ----------
    splitter : cross-validation splitter
        It yields indices or masks, as scikit-learn's cross-validation accepts them. It
        sees all rows that the user passed, also those of weight 0.

    rows : Rows
        The rows of positive weight.

    X, y : array-like
        The data as the user passed them.

    Returns
    -------
    trained, validated : Rows
        The two parts. A row that a part has k times counts k times.

    Raises
    ------
    ValueError
        If the splitter fails, or a part has no row of positive weight.
    """
    all_rows = np.arange(X.shape[0] if hasattr(X, "shape") else len(X))
    try:
        parts = next(iter(splitter.split(X, y)), ((), ()))
        trained, validated = (
            all_rows[np.ravel(part)] if len(part) else part for part in parts
        )
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(f"validation_fraction={splitter!r}: {error}") from error
    parts = []
    for indices in (trained, validated):
        times = np.bincount(indices, minlength=len(all_rows))[rows.index]
        if not times.any():
            raise ValueError(
                f"validation_fraction={splitter!r} leaves no rows of positive weight "
                f"to train on or to validate on."
            )
        part = rows.take(times > 0)
        if times.max() > 1:  # as in a bootstrap sample
            weight = 1.0 if part.weight is None else part.weight
            part = part._replace(weight=weight * times[times > 0])
        parts.append(part)
    return parts


def warn_of_another_scale(X, X_val):
    """Warn where validation rows are clearly not on the scale of the training rows.

    That is where at least half of the columns that vary have a median outside the range
    of the training rows, or quartiles whose distance differs by a factor of more than
    `MAX_RATIO_OF_SCALES`: one of the two sets was scaled, and the other was not.

    Parameters
    ----------
    X, X_val : ndarray of shape (N, D) or CSR matrix
        The rows to train and to validate on. Sparse ones are not looked at.
    """
    if issparse(X) or issparse(X_val) or len(X_val) < MIN_COMPARED_ROWS:
        return
    some, some_val = (
        rows[:: max(1, len(rows) // N_COMPARED_ROWS)].astype(np.float64)
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
    differs |= both & (spread_val > MAX_RATIO_OF_SCALES * spread)
    differs |= both & (spread > MAX_RATIO_OF_SCALES * spread_val)
    varies = low < high
    if varies.any() and 2 * np.count_nonzero(differs & varies) >= varies.sum():
        warn(
            "X_val is on another scale than X: transform it as X was. In a pipeline, "
            "transform_input=['X_val'] does."
        )
