"""What stands before the network: a table of numbers becomes what it is given.

Every step is fitted to the rows as often as they count: a row of weight k is k rows,
whatever their order, to the last bit.
"""

from copy import copy

import numpy as np
from scipy.sparse import issparse

from skfcnet._engine.numeric import checked_cast, checked_range, has_finite_norm
from skfcnet._tabular.categories import Categories
from skfcnet._tabular.scaling import Scaler, counted, quantiles, tally

MAX_COMPONENTS = 1024
"""Components of an embedding, in all columns together, that `n_bins` gives way to."""

FEWEST_BINS = 4
"""Bins that every column may have nevertheless."""

SMALLEST_BIN = 10
"""Rows, repetitions counted, that a bin holds on average, at least."""

CHUNK = 2**16
"""Numbers computed at a time, so that they stay in the cache."""


LINEAR_SHARE = 3.0
"""What a scaled column is multiplied by where it stands beside its components.

Their vector is about as long: a smooth target is then learned as fast as a jumping one.
"""

FEWEST_WORTHWHILE = 20
"""Bins of a column from which on the embedding 'auto' is a piecewise linear one."""

GLANCE = 1_000
"""Rows that mostly show how many columns there are to embed."""

EMBEDDINGS = ("ple", "pbld")
"""What ``numeric_embedding`` can be: the one here, or the one the network learns."""


def most_bins(n_columns):
    """Return how many bins each column may have, of so many that have any."""
    return max(FEWEST_BINS, MAX_COMPONENTS // max(1, n_columns))


def have_many_values(table):
    """Return which columns have more than two distinct numbers.

    Parameters
    ----------
    table : ndarray of shape (N, D)
        Numbers, or NaN.

    Returns
    -------
    many : ndarray of bool, shape (D,)
        Those that have a number between their lowest and their highest.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import have_many_values
    >>> have_many_values(np.array([[0.0, 1.0, 5.0], [1.0, 2.0, 5.0], [0.0, 3.0, 5.0]]))
    array([False,  True, False])
    """
    low, high = np.fmin.reduce(table), np.fmax.reduce(table)
    many = np.zeros(table.shape[1], bool)
    for rows in _chunks(table):
        many |= ((low < table[rows]) & (table[rows] < high)).any(axis=0)
    return many


def bin_edges(values, weight, n_bins):
    """Return the edges of the bins of a column: values, ascending.

    The bins hold equally many rows, except that no value counts as more than a bin:
    where nine of ten rows are 0, the bins are for the others. Where there are few
    distinct values, these are the edges.

    Parameters
    ----------
    values : ndarray of shape (N,)
        A column, at least one row, none missing.

    weight : ndarray of shape (N,)
        How often each counts, from `counted`.

    n_bins : int
        Most bins.

    Returns
    -------
    edges : ndarray
        ``n_bins + 1`` at most.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import bin_edges
    >>> bin_edges(np.repeat(np.arange(9.0), [91] + [1] * 8), np.ones(99), 4)
    array([0., 3., 6., 8.])
    """
    values, counts = tally(values, weight)
    if len(values) <= n_bins + 1:
        return values
    # A bin is what is left without the k most frequent values, by the bins left.
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

    which is 1 for the bins below that of x, 0 for those above, and says how far up x
    is in its own. Before them stands x itself, times `LINEAR_SHARE`: what is smooth in
    x needs no bins, and does not end with them. In the paper the first and the last
    component go on beyond the ends instead, where an outlier makes them as large as
    the bin at the end is narrow. A column of two values has no component, which would
    be the column again, nor has a constant.

    The edges are those of `bin_edges`. Those at the splits of a decision tree, as the
    paper has them too, were no better.

    Parameters
    ----------
    n_bins : int
        Most bins of a column, two or more. With D columns of more than two values, no
        column has more than ``max(4, 1024 // D)``, nor more than one for 10 rows.

    Attributes
    ----------
    width : int
        Number of columns of the output: as many as there are, and their components.

    References
    ----------
    .. [1] Gorishniy, Y., Rubachev, I., Babenko, A., "On Embeddings for Numerical
       Features in Tabular Deep Learning", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import PiecewiseLinear
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
        """Learn the edges.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, or NaN.

        weight : ndarray of shape (N,)
            How often each row counts, from `counted`.

        Returns
        -------
        self : PiecewiseLinear
            The fitted encoding.
        """
        self._n_columns = X.shape[1]
        embedded = np.flatnonzero(have_many_values(X))
        most = min(self.n_bins, most_bins(len(embedded)))
        bins = [np.empty((3, 0))]
        for j in embedded:
            known = ~np.isnan(X[:, j])
            column, counts = X[known, j], weight[known]
            # A little more, for weights that were rescaled, and rounded.
            enough = max(2, int(counts.sum() / SMALLEST_BIN + 1e-3))
            edges = bin_edges(column, counts, min(most, enough)).astype(np.float64)
            bins.append([np.full(len(edges) - 1, j), edges[:-1], np.diff(edges)])
        column, self._left, width = np.hstack(bins)
        self._column = column.astype(int)
        self._rate = 1 / np.maximum(width, 1e-30)  # is finite in single precision
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
            Scaled columns, none missing.

        out : ndarray of shape (N, width), default=None
            Array to write to, of the dtype of X; None: a new one.

        Returns
        -------
        out : ndarray of shape (N, width)
            The columns and their components.

        Raises
        ------
        ValueError
            If numbers that are not scaled are too large for the dtype.
        """
        out = np.empty((len(X), self.width), X.dtype) if out is None else out
        linear, components = np.split(out, [self._n_columns], axis=1)
        checked_range(np.multiply(X, X.dtype.type(LINEAR_SHARE), out=linear), X.dtype)
        np.clip(self._heights(X, out=components), 0, 1, out=components)
        return out

    def pulled_back(self, X, gradients):
        """Return gradients by the columns, given those by the components.

        Where X is on an edge, they are those on its right.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, or NaN.

        gradients : ndarray of shape (N, K, width)
            Gradients of K things by the encoding of each row.

        Returns
        -------
        gradients : ndarray of shape (N, K, D)
            Gradients by the columns.
        """
        linear, components = np.split(gradients, [self._n_columns], axis=2)
        heights = self._heights(X)
        slopes = self._rate * ((heights >= 0) & (heights < 1))
        is_of = self._column[:, np.newaxis] == np.arange(self._n_columns)
        through_bins = (components * slopes[:, np.newaxis]) @ is_of.astype(slopes.dtype)
        return LINEAR_SHARE * linear + through_bins

    @np.errstate(over="ignore", under="ignore")
    def _heights(self, X, *, out=None):
        """Return how far up each bin X is: below 0 under it, above 1 over it."""
        out = np.subtract(
            X.take(self._column, axis=1), self._left.astype(X.dtype), out=out
        )
        out *= self._rate.astype(X.dtype)
        return out


class Features:
    """Everything between a table of numbers and the network.

    The columns of the output are, in this order:

    * the numeric columns, scaled (`skfcnet._tabular.scaling.Scaler`), and with the
      embedding 'ple' the components of the scaled columns (`PiecewiseLinear`);
    * for every numeric column with missing values in `fit`, whether it is missing;
    * the categorical columns (`skfcnet._tabular.categories.Categories`);
    * where all of these are nothing, a column of zeros.

    The embedding 'pbld' is a layer of the network: it is given the scaled columns.
    Where a number is missing, its scaled column is 0, as of an average one. Sparse
    rows can be learned from only where nothing is to be done; where something is, they
    are made dense.

    Parameters
    ----------
    scaling : {'robust', 'standard', None}, default='robust'
        How numeric columns are scaled.

    embedding : {'auto', 'ple', 'pbld', None}, default=None
        How they are embedded. 'auto' is 'ple' where rows are dense and there are
        numeric columns of more than two values, 51 at most: with more, the bins of each
        become few, and the columns of the output many.

    n_bins : int, default=48
        Most bins of a column, two or more. Only for piecewise linear encoding. With D
        numeric columns of more than two values, no column has more than
        ``max(4, 1024 // D)``, nor more than one for 10 rows.

    dtype : dtype, default=np.float32
        Of the output, unless told otherwise.

    Attributes
    ----------
    width : int
        Number of columns of the output.

    n_embedded : int
        How many columns of the output, from the first on, the network embeds.

    is_identity : bool
        Whether the output is the table itself, but for missing values.

    without_rows : ndarray of int
        Columns of the output that are of levels without rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.encoder import Features
    >>> X = np.array([[1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [np.nan, 1.0]])
    >>> features = Features().fit(X, categorical=np.array([False, True]))
    >>> features
    Features(scaling='robust', embedding=None, width=5)
    >>> features.transform(X).round(2)
    array([[-0.49,  0.  ,  1.  ,  0.  ,  0.  ],
           [ 0.  ,  0.  ,  0.  ,  0.  ,  1.  ],
           [ 0.49,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  0.  ,  1.  ,  0.  ]], dtype=float32)
    """

    def __init__(
        self,
        *,
        scaling="robust",
        embedding=None,
        n_bins=48,
        dtype=np.float32,
    ):
        self.scaling = scaling
        self.embedding = embedding
        self.n_bins = n_bins
        self.dtype = dtype

    def __repr__(self):
        width = f", width={self.width}" if hasattr(self, "width") else ""
        return (
            f"Features(scaling={self.scaling!r}, embedding={self.embedding!r}{width})"
        )

    def fit(self, X, weight=None, *, categorical=None, n_declared=None):
        """Learn everything from the rows to train on.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (N, D)
            Numbers, finite or NaN, which is missing.

        weight : ndarray of shape (N,), default=None
            Positive repetition counts; None: one each.

        categorical : ndarray of bool, shape (D,), default=None
            Which columns hold numbers that stand for levels; None: none.

        n_declared : list of int, default=None
            How many levels of each of these are there even without rows, as for
            `skfcnet._tabular.categories.Categories`.

        Returns
        -------
        self : Features
            The fitted features.
        """
        mask = np.zeros(X.shape[1], bool) if categorical is None else categorical
        self._numeric, self._categorical = np.flatnonzero(~mask), np.flatnonzero(mask)
        numbers, levels = self._split(X)
        self._with_missing = _columns_with_missing(numbers)
        embedding = self._chosen_embedding(numbers)
        self.is_identity = (
            self.scaling is embedding is None
            and not self._categorical.size
            and not self._with_missing.size
        )
        self.width, self.n_embedded = X.shape[1], 0
        if self.is_identity:
            return self
        weight = counted(weight, len(X))
        self._scaler = Scaler(self.scaling).fit(numbers, weight)
        self._components = None
        if embedding == "pbld":
            self.n_embedded = self._scaler.width  # by the network
        elif embedding == "ple":
            scaled = np.empty(numbers.shape, self.dtype)
            for rows in _chunks(scaled):
                self._scaler.transform(numbers[rows], out=scaled[rows])
            self._components = PiecewiseLinear(self.n_bins).fit(scaled, weight)
        self._categories = Categories().fit(levels, n_declared)
        numeric_width = (self._components or self._scaler).width
        self._ends = np.cumsum(
            [numeric_width, len(self._with_missing), self._categories.width]
        )
        self.width = max(1, int(self._ends[-1]))
        return self

    @property
    def without_rows(self):
        """Columns of the output that are of levels without rows."""
        if self.is_identity:
            return np.empty(0, int)
        return self._ends[1] + self._categories.without_rows

    def fit_transform(self, X, weight=None, **columns):
        """Learn from the rows to train on; return what the network is given of them.

        The parameters are those of `fit`, what is returned is that of `transform`, but
        X is not searched for gaps again.
        """
        self.fit(X, weight, **columns)
        return (
            checked_cast(X, self.dtype, "X") if self.is_identity else self.transform(X)
        )

    def completed(self, X, weight=None):
        """Return features that have learned the scale of more columns.

        It is that of columns that did not vary in any row so far, or were missing, as
        `skfcnet._tabular.scaling.Scaler.completed` learns it. All else stays what it
        is, above all the columns of the output.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (N, D)
            More rows to train on.

        weight : ndarray of shape (N,), default=None
            Positive repetition counts; None: one each.

        Returns
        -------
        features : Features
            Others; these stay what they are.
        """
        if self.is_identity or self._scaler.rate.all():
            return self
        numbers, _ = self._split(X.toarray() if issparse(X) else X)
        features = copy(self)
        weight = counted(weight, len(numbers))
        features._scaler = self._scaler.completed(numbers, weight)
        return features

    def transform(self, X, *, dtype=None):
        """Return what the network is given of rows.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (N, D)
            Numbers, finite or NaN, which is missing.

        dtype : dtype, default=None
            Of the output; None: the one of ``__init__``.

        Returns
        -------
        features : ndarray of shape (N, width), or CSR matrix
            Finite, in the dtype asked for. X itself where nothing changes; otherwise
            new and C-contiguous.

        Raises
        ------
        ValueError
            If numbers are too large for it, which those that 'robust' scaled never
            are.
        """
        dtype = self.dtype if dtype is None else dtype
        if self.is_identity:
            X = checked_cast(X, dtype, "X")
            return np.nan_to_num(X) if _columns_with_missing(X).size else X
        out = np.empty((X.shape[0], self.width), dtype)
        for rows in _chunks(out):
            self._write(X[rows].toarray() if issparse(X) else X[rows], out[rows])
        return out

    @np.errstate(all="ignore")
    def pulled_back(self, X, gradients):
        """Return gradients by the numbers of a table, given those by the features.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Numbers, finite or NaN, which is missing.

        gradients : ndarray of shape (N, K, width)
            Gradients of K things by the features of each row.

        Returns
        -------
        gradients : ndarray of shape (N, K, D)
            Gradients by X, in float64: 0 for what is missing, and for levels.
        """
        if self.is_identity:
            return gradients.astype(np.float64, copy=False)
        out = np.zeros((*gradients.shape[:2], X.shape[1]))
        numbers, _ = self._split(X)
        numeric = gradients[..., : self._ends[0]]
        if self._components is not None:
            scaled = np.empty(numbers.shape, self.dtype)
            self._scaler.transform(numbers, out=scaled)
            numeric = self._components.pulled_back(scaled, numeric)
        numeric = numeric * self._scaler.slopes(numbers)[:, np.newaxis]
        is_known = ~np.isnan(numbers)[:, np.newaxis]
        out[..., self._numeric] = np.where(is_known, numeric, 0)
        return out

    def _chosen_embedding(self, numbers):
        if self.embedding != "auto":
            return self.embedding
        if issparse(numbers):
            return None
        for rows in (numbers[:GLANCE], numbers):
            n_embedded = np.count_nonzero(have_many_values(rows))
            if most_bins(n_embedded) < FEWEST_WORTHWHILE:
                return None
        return "ple" if n_embedded else None

    def _split(self, X):
        if not self._categorical.size:  # no copy
            return X, X[:, :0]
        return X.take(self._numeric, axis=1), X.take(self._categorical, axis=1)

    def _write(self, X, out):
        numeric, missing, categories, rest = np.split(out, self._ends, axis=1)
        numbers, levels = self._split(X)
        scaled = numeric
        if self._components is not None:
            scaled = np.empty(numbers.shape, out.dtype)
        self._scaler.transform(numbers, out=scaled)
        is_missing = np.isnan(numbers)
        if is_missing.any():
            scaled[is_missing] = 0
        if self._components is not None:
            self._components.transform(scaled, out=numeric)
        missing[...] = is_missing.take(self._with_missing, axis=1)
        self._categories.transform(levels, out=categories)
        rest[...] = 0


def _columns_with_missing(table):
    if issparse(table) or has_finite_norm(table):
        return np.empty(0, int)
    found = np.zeros(table.shape[1], bool)
    for rows in _chunks(table):
        found |= np.isnan(table[rows]).any(axis=0)
    return np.flatnonzero(found)


def _chunks(table):
    """Yield slices of rows of a table, of about `CHUNK` numbers each."""
    n_rows, width = table.shape
    step = max(1, CHUNK // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)
