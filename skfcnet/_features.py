"""What stands before the network: a table of numbers becomes what it is given.

Every step is fitted to the rows as often as they count: a row of weight k is k rows,
whatever their order, to the last bit.
"""

import numpy as np
from scipy.sparse import issparse

from skfcnet._batches import content_order
from skfcnet._categories import Categories
from skfcnet._input import in_dtype, surely_finite
from skfcnet._scaling import Scaler, counted, quantiles, tally

MAX_COMPONENTS = 1024
"""Components of an embedding, in all columns together, that `n_bins` gives way to."""

FEWEST_BINS = 4
"""Bins that every column may have nevertheless."""

SMALLEST_BIN = 10
"""Rows, repetitions counted, that a bin holds on average, and a tree's at least."""

CHUNK = 2**16
"""Numbers computed at a time, so that they stay in the cache."""


# Embeddings: (values, target, weight, n_bins) -> the edges of the bins of a column,
# ascending. Values are scaled, and none is missing.


def quantile_edges(values, target, weight, n_bins):
    """Return quantiles; where there are few distinct values, these."""
    values, counts = tally(values, weight)
    if len(values) <= n_bins + 1:
        return values
    return np.unique(quantiles(values, counts, np.linspace(0, 1, n_bins + 1)))


def tree_edges(values, target, weight, n_bins):
    """Return where a decision tree that predicts the target splits, and the ends."""
    ends = np.unique([values.min(), values.max()])
    if np.isin(values, ends).all():
        return ends
    # Not at the top of the module: it costs time, and few need it.
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    is_classification = target.dtype.kind != "f"
    tree_class = DecisionTreeClassifier if is_classification else DecisionTreeRegressor
    target = target.astype(np.int64 if is_classification else np.float64)
    # Equal rows become one: the tree sees the same, whether they are repeated or not.
    values = values[:, np.newaxis]
    order, is_new = content_order(values, target, weight)
    first = np.flatnonzero(is_new)
    weight = np.add.reduceat(weight[order], first)
    total = weight.sum()
    smallest = max(SMALLEST_BIN, total / (4 * n_bins))
    rows = order[first]
    tree = tree_class(
        max_leaf_nodes=n_bins,
        min_weight_fraction_leaf=min(0.5, smallest / total),
        random_state=0,
    )
    tree.fit(values[rows], target[rows], sample_weight=weight)
    thresholds = tree.tree_.threshold[tree.tree_.children_left >= 0]
    return np.unique(np.concatenate([ends, thresholds]))


EMBEDDINGS = {
    "ple_quantile": quantile_edges,
    "ple_tree": tree_edges,
    "pbld": None,
}
"""For every ``numeric_embedding``: what returns the edges of a column's bins; None
for the one that is trained, and therefore a layer of the network."""


class PiecewiseLinear:
    r"""Piecewise linear encoding of scaled columns [1]_.

    With the edges :math:`b_0 < \ldots < b_T` of the bins of a column, x becomes the
    T components

    .. math:: e_t = \min(\max((x - b_{t-1}) / (b_t - b_{t-1}), 0), 1),

    which is 1 for the bins below that of x, 0 for those above, and says how far up x
    is in its own. In the paper the first and the last component go on beyond the
    ends. There an outlier makes them as large as the bin at the end is narrow, so
    here they do not; on the California housing data it is the same. A column of two
    values becomes one of 0 and 1, and a constant one nothing.

    Parameters
    ----------
    embedding : {'ple_quantile', 'ple_tree'}
        A key of `EMBEDDINGS`: the edges are quantiles, or the splits of a decision
        tree that predicts the target from the column alone.

    n_bins : int
        Most bins of a column, two or more. With D columns there are not more than
        ``max(4, 1024 // D)`` in any, and no more than one for 10 rows.

    Attributes
    ----------
    width : int
        Number of components of all columns.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On Embeddings for Numerical Features
       in Tabular Deep Learning", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._features import PiecewiseLinear
    >>> X = np.array([[0.0], [1.0], [4.0]])
    >>> encoding = PiecewiseLinear("ple_quantile", 8).fit(X, None, np.ones(3))
    >>> encoding.transform(np.array([[0.5], [2.5], [9.0]]))
    array([[0.5, 0. ],
           [1. , 0.5],
           [1. , 1. ]])
    """

    def __init__(self, embedding, n_bins):
        self.embedding = embedding
        self.n_bins = n_bins

    def fit(self, X, target, weight):
        """Learn the edges.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, or NaN.

        target : ndarray of shape (N,) or (N, K), or None
            What is to be predicted: classes where its dtype is of whole numbers,
            otherwise numbers, scaled. Only for 'ple_tree'.

        weight : ndarray of shape (N,)
            How often each row counts, from `counted`.

        Returns
        -------
        self : PiecewiseLinear
            The fitted encoding.
        """
        most = max(FEWEST_BINS, MAX_COMPONENTS // max(1, X.shape[1]))
        bins = [np.empty((3, 0))]
        for j, column in enumerate(X.T):
            known = ~np.isnan(column)
            # A little more, for weights that were rescaled, and rounded.
            enough = max(2, int(weight[known].sum() / SMALLEST_BIN + 1e-3))
            if known.any():
                edges = EMBEDDINGS[self.embedding](
                    column[known],
                    None if target is None else target[known],
                    weight[known],
                    min(self.n_bins, most, enough),
                ).astype(np.float64)
                bins.append([np.full(len(edges) - 1, j), edges[:-1], np.diff(edges)])
        column, self._left, width = np.hstack(bins)
        self._column = column.astype(int)
        self._rate = 1 / np.maximum(width, 1e-30)  # is finite in single precision
        return self

    @property
    def width(self):
        """Number of components of all columns."""
        return len(self._column)

    def transform(self, X, *, out=None):
        """Encode rows.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, or NaN.

        out : ndarray of shape (N, width), default=None
            Array to write to, of the dtype of X; None: a new one.

        Returns
        -------
        out : ndarray of shape (N, width)
            The components; of NaN, NaN.
        """
        out = np.empty((len(X), self.width), X.dtype) if out is None else out
        return np.clip(self._heights(X, out=out), 0, 1, out=out)

    def pulled_back(self, X, gradients):
        """Return gradients by the columns, given those by the components.

        Where X is on an edge, they are those on its right.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Scaled columns, or NaN.

        gradients : ndarray of shape (N, K, width)
            Gradients of K things by the components of each row.

        Returns
        -------
        gradients : ndarray of shape (N, K, D)
            Gradients by the columns.
        """
        heights = self._heights(X)
        slopes = self._rate * ((heights >= 0) & (heights < 1))
        is_of = self._column[:, np.newaxis] == np.arange(X.shape[1])
        return (gradients * slopes[:, np.newaxis]) @ is_of.astype(slopes.dtype)

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

    * the numeric columns, scaled (`skfcnet._scaling.Scaler`), or where there is an
      embedding the components of the scaled columns instead (`PiecewiseLinear`);
    * for every numeric column with missing values in `fit`, whether it is missing;
    * the categorical columns (`skfcnet._categories.Categories`);
    * where all of these are nothing, a column of zeros.

    The embedding 'pbld' is a layer of the network: it is given the scaled columns.
    Where a number is missing, its scaled column and all its components are 0. Sparse
    rows can be learned from only where nothing is to be done; where something is, they
    are made dense.

    Parameters
    ----------
    scaling : {'robust', 'standard', None}, default='robust'
        How numeric columns are scaled.

    embedding : {'ple_quantile', 'ple_tree', 'pbld', None}, default=None
        How they are embedded.

    n_bins : int, default=48
        Most bins of a column, two or more. Only for piecewise linear encoding. With D
        numeric columns there are not more than ``max(4, 1024 // D)`` in any, and no
        more than one for 10 rows.

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

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._features import Features
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

    def fit(self, X, target=None, weight=None, *, categorical=None):
        """Learn everything from the rows to train on.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (N, D)
            Numbers, finite or NaN, which is missing.

        target : ndarray of shape (N,) or (N, K), default=None
            What is to be predicted: classes where its dtype is of whole numbers,
            otherwise numbers, scaled. Only for 'ple_tree'.

        weight : ndarray of shape (N,), default=None
            Positive repetition counts; None: one each.

        categorical : ndarray of bool, shape (D,), default=None
            Which columns hold numbers that stand for levels; None: none.

        Returns
        -------
        self : Features
            The fitted features.
        """
        mask = np.zeros(X.shape[1], bool) if categorical is None else categorical
        self._numeric, self._categorical = np.flatnonzero(~mask), np.flatnonzero(mask)
        numbers, levels = self._split(X)
        self._with_missing = _columns_with_missing(numbers)
        self.is_identity = (
            self.scaling is self.embedding is None
            and not self._categorical.size
            and not self._with_missing.size
        )
        self.width, self.n_embedded = X.shape[1], 0
        if self.is_identity:
            return self
        weight = counted(weight, len(X))
        self._scaler = Scaler(self.scaling).fit(numbers, weight)
        self._components = None
        if self.embedding is not None and EMBEDDINGS[self.embedding] is None:
            self.n_embedded = self._scaler.width  # by the network
        elif self.embedding is not None:
            scaled = np.empty(numbers.shape, self.dtype)
            for rows in _chunks(scaled):
                self._scaler.transform(numbers[rows], out=scaled[rows])
            self._components = PiecewiseLinear(self.embedding, self.n_bins)
            self._components.fit(scaled, target, weight)
        self._categories = Categories().fit(levels)
        numeric_width = (self._components or self._scaler).width
        self._ends = np.cumsum(
            [numeric_width, len(self._with_missing), self._categories.width]
        )
        self.width = max(1, int(self._ends[-1]))
        return self

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
            X = in_dtype(X, dtype, "X")
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
        if self._components is not None:
            self._components.transform(scaled, out=numeric)
        is_missing = np.isnan(numbers)
        if is_missing.any():
            numeric[np.isnan(numeric)] = 0
        missing[...] = is_missing.take(self._with_missing, axis=1)
        self._categories.transform(levels, out=categories)
        rest[...] = 0


def _columns_with_missing(table):
    if issparse(table) or surely_finite(table):
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
