"""Splits of rows into a training set and a validation set, and folds of rows.

The splits of `split_by_fraction` and `folds_by_content` depend on the content of the
rows, their weights and the generator, but not on the order of the rows, nor on whether
a row of weight k is given once or k times. Equal rows stay together, so that no row of
a validation set has a copy in its training set, unless they are separate observations
of a table with few different rows (`skfcnet._estimators.repeated_rows`).
"""

from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.batches import numbers_of_contents, order_by_content
from skfcnet._engine.warn import warn
from skfcnet._estimators.repeated_rows import are_observations
from skfcnet._tabular.tables import as_table

PRECISION = 2.0**-26
"""Fractions of rows are multiples of it, so that sums over copies are exact, and the
same as products with the weight of one row."""

N_COMPARED_ROWS = 1000
"""The approximate number of rows by which the scales of two sets are compared."""

MIN_COMPARED_ROWS = 10
"""The minimum number of validation rows of which the scale is compared."""

MAX_RATIO_OF_SCALES = 10
"""Columns have different scales if their spreads differ by a larger factor."""


class Split(NamedTuple):
    """A training set and a validation set.

    Parameters
    ----------
    counts : ndarray of bool, int or float, shape (N,)
        How often each row is in the training set: 0 if it is not, and a fraction if a
        part of the rows that it stands for is.

    validation : ndarray of int
        The indices of the rows of the validation set.

    validation_weight : ndarray or None
        The weights of the rows of the validation set; None if all are 1.
    """

    counts: np.ndarray
    validation: np.ndarray
    validation_weight: np.ndarray | None


class TooFewRowsError(ValueError):
    """The rows are too few to hold out a validation set."""


class DistinctRows:
    """The distinct rows of a table, in a random order within each stratum.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        The rows.

    y : ndarray of shape (N,) or (N, K)
        The targets.

    weight : ndarray of shape (N,) or None
        The repetition counts; None if all are 1.

    strata : ndarray of shape (N,) or None
        The stratum of each row, such as its class. The rows of a stratum follow each
        other. None if there is one stratum.

    rng : numpy.random.Generator
        The generator that draws the order.

    may_divide : bool, default=False
        Whether equal rows that are separate observations are as many distinct rows.

    Attributes
    ----------
    weights : ndarray of shape (n_distinct,)
        The total weight of all copies of each distinct row.

    first_copies : ndarray of int, shape (n_distinct,)
        The index of one copy of each distinct row.

    is_first_of_stratum : ndarray of bool, shape (n_distinct,)
        Which distinct rows are the first of their stratum.
    """

    def __init__(self, X, y, weight, *, strata, rng, may_divide=False):
        self._weight = np.ones(X.shape[0]) if weight is None else weight
        self._order, is_new = order_by_content(X, y, self._weight)
        self._number_of = numbers_of_contents(self._order, is_new)
        first_copies = self._order[is_new]
        weights = np.bincount(self._number_of[self._order], self._weight[self._order])
        self._totals, numbers = weights, np.arange(len(weights))
        is_several = (weights >= 2) & (weights == np.rint(weights))
        if (
            may_divide
            and is_several.any()
            and are_observations(X, y, first_copies, weights)
        ):
            numbers = np.repeat(numbers, np.where(is_several, weights, 1).astype(int))
            weights = np.where(is_several, 1.0, weights)
        numbers = numbers[rng.permutation(len(numbers))]
        stratum_of = np.zeros(len(first_copies), int)
        if strata is not None:
            stratum_of = strata[first_copies]
        self._numbers = numbers[np.argsort(stratum_of[numbers], kind="stable")]
        self.first_copies = first_copies[self._numbers]
        self.weights = weights[self._numbers]
        stratum_of = stratum_of[self._numbers]
        self.is_first_of_stratum = np.append(True, stratum_of[1:] != stratum_of[:-1])

    def __len__(self):
        """Return the number of distinct rows."""
        return len(self._numbers)

    def hold_out(self, chosen, *, evenly=False):
        """Return the split of which the validation set is these rows.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_distinct,)
            The distinct rows.

        evenly : bool, default=False
            Whether equal rows, some of which are chosen, are all trained on in the same
            proportion. Otherwise, the training set has as many of them as remain.

        Returns
        -------
        split : Split
            The split. The validation set has one copy of each chosen row. If all
            weights are integers, it is repeated as often as the weight of all copies
            says, so that a row of weight k gives the same result as k rows.
        """
        validation, weights = self.first_copies[chosen], self.weights[chosen]
        held_out = np.bincount(
            self._numbers[chosen], weights, minlength=len(self._totals)
        )
        remaining = self._totals - held_out
        training = (held_out == 0)[self._number_of]
        is_divided = (held_out > 0) & (remaining > 0)
        if is_divided.any():
            divide = self._even_counts if evenly else self._counts_one_by_one
            training = np.where(
                is_divided[self._number_of], divide(remaining), training
            )
        if (weights == np.rint(weights)).all():
            return Split(training, np.repeat(validation, weights.astype(int)), None)
        return Split(training, validation, weights)

    def _even_counts(self, remaining):
        """Return the same count for all copies of a row, by the weight that remains."""
        counts = np.rint(remaining / self._totals / PRECISION) * PRECISION
        return counts[self._number_of]

    def _counts_one_by_one(self, remaining):
        """Return the counts of copies of which the first ones remain."""
        ordered = self._weight[self._order]
        numbers = self._number_of[self._order]
        starts = np.cumsum(self._totals) - self._totals
        before = np.cumsum(ordered) - ordered - starts[numbers]
        counts = np.empty(len(ordered))
        counts[self._order] = np.clip(remaining[numbers] - before, 0, ordered) / ordered
        return counts

    def too_few(self):
        """Return the error for rows that are too few to be split."""
        return TooFewRowsError(
            f"There are too few rows to hold out a validation set for early "
            f"stopping: n_samples = {len(self._number_of)}, of which "
            f"{len(self._totals)} are different, and every class keeps one row in the "
            f"training set. Pass X_val and y_val, or set early_stopping=False."
        )


def split_by_fraction(X, y, weight, *, fraction, classes=None, min_rows=1, rng):
    """Split rows into a training set and a validation set of a fraction of the weight.

    The distinct rows are visited in a random order, class by class. Each of them adds
    the fraction of its weight to an account. If the account then holds at least half of
    the weight of the row, the row goes to the validation set, and its weight is
    subtracted from the account. In this way the validation set gets the fraction of
    every class, to within half a row. The first row of each class always goes to the
    training set. The validation set gets at most twice the fraction of the distinct
    rows, and leaves half of the others to the training set, so that it does not get
    nearly all rows of small weights. If it has fewer than ``min_rows`` distinct rows in
    the end, it also gets those of the smallest weights.

    Parameters
    ----------
    X, y, weight, rng : as for `DistinctRows`
        The rows.

    fraction : float
        The share of the total weight that the validation set gets, in (0, 1).

    classes : ndarray of shape (N,), default=None
        The classes; None if there is one.

    min_rows : int, default=1
        The minimum number of distinct rows of the validation set.

    Returns
    -------
    split : Split
        The two sets.

    Raises
    ------
    ValueError
        If there are too few distinct rows.
    """
    rows = DistinctRows(X, y, weight, strata=classes, rng=rng, may_divide=True)
    chosen = np.zeros(len(rows), bool)
    account, n_chosen = 0.0, 0
    largest_share = min(2 * fraction, (1 + fraction) / 2)
    for i, row_weight in enumerate(rows.weights.tolist()):
        account += fraction * row_weight
        too_many = n_chosen >= largest_share * (i + 1)
        is_needed = rows.is_first_of_stratum[i]
        if account >= row_weight / 2 and not (is_needed or too_many):
            account -= row_weight
            chosen[i] = True
            n_chosen += 1
    n_missing = min_rows - n_chosen
    if n_missing > 0:
        eligible = np.flatnonzero(~chosen & ~rows.is_first_of_stratum)[::-1]
        eligible = eligible[rows.weights[eligible].argsort(kind="stable")]
        if len(eligible) < n_missing:
            raise rows.too_few()
        chosen[eligible[:n_missing]] = True
    return rows.hold_out(chosen)


def folds_by_content(X, y, weight, *, n_folds, classes=None, min_rows=1, rng):
    """Cut rows into folds of about the same weight, of all rows and of every class.

    The distinct rows of a class are dealt to the folds from the heaviest to the
    lightest, in a random order where weights are equal, and in rounds that go forward
    and backward in turn. The weights of a class in two folds therefore differ by no
    more than that of its heaviest row. The last round begins with the folds that have
    the fewest distinct rows: their numbers in two folds, of all classes and of each,
    differ by at most one. A class of one distinct row is in no fold, so that it is
    trained on.

    Parameters
    ----------
    X, y, weight, classes, rng : as for `split_by_fraction`
        The rows.

    n_folds : int
        The number of folds, at least 2. There are fewer if there are too few rows.

    min_rows : int, default=1
        The minimum number of distinct rows of a fold.

    Returns
    -------
    splits : list of Split
        A split for each fold, which is its validation set.

    Raises
    ------
    ValueError
        If there are too few distinct rows for two folds.
    """
    rows = DistinctRows(X, y, weight, strata=classes, rng=rng, may_divide=True)
    starts = np.flatnonzero(rows.is_first_of_stratum)
    classes = [c for c in np.split(np.arange(len(rows)), starts[1:]) if len(c) > 1]
    n_folds = min(n_folds, sum(map(len, classes)) // min_rows)
    if n_folds < 2:
        raise rows.too_few()
    fold_of = np.full(len(rows), -1)
    totals, n_rows = np.zeros(n_folds), np.zeros(n_folds, int)
    for members in classes:
        weights = rows.weights[members]
        heaviest_first = weights.argsort(kind="stable")[::-1]
        rounds, places = np.divmod(np.arange(len(members)), n_folds)
        is_backward = (rounds[-1] - rounds) % 2 == 1
        places[is_backward] = n_folds - 1 - places[is_backward]
        folds = np.lexsort((totals, n_rows))[places]
        fold_of[members[heaviest_first]] = folds
        totals += np.bincount(folds, weights[heaviest_first], minlength=n_folds)
        n_rows += np.bincount(folds, minlength=n_folds)
    return [rows.hold_out(fold_of == fold, evenly=True) for fold in range(n_folds)]


def splits_by_splitter(splitter, rows, X, y, groups, *, n_splits):
    """Return the first splits of a cross-validation splitter.

    Parameters
    ----------
    splitter : cross-validation splitter
        The splitter, which may yield indices or masks, as in scikit-learn. It splits
        all rows that the user passed, including those of weight 0.

    rows : Rows
        The rows of positive weight.

    X, y : array-like
        The data as the user passed them.

    groups : ndarray or None
        The group of each row that the user passed; None if there are none.

    n_splits : int
        The maximum number of splits.

    Returns
    -------
    splits : list of Split
        The splits of the rows of positive weight. A row that occurs k times in a
        validation set has k times the weight.

    Raises
    ------
    ValueError
        If the splitter fails, or a set has no row of positive weight.
    """
    all_rows = np.arange(as_table(X).shape[0])
    arguments = (X, y) if groups is None else (X, y, groups)
    try:
        splits = list(islice(splitter.split(*arguments), n_splits)) or [((), ())]
        splits = [
            [all_rows[np.ravel(part)] if len(part) else part for part in (train, test)]
            for train, test in splits
        ]
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(f"validation_fraction={splitter!r}: {error}") from error
    return [_split_of_counts(splitter, rows, split, len(all_rows)) for split in splits]


def _split_of_counts(splitter, rows, split, n_rows):
    """Return a split of all rows as one of the rows of positive weight."""
    counts = [
        np.bincount(np.asarray(indices, int), minlength=n_rows)[rows.index]
        for indices in split
    ]
    if not all(part.any() for part in counts):
        raise ValueError(
            f"validation_fraction={splitter!r} yields a training set or a "
            f"validation set without rows of positive weight."
        )
    training, validation = counts
    index = np.flatnonzero(validation)
    return Split(training, index, repeated_weight(rows.weight, validation))


def repeated_weight(weight, counts):
    """Return the weights of the rows that occur, times how often they do; or None."""
    chosen = counts > 0
    weight = None if weight is None else weight[chosen]
    counts = counts[chosen]
    if (counts == 1).all():
        return weight
    if weight is None:
        return counts * 1.0  # as in a bootstrap
    weight = counts * weight
    nearest = np.rint(weight)  # of a fraction of an integer that is an integer
    return np.where(np.isclose(weight, nearest, rtol=1e-12, atol=0), nearest, weight)


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
