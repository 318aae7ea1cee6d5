"""Exact statistics of weighted values.

A column of numbers is reduced to its distinct values, in ascending order, and the total
weight of each. Whatever is computed from these two is the same, to the last bit, for
the rows in any order, and for one row of weight k as for k rows of weight 1.
"""

from math import floor, fsum, log2

import numpy as np

EXACT_BITS = 52
"""Sums of numbers with at most so many bits are exact in double precision."""

ROUNDING = 1e-12
"""Weights are compared up to this share of their sum."""


def exact_weights(weight, n_rows):
    """Round weights to multiples of a power of 2 such that all their sums are exact.

    Parameters
    ----------
    weight : ndarray of shape (N,) or None
        Positive weights; None: each row has a weight of 1. Whole numbers are not
        changed.

    n_rows : int
        The number of rows, N.

    Returns
    -------
    weight : ndarray of shape (N,)
        The rounded weights, all of them positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.statistics import exact_weights
    >>> weight = exact_weights(np.array([3.0, 0.1, 0.2]), 3)
    >>> weight
    array([3. , 0.1, 0.2])
    >>> bool(sum(weight) == sum(weight[::-1]))
    True
    """
    if weight is None:
        return np.ones(n_rows)
    unit = 2.0 ** (floor(log2(fsum(weight))) + 1 - EXACT_BITS)
    return np.maximum(np.rint(weight / unit), 1) * unit


def distinct(values, weight):
    """Return the distinct values, in ascending order, and the total weight of each.

    Parameters
    ----------
    values : ndarray of shape (N,)
        At least one number, and no NaN.

    weight : ndarray of shape (N,)
        The weight of each value, from `exact_weights`.

    Returns
    -------
    values, counts : ndarray of shape (K,)
        The distinct values, and their total weights.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.statistics import distinct
    >>> distinct(np.array([2.0, 1.0, 2.0]), np.array([1.0, 1.0, 3.0]))
    (array([1., 2.]), array([1., 4.]))
    """
    values = values + values.dtype.type(0)  # -0.0, equal to 0.0, becomes 0.0
    if (weight == weight[0]).all():  # the usual case, which needs no order
        values.sort()
        first = _first_of_equal(values)
        return values[first], np.diff(first, append=len(values)) * weight[0]
    order = values.argsort()
    values = values[order]
    first = _first_of_equal(values)
    return values[first], np.add.reduceat(weight[order], first)


def _first_of_equal(values):
    """Return the index of the first of each run of equal values."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def quantiles(values, counts, levels):
    """Return weighted quantiles, each of which is one of the values.

    This is the inverse of the distribution function, NumPy's "inverted_cdf".

    Parameters
    ----------
    values, counts : ndarray of shape (K,)
        The distinct values and their weights, from `distinct`.

    levels : array-like
        Which quantiles to return, in [0, 1].

    Returns
    -------
    quantiles : ndarray
        For each level q, the smallest value such that the values up to it have at least
        the share q of the total weight.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.statistics import quantiles
    >>> quantiles(np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 1.0]), [0.5, 1])
    array([2., 9.])
    """
    ends = np.cumsum(counts)
    least = np.multiply(levels, ends[-1] * (1 - ROUNDING))
    return values[np.searchsorted(ends, least)]
