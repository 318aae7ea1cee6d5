"""Which rows make the next minibatch.

Weights are repetition counts, and training must not depend on how the rows happen to
be ordered: a row of weight k trains exactly as k copies of it, to the last bit. Both
follow from one construction. The rows are put in an order that depends on their
content alone. In that order every row owns a stretch of the line from 0 to the total
weight W, as long as its weight; an epoch throws one random offset u and takes every
row once for each whole number that its stretch, shifted by u, contains. For integer
weights that is the weight itself, for others it is so on average (systematic
sampling). A total that is no whole number is rounded to one, and the stretches with it,
so that every epoch has as many rows and minibatches as the next. The rows drawn are
shuffled and cut into minibatches; the random numbers used depend on W only.
"""

from itertools import pairwise
from math import fsum

import numpy as np
from scipy.sparse import issparse

HASH_CHUNK = 512
"""Rows hashed at a time, so that the words stay in the cache."""

GLANCE = 64
"""Columns by which rows are compared first."""

MAX_REPETITION = 8
"""Total weights above this many times the number of rows are rescaled."""


class Batches:
    """The minibatches of an epoch, as arrays of row numbers.

    Parameters
    ----------
    X : ndarray of shape (N, D) or CSR matrix
        Rows.

    y : ndarray of shape (N,) or (N, K)
        Targets.

    batch_size : int
        Rows of a minibatch. The last one of an epoch is smaller, but never a single
        row, which batch normalisation could not use: it joins the one before it.

    sample_weight : ndarray of shape (N,), default=None
        Positive repetition counts; ones when None.

    shuffle : bool, default=True
        Without it, minibatches follow the order of the rows in every epoch.

    Attributes
    ----------
    n_rows : int
        Rows of an epoch, repetitions counted.
    """

    def __init__(self, X, y, *, batch_size, sample_weight=None, shuffle=True):
        weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        self.batch_size = batch_size
        self.shuffle = shuffle
        self._order = np.arange(len(weight))
        if shuffle:
            self._order, _ = content_order(X, y, weight)
        ends = np.cumsum(weight[self._order])
        self.n_rows = max(1, round(ends[-1]))
        self._ends = np.minimum(ends * (self.n_rows / ends[-1]), self.n_rows)
        self._ends[-1] = self.n_rows

    def __len__(self):
        """Return the number of minibatches in an epoch."""
        return len(self._cuts(self.n_rows)) - 1

    def epoch(self, rng):
        """Yield the row numbers of every minibatch of one epoch.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws the offset and the order.

        Yields
        ------
        rows : ndarray of int
            The rows of the next minibatch.
        """
        # In single precision, so that adding it to a whole number is exact.
        offset = float(rng.random(dtype=np.float32))
        counts = np.diff(np.floor(self._ends + offset).astype(np.intp), prepend=0)
        rows = np.repeat(self._order, counts)
        if self.shuffle:
            rng.shuffle(rows)
        for start, stop in pairwise(self._cuts(len(rows))):
            yield rows[start:stop]

    def _cuts(self, n):
        cuts = [*range(0, n, self.batch_size), n]
        single_row_left = n > self.batch_size > 1 == n % self.batch_size
        if single_row_left:
            del cuts[-2]
        return cuts


def repetitions(sample_weight):
    """Return weights as repetition counts, rescaled where they could not be.

    Totals from N to 8 N, N being the number of rows, are taken at their word; below,
    rows would be left out of most epochs, and above, epochs would grow out of
    proportion: such weights are scaled to a mean of one.

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
    >>> from skfcnet._engine.batches import repetitions
    >>> repetitions(np.array([1.0, 2.0, 3.0]))
    array([1., 2., 3.])
    >>> repetitions(np.array([1e-300, 3e-300]))
    array([0.5, 1.5])
    """
    n = len(sample_weight)
    # Relative to the largest, no sum overflows; fsum is exact in any order of rows.
    largest = float(sample_weight.max())
    relative = sample_weight / largest
    total = fsum(relative)
    if n <= total * largest <= MAX_REPETITION * n:
        return sample_weight
    return np.maximum(relative * (n / total), np.finfo(np.float64).tiny)


def content_order(X, y, weight):
    """Order the rows by their content alone.

    Rows are compared by a hash: a sum over the 32-bit words of X and y, each word
    times a fixed random 64-bit number, modulo 2^64. Integers make it exact, whichever
    way the sum is computed. Most rows differ in the middle of X already: only those
    which do not are hashed whole, and by two sums, for which two given different rows
    collide with a probability below 2^-64 (vector multiply-shift: M. Thorup, "High
    Speed Hashing for Integers and Strings", 2015).

    Returns
    -------
    order : ndarray of int, shape (N,)
        The rows in that order.

    is_new : ndarray of bool, shape (N,)
        For each of them, whether its content differs from that of the one before.
    """
    middle = X.shape[1] // 2
    nearby = slice(max(0, middle - GLANCE // 2), middle + GLANCE // 2)
    (glance,) = _word_sums(X[:, nearby], y, n_sums=1)
    order = glance.argsort()
    glance = glance[order]
    is_new = _differs_from_the_one_before(glance)
    tied = np.flatnonzero(~is_new | ~np.append(is_new[1:], True))
    if tied.size:
        rows = order[tied]
        sums = _word_sums(X[rows], y[rows], n_sums=2)
        by_content = np.lexsort((weight[rows], *sums, glance[tied]))
        order[tied] = rows[by_content]
        for hashes in sums:
            is_new[tied] |= _differs_from_the_one_before(hashes[by_content])
    return order, is_new


def _differs_from_the_one_before(a):
    return np.append(True, a[1:] != a[:-1])


def _word_sums(X, y, *, n_sums):
    """Return sums over each row of its 32-bit words times random numbers."""
    rng = np.random.default_rng(231)
    return _word_sums_of(X, rng, n_sums) + _word_sums_of(y, rng, n_sums)


def _word_sums_of(a, rng, n_sums):
    a = a.reshape(-1, 1) if a.ndim == 1 else a
    n_rows, n_columns = a.shape
    words_per_value = a.dtype.itemsize // 4
    factors = rng.integers(2**64, size=(2, n_columns, words_per_value), dtype=np.uint64)
    factors = factors[:n_sums]
    if issparse(a):
        words = _words(a.data.reshape(-1, 1))
        running = np.zeros((n_sums, len(words) + 1), np.uint64)
        terms = np.einsum("ij,kij->ki", words, factors[:, a.indices])
        np.cumsum(terms, axis=1, out=running[:, 1:])
        return running[:, a.indptr[1:]] - running[:, a.indptr[:-1]]
    factors = factors.reshape(n_sums, -1)
    sums = np.empty((n_sums, n_rows), np.uint64)
    for start in range(0, n_rows, HASH_CHUNK):
        rows = slice(start, start + HASH_CHUNK)
        np.einsum("ij,kj->ki", _words(a[rows]), factors, out=sums[:, rows])
    return sums


def _words(values):
    # Adding zero turns -0.0, which is equal to 0.0, into 0.0, and copies.
    positive = np.add(values, values.dtype.type(0), order="C")
    if positive.dtype.kind == "f":
        positive[np.isnan(positive)] = np.nan  # of one bit pattern among many
    return positive.view(np.uint32).astype(np.uint64)
