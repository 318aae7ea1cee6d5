"""Whether equal rows of a table are separate observations.

Equal rows can be copies of one observation, as after random oversampling. They say
nothing new about each other, so that they must be on the same side of a split. Or they
are separate observations of a table that has few different rows, such as one of a few
categories. New rows will then be equal to some of them as well, and a split has to deal
them out like any other rows.
"""

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.batches import numbers_of_contents, order_by_content

MIN_NOISE = 0.02
"""Equal rows are observations if their targets have this share of all variance."""

MIN_ROWS_PER_CELL = 10
"""If the targets of equal rows agree, they are observations only if there are, on
average, this many of them."""

MIN_SHARE_BY_CHANCE = 0.1
"""And only if rows would be equal at least this many times as often if the columns were
drawn independently of each other."""


def are_observations(X, y, distinct, weight):
    """Return whether rows with equal features are separate observations.

    They are if their targets differ, as those of copies do not: if the variance of the
    targets of equal rows is a considerable share of the variance of all targets. For
    targets without noise, they are if there are so few different rows that many equal
    ones must be expected.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        The features.

    y : ndarray of shape (N,) or (N, K)
        The targets: numbers, class indices or indicators.

    distinct : ndarray of int, shape (n_distinct,)
        The index of one of all rows that are equal in both X and y.

    weight : ndarray of shape (n_distinct,)
        How often each of these rows occurs.

    Returns
    -------
    are_observations : bool
        Whether they are.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._estimators.repeated_rows import are_observations
    >>> X, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 1, 0, 1])
    >>> are_observations(X, y, np.arange(4), np.array([40.0, 10.0, 20.0, 30.0]))
    True
    >>> X = np.array([[0.2], [0.7], [1.4], [1.5]])
    >>> are_observations(X, y, np.arange(4), np.array([1.0, 9.0, 1.0, 9.0]))
    False
    """
    # Only the cells are copied: X may be large.
    order, is_new = order_by_content(X, np.zeros(X.shape[0]), np.zeros(X.shape[0]))
    cell_of = numbers_of_contents(order, is_new)[distinct]
    in_cell = np.bincount(cell_of, weight)
    columns = y[distinct].reshape(len(distinct), -1).T.astype(np.float64)
    if _noise(columns, weight, cell_of, in_cell) >= MIN_NOISE:
        return True
    if issparse(X) or in_cell.sum() < MIN_ROWS_PER_CELL * len(in_cell):
        return False
    cells = np.asarray(X[order[is_new]])
    return bool(_share_by_chance(cells, in_cell) >= MIN_SHARE_BY_CHANCE)


def _noise(columns, weight, cell_of, in_cell):
    """Return the mean variance of targets in a cell, as a share of their variance."""
    is_repeated = in_cell >= 2
    if not is_repeated.any():
        return 0.0
    n_repeated = in_cell[is_repeated]
    shares = []
    for column in columns:
        column = column / max(abs(column).max(), 1.0)  # so that no square overflows
        column -= np.average(column, weights=weight)
        variance = np.average(column**2, weights=weight)
        mean = np.bincount(cell_of, weight * column) / in_cell
        squares = np.bincount(cell_of, weight * (column - mean[cell_of]) ** 2)
        inside = squares[is_repeated] / (1 - 1 / n_repeated)
        if variance > 0:
            shares.append(inside.sum() / n_repeated.sum() / variance)
    return np.mean(shares) if shares else 0.0


def _share_by_chance(cells, in_cell):
    """Return how often rows would be equal by chance, as a share of how often they are.

    That is the probability that two rows are equal in all columns if these are
    independent, divided by the share of the pairs of rows that are equal.
    """
    shares = in_cell / in_cell.sum()
    log_by_chance = 0.0
    for column in cells.T:
        _, codes = np.unique(column, return_inverse=True)
        log_by_chance += np.log(np.square(np.bincount(codes, shares)).sum())
    return np.exp(log_by_chance - np.log(np.square(shares).sum()))
