"""Encoding of categorical columns."""

import numpy as np

from skfcnet._tabular.chunks import columns_of
from skfcnet._tabular.table_reader import UNKNOWN

MAX_ONEHOT = 32
"""A column of at most so many categories is encoded by one-hot columns."""

EMBEDDING_SIZE = 8
"""A category of a column of more categories is encoded by so many trained numbers."""

SHRINKAGE = 10.0
"""With so many rows, a category gets half of what sets it apart from the others."""


class CategoryEncoder:
    """Encoder of categories that are numbered: it gives those of each column a code.

    Missing values are a category of their own if there are any in `fit`. Columns of few
    categories are encoded by one-hot columns, those of many by a trained embedding. A
    category that the dtype lists, but that no row has, has a code, too.

    Attributes
    ----------
    order : ndarray of int, shape (C,)
        The columns in the order of their codes: those of few categories come first.

    n_onehot : int
        How many these are.

    onehot : dict
        What `skfcnet.layers.onehot_forward` is told. Each category of a column has a
        column of its own, but two categories have a single one, of -1 and 1.

    lookup : dict
        What `skfcnet.layers.lookup_forward` is told. After the rows of the categories
        of a column comes one for all that are unknown.

    features_without_rows, vectors_without_rows : ndarray of int
        Which of the one-hot columns, and which rows of the trained embedding, belong to
        categories that no row has.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.categories import CategoryEncoder
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [np.nan, 4.0], [0.0, 0.0]])
    >>> encoder = CategoryEncoder().fit(X, np.ones(4))
    >>> encoder.transform(X)
    array([[0., 0.],
           [1., 1.],
           [2., 2.],
           [0., 0.]])
    """

    def fit(self, X, weight, n_listed=None):
        """Learn the categories.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            The numbers of categories in the rows to train on; NaN is missing.

        weight : ndarray of shape (N,)
            The weight of each row, from `skfcnet._engine.statistics.exact_weights`.

        n_listed : list of int, default=None
            How many categories the dtype of each column lists; these have the numbers
            from 0 on. None: no dtype lists any.

        Returns
        -------
        self : CategoryEncoder
            The fitted encoder.
        """
        n_listed = [0] * X.shape[1] if n_listed is None else n_listed
        columns = [
            _Column(values, weight, n)
            for values, n in zip(columns_of(X), n_listed, strict=True)
        ]
        is_large = np.array([len(c.counts) > MAX_ONEHOT for c in columns], bool)
        self.order = np.argsort(is_large, kind="stable")
        self.n_onehot = int(np.count_nonzero(~is_large))
        self._columns = [columns[j] for j in self.order]
        self._learn_onehot(self._columns[: self.n_onehot])
        self._learn_lookup(self._columns[self.n_onehot :])
        return self

    def _learn_onehot(self, columns):
        features = []
        for j, column in enumerate(columns):
            if len(column.counts) == 2 and column.counts.all():
                features.append((j, 1, 0, True))
            else:
                features += [(j, k, np.nan, n > 0) for k, n in enumerate(column.counts)]
        # They are floats, as the codes are: ONNX compares only numbers of one type.
        table = np.array(features, dtype=float).reshape(-1, 4)
        column, plus, minus, has_rows = table.T
        self.onehot = {"column": column.astype(int), "plus": plus, "minus": minus}
        self.features_without_rows = np.flatnonzero(has_rows == 0)

    def _learn_lookup(self, columns):
        factors = [column.factors() for column in columns]
        ends = np.cumsum([len(factor) for factor in factors], dtype=int)
        counts = [np.append(column.counts, 0) for column in columns]
        self.vectors_without_rows = np.flatnonzero(np.concatenate([*counts, []]) == 0)
        for column in columns:
            column.code_of_unknown = len(column.counts)
        self.lookup = {
            "first_row": np.append(0, ends[:-1]).astype(int),
            "factor": np.concatenate([*factors, []]),
            "size": EMBEDDING_SIZE,
        }

    def transform(self, X, *, out=None):
        """Return the codes of the categories of rows.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            The numbers of categories; NaN is missing.

        out : ndarray of shape (N, C), default=None
            Array to write to; None: a new one, of float64.

        Returns
        -------
        out : ndarray of shape (N, C)
            The codes, with the columns in the order of ``order``.
        """
        out = np.empty(X.shape) if out is None else out
        for j, column in enumerate(self._columns):
            out[:, j] = column.codes(X[:, self.order[j]])
        return out

    @property
    def shares(self):
        """The share of the rows that has each code, for the columns in their order."""
        return [column.counts / column.counts.sum() for column in self._columns]

    def codes_of(self, place, n_categories):
        """Return the codes of the categories of one column.

        Parameters
        ----------
        place : int
            The place of the column in the order of the codes.

        n_categories : int
            How many categories the reader has numbered.

        Returns
        -------
        codes : ndarray of shape (n_categories,)
            The code of each of them.

        unknown, missing : float
            The code of unknown categories, and that of missing values.
        """
        numbers = np.append(np.arange(float(n_categories)), [UNKNOWN, np.nan])
        *codes, unknown, missing = self._columns[place].codes(numbers)
        return np.array(codes), unknown, missing


class _Column:
    """The categories of a column, in the order of their codes; NaN comes last."""

    def __init__(self, values, weight, n_listed):
        is_known = values != UNKNOWN
        values, weight = values[is_known], weight[is_known]
        self._categories = np.unique(np.append(values, np.arange(n_listed)))
        codes = np.searchsorted(self._categories, values)
        self.counts = np.bincount(codes, weight, minlength=len(self._categories))
        self.code_of_unknown = UNKNOWN

    def codes(self, values):
        """Return the code of the category of each value."""
        # NaN is sorted to the end, and no category has the number UNKNOWN.
        categories = np.append(self._categories, UNKNOWN)
        codes = np.searchsorted(self._categories, values)
        found = categories[codes]
        is_known = (found == values) | (np.isnan(found) & np.isnan(values))
        is_known &= values != UNKNOWN
        return np.where(is_known, codes, self.code_of_unknown)

    def factors(self):
        """Return the factors of the rows of the categories, and of unknown ones."""
        # A listed category without rows may be learned later, from any number of rows.
        counts = np.where(self.counts > 0, self.counts, np.inf)
        return np.append(1 / (1 + SHRINKAGE / counts), 0.0)
