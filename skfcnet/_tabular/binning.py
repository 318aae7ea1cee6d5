"""Piecewise linear encoding of numeric columns, by bins of their values."""

import numpy as np

from skfcnet._engine.numeric import checked_range
from skfcnet._engine.statistics import distinct, quantiles
from skfcnet._tabular.chunks import row_chunks

MAX_COMPONENTS = 1024
"""All columns together have about this number of bins at most."""

MIN_BINS_PER_COLUMN = 4
"""However many columns there are, each of them can have this number of bins."""

MIN_ROWS_PER_BIN = 10
"""A bin holds at least this number of rows on average."""

LINEAR_FACTOR = 3.0
"""The scaled column beside its components is multiplied by this factor.

It is then about as long as the vector of its components, so that a smooth target is
learned as fast as one with jumps.
"""


def max_bins_per_column(n_columns):
    """Return the most bins that each column can have, if so many columns have any."""
    return max(MIN_BINS_PER_COLUMN, MAX_COMPONENTS // max(1, n_columns))


def have_many_values(table):
    """Return which columns have more than two distinct numbers.

    Parameters
    ----------
    table : ndarray, ColumnTable or RowSelection of shape (N, D)
        Numbers, or NaN.

    Returns
    -------
    many : ndarray of bool, shape (D,)
        Which columns have a number between their lowest and their highest.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.binning import have_many_values
    >>> have_many_values(np.array([[0.0, 1.0, 5.0], [1.0, 2.0, 5.0], [0.0, 3.0, 5.0]]))
    array([False,  True, False])
    """
    chunks = list(row_chunks(table))
    low = np.fmin.reduce([np.fmin.reduce(table[rows]) for rows in chunks])
    high = np.fmax.reduce([np.fmax.reduce(table[rows]) for rows in chunks])
    many = np.zeros(table.shape[1], bool)
    for rows in chunks:
        many |= ((low < table[rows]) & (table[rows] < high)).any(axis=0)
    return many


def bin_edges(values, weight, n_bins):
    """Return the edges of the bins of a column.

    The bins hold equally many rows, except that no value counts as more than a bin: if
    nine of ten rows are 0, the bins are for the others. A column of few distinct values
    has these as edges.

    Parameters
    ----------
    values : ndarray of shape (N,)
        The numbers in a column, at least one, and no NaN.

    weight : ndarray of shape (N,)
        Their weights, from `skfcnet._engine.statistics.exact_weights`.

    n_bins : int
        The most bins.

    Returns
    -------
    edges : ndarray
        At most ``n_bins + 1`` values of the column, in ascending order.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.binning import bin_edges
    >>> bin_edges(np.repeat(np.arange(9.0), [91] + [1] * 8), np.ones(99), 4)
    array([0., 3., 6., 8.])
    """
    values, counts = distinct(values, weight)
    if len(values) <= n_bins + 1:
        return values
    # The weight in each of the other bins if the k most frequent values fill one each:
    largest = np.sort(counts)[::-1][:n_bins]
    rest = counts.sum() - np.cumsum(largest) + largest
    bin_counts = rest / np.arange(n_bins, 0, -1)
    k = np.argmax(largest <= bin_counts)
    counts = np.minimum(counts, bin_counts[k])
    return np.unique(quantiles(values, counts, np.linspace(0, 1, n_bins + 1)))


class PiecewiseLinear:
    r"""Piecewise linear encoding of scaled columns [1]_.

    With the edges :math:`b_0 < \ldots < b_T` of the bins of a column, x becomes the
    T components

    .. math:: e_t = \min(\max((x - b_{t-1}) / (b_t - b_{t-1}), 0), 1),

    which are 1 for the bins below that of x and 0 for those above; the component of the
    bin of x says how far up x is in it. Before the components stands x itself, times
    `LINEAR_FACTOR`: a function that is smooth in x needs no bins, and does not end with
    them. In the paper, the first and the last component go on beyond the ends instead,
    where an outlier makes them as large as the bin at the end is narrow. A column of at
    most two values has no components, which would only repeat the column.

    The edges are those of `bin_edges`. Those at the splits of a decision tree, which
    the paper also has, were no better.

    Parameters
    ----------
    n_bins : int
        The most bins of a column, two or more. With D columns of more than two values,
        no column has more than ``max(4, 1024 // D)``, nor more than one for 10 rows.

    Attributes
    ----------
    width : int
        Number of columns of the output: the columns and all their components.

    References
    ----------
    .. [1] Gorishniy, Y., Rubachev, I., Babenko, A., "On Embeddings for Numerical
       Features in Tabular Deep Learning", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.binning import PiecewiseLinear
    >>> X = np.array([[0.0], [1.0], [4.0]])
    >>> encoding = PiecewiseLinear(8).fit(X, np.ones(3))
    >>> encoding.transform(np.array([[0.5], [2.5], [9.0]]))
    array([[ 1.5,  0.5,  0. ],
           [ 7.5,  1. ,  0.5],
           [27. ,  1. ,  1. ]])
    """

    def __init__(self, n_bins):
        self.n_bins = n_bins

    def fit(self, X, weight):
        """Learn the edges of the bins.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, in which NaN is missing.

        weight : ndarray of shape (N,)
            The weight of each row, from `skfcnet._engine.statistics.exact_weights`.

        Returns
        -------
        self : PiecewiseLinear
            The fitted encoding.
        """
        self._n_columns = X.shape[1]
        binned = np.flatnonzero(have_many_values(X))
        max_bins = min(self.n_bins, max_bins_per_column(len(binned)))
        bins = [np.empty((3, 0))]
        for j in binned:
            is_present = ~np.isnan(X[:, j])
            column, counts = X[is_present, j], weight[is_present]
            # A little is added since weights may have been rescaled and rounded.
            by_rows = max(2, int(counts.sum() / MIN_ROWS_PER_BIN + 1e-3))
            edges = bin_edges(column, counts, min(max_bins, by_rows)).astype(np.float64)
            bins.append([np.full(len(edges) - 1, j), edges[:-1], np.diff(edges)])
        column, self._left, bin_width = np.hstack(bins)
        self._column = column.astype(int)
        self._slope = 1 / np.maximum(bin_width, 1e-30)  # is finite in float32
        return self

    @property
    def width(self):
        """Number of columns of the output."""
        return self._n_columns + len(self._column)

    @np.errstate(over="ignore")
    def transform(self, X, *, out=None):
        """Encode rows.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns without missing values.

        out : ndarray of shape (N, width), default=None
            Array to write to, of the dtype of X; None: a new one.

        Returns
        -------
        out : ndarray of shape (N, width)
            The columns and their components.

        Raises
        ------
        ValueError
            If numbers are too large for the dtype.
        """
        out = np.empty((len(X), self.width), X.dtype) if out is None else out
        linear, components = np.split(out, [self._n_columns], axis=1)
        checked_range(np.multiply(X, X.dtype.type(LINEAR_FACTOR), out=linear), X.dtype)
        np.clip(self._heights(X, out=components), 0, 1, out=components)
        return out

    def backward(self, X, gradients):
        """Return gradients with respect to the columns, given those of the output.

        On an edge, the gradient is that to the right of it.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, in which NaN is missing.

        gradients : ndarray of shape (N, K, width)
            The gradients of K functions with respect to each encoded row.

        Returns
        -------
        gradients : ndarray of shape (N, K, D)
            The gradients with respect to the columns.
        """
        linear, components = np.split(gradients, [self._n_columns], axis=2)
        heights = self._heights(X)
        slopes = self._slope * ((heights >= 0) & (heights < 1))
        is_of = self._column[:, np.newaxis] == np.arange(self._n_columns)
        through_bins = (components * slopes[:, np.newaxis]) @ is_of.astype(slopes.dtype)
        return LINEAR_FACTOR * linear + through_bins

    @np.errstate(over="ignore", under="ignore")
    def _heights(self, X, *, out=None):
        """Return how far up each bin X is: below 0 under it, above 1 over it."""
        out = np.subtract(
            X.take(self._column, axis=1), self._left.astype(X.dtype), out=out
        )
        out *= self._slope.astype(X.dtype)
        return out
