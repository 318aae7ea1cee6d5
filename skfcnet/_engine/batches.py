"""Drawing the minibatches of an epoch.

Sample weights are repetition counts: a row of weight k trains exactly as k copies of it
do, to the last bit, and the order of the rows given does not matter. Both follow from
systematic sampling in an order that depends on the content of the rows alone. In that
order, every row has an interval as long as its weight on the line from 0 to the total
weight W. An epoch draws one random offset u, shifts all intervals by it, and takes each
row as often as its interval contains a whole number. That is its weight if the weight
is whole, and on average for any other. If W is not whole, all intervals are scaled such
that it becomes the nearest whole number: every epoch then has the same number of rows
and minibatches. The rows are shuffled and cut into minibatches. Which random numbers
are drawn depends on W only.
"""

from itertools import pairwise
from math import fsum

import numpy as np
from scipy.sparse import issparse

HASH_CHUNK = 512
"""Number of rows that are hashed at a time, so that their words stay in the cache."""

FIRST_COLUMNS = 64
"""Number of columns that are hashed first, in which most rows differ already."""

MAX_MEAN_REPETITION = 8
"""Weights whose mean is larger are rescaled, since epochs would become too long."""


class Batches:
    """The minibatches of an epoch, as arrays of row indices.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        Rows.

    y : ndarray of shape (N,) or (N, K)
        Targets.

    batch_size : int
        Number of rows of a minibatch. The last one of an epoch may be smaller, but is
        never a single row, which batch normalisation cannot use: such a row joins the
        minibatch before it.

    sample_weight : ndarray of shape (N,), default=None
        Positive repetition counts; ones when None.

    shuffle : bool, default=True
        Whether to shuffle the rows in every epoch, or to keep their order.

    Attributes
    ----------
    n_rows : int
        Number of rows of an epoch, with repetitions.
    """

    def __init__(self, X, y, *, batch_size, sample_weight=None, shuffle=True):
        weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        self.batch_size = batch_size
        self.shuffle = shuffle
        self._order = np.arange(len(weight))
        if shuffle:
            self._order, _ = order_by_content(X, y, weight)
        ends = np.cumsum(weight[self._order])
        self.n_rows = max(1, round(ends[-1]))
        self._ends = np.minimum(ends * (self.n_rows / ends[-1]), self.n_rows)
        self._ends[-1] = self.n_rows

    def __len__(self):
        """Return the number of minibatches in an epoch."""
        return n_minibatches(self.n_rows, self.batch_size)

    def epoch(self, rng):
        """Yield the row indices of every minibatch of one epoch.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws the offset and the order.

        Yields
        ------
        rows : ndarray of int
            Indices of the rows of the next minibatch.
        """
        # An offset in single precision is added to a whole number without rounding.
        offset = float(rng.random(dtype=np.float32))
        counts = np.diff(np.floor(self._ends + offset).astype(np.intp), prepend=0)
        rows = np.repeat(self._order, counts)
        if self.shuffle:
            rng.shuffle(rows)
        for start, stop in pairwise(_cuts(len(rows), self.batch_size)):
            yield rows[start:stop]


def n_minibatches(n_rows, batch_size):
    """Return the number of minibatches in an epoch of so many rows."""
    return len(_cuts(n_rows, batch_size)) - 1


def _cuts(n, batch_size):
    cuts = [*range(0, n, batch_size), n]
    single_row_left = n > batch_size > 1 == n % batch_size
    if single_row_left:
        del cuts[-2]
    return cuts


def as_repetition_counts(sample_weight):
    """Return weights as repetition counts.

    Weights whose mean is from 1 to `MAX_MEAN_REPETITION` are kept as they are. With a
    smaller mean, most epochs would leave rows out, and with a larger one, epochs would
    become too long: such weights are scaled to a mean of 1.

    Parameters
    ----------
    sample_weight : ndarray of shape (N,)
        Positive weights.

    Returns
    -------
    sample_weight : ndarray of shape (N,)
        Repetition counts.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.batches import as_repetition_counts
    >>> as_repetition_counts(np.array([1.0, 2.0, 3.0]))
    array([1., 2., 3.])
    >>> as_repetition_counts(np.array([1e-300, 3e-300]))
    array([0.5, 1.5])
    """
    n = len(sample_weight)
    # Divided by the largest, their sum cannot overflow; fsum does not depend on order.
    largest = float(sample_weight.max())
    relative = sample_weight / largest
    total = fsum(relative)
    if n <= total * largest <= MAX_MEAN_REPETITION * n:
        return sample_weight
    return np.maximum(relative * (n / total), np.finfo(np.float64).tiny)


def order_by_content(X, y, weight):
    """Order rows by their content alone.

    Rows are sorted by a hash: the sum of the 32-bit words of X and y, each times a
    fixed random 64-bit number, modulo 2^64. Sums of integers are exact in any order.
    The columns in the middle of X are hashed first. Only rows that are equal there are
    hashed whole, by two such sums, with which two different rows collide with a
    probability below 2^-64 (vector multiply-shift [1]_).

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        Rows.

    y : ndarray of shape (N,) or (N, K)
        Targets.

    weight : ndarray of shape (N,)
        Sample weights, which order rows of equal content.

    Returns
    -------
    order : ndarray of int, shape (N,)
        Indices of the rows in that order.

    is_new : ndarray of bool, shape (N,)
        Whether the content of each row, in that order, differs from the previous one.

    References
    ----------
    .. [1] Thorup, M., "High Speed Hashing for Integers and Strings", arXiv:1504.06804,
       2015.
    """
    middle, half = X.shape[1] // 2, FIRST_COLUMNS // 2
    columns = slice(max(0, middle - half), middle + half)
    (first_hashes,) = _hashes(X, y, n_hashes=1, columns=columns)
    order = first_hashes.argsort()
    first_hashes = first_hashes[order]
    is_new = _differs_from_previous(first_hashes)
    tied = np.flatnonzero(~is_new | ~np.append(is_new[1:], True))
    if tied.size:
        rows = order[tied]
        hashes = _hashes(X[rows], y[rows], n_hashes=2)
        by_content = np.lexsort((weight[rows], *hashes, first_hashes[tied]))
        order[tied] = rows[by_content]
        for values in hashes:
            is_new[tied] |= _differs_from_previous(values[by_content])
    return order, is_new


def numbers_of_contents(order, is_new):
    """Return the number of each row's content, from what `order_by_content` returns.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._engine.batches import numbers_of_contents
    >>> numbers_of_contents(np.array([2, 0, 1]), np.array([True, False, True]))
    array([0, 1, 0])
    """
    numbers = np.empty(len(order), int)
    numbers[order] = np.cumsum(is_new) - 1
    return numbers


def _differs_from_previous(a):
    return np.append(True, a[1:] != a[:-1])


def _hashes(X, y, *, n_hashes, columns=slice(None)):
    """Return sums over the 32-bit words of each row times random numbers."""
    rng = np.random.default_rng(231)
    y = y.reshape(len(y), -1)
    return _word_sums(X, columns, rng, n_hashes) + _word_sums(
        y, slice(None), rng, n_hashes
    )


def _word_sums(a, columns, rng, n_sums):
    n_rows, n_columns = a.shape[0], len(range(a.shape[1])[columns])
    words_per_value = a.dtype.itemsize // 4
    factors = rng.integers(2**64, size=(2, n_columns, words_per_value), dtype=np.uint64)
    factors = factors[:n_sums]
    if issparse(a):
        a = a[:, columns]
        words = _words(a.data.reshape(-1, 1))
        running = np.zeros((n_sums, len(words) + 1), np.uint64)
        terms = np.einsum("ij,kij->ki", words, factors[:, a.indices])
        np.cumsum(terms, axis=1, out=running[:, 1:])
        return running[:, a.indptr[1:]] - running[:, a.indptr[:-1]]
    factors = factors.reshape(n_sums, -1)
    sums = np.empty((n_sums, n_rows), np.uint64)
    for start in range(0, n_rows, HASH_CHUNK):
        rows = slice(start, start + HASH_CHUNK)
        np.einsum("ij,kj->ki", _words(a[rows, columns]), factors, out=sums[:, rows])
    return sums


def _words(values):
    # Adding zero copies, and turns -0.0 into 0.0, to which it is equal.
    positive = np.add(values, values.dtype.type(0), order="C")
    if positive.dtype.kind == "f":
        positive[np.isnan(positive)] = np.nan  # there are many bit patterns of NaN
    return positive.view(np.uint32).astype(np.uint64)
