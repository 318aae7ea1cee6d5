"""Encoding of categorical columns."""

import numpy as np

UNKNOWN = -1.0
"""The code of a category that is not encoded."""


class CategoryEncoder:
    """Encoder of categories that are numbered: it gives those of each column a code.

    A category that the dtype lists, but that no row has, has a code, too. What is
    missing, or was not there in `fit`, has the code `UNKNOWN`.

    Attributes
    ----------
    onehot : dict
        What `skfcnet.layers.onehot_forward` is told. Each category of a column has a
        column of its own, but two categories have a single one, of -1 and 1.

    columns_without_rows : ndarray of int
        Which of these columns belong to categories that no row has.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.categories import CategoryEncoder
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [np.nan, 4.0], [0.0, 0.0]])
    >>> encoder = CategoryEncoder().fit(X)
    >>> encoder.transform(X)
    array([[ 0.,  0.],
           [ 1.,  1.],
           [-1.,  2.],
           [ 0.,  0.]])
    >>> from skfcnet.layers import onehot_forward
    >>> onehot_forward(encoder.transform(X), encoder.onehot)[0]
    array([[-1.,  1.,  0.,  0.],
           [ 1.,  0.,  1.,  0.],
           [ 0.,  0.,  0.,  1.],
           [-1.,  1.,  0.,  0.]])
    """

    def fit(self, X, n_listed=None):
        """Learn the categories.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            The numbers of categories, or NaN, in the rows to train on.

        n_listed : list of int, default=None
            How many categories the dtype of each column lists; these have the numbers
            from 0 on. None: no dtype lists any.

        Returns
        -------
        self : CategoryEncoder
            The fitted encoder.
        """
        self._categories, columns = [], []
        n_listed = [0] * X.shape[1] if n_listed is None else n_listed
        for j, column in enumerate(X.T):
            with_rows = np.unique(column[~np.isnan(column)])
            categories = np.union1d(with_rows, np.arange(n_listed[j]))
            self._categories.append(categories)
            if len(categories) == len(with_rows) == 2:
                columns.append((j, 1, 0, True))
            else:
                has_rows = np.isin(categories, with_rows)
                columns += [(j, code, np.nan, has) for code, has in enumerate(has_rows)]
        column, plus, minus, has_rows = np.reshape(columns, (-1, 4)).T
        self.onehot = {"column": column.astype(int), "plus": plus, "minus": minus}
        self.columns_without_rows = np.flatnonzero(has_rows == 0)
        return self

    def transform(self, X, *, out=None):
        """Return the codes of the categories of rows.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            The numbers of categories, or NaN.

        out : ndarray of shape (N, C), default=None
            Array to write to; None: a new one, of float64.

        Returns
        -------
        out : ndarray of shape (N, C)
            The codes.
        """
        out = np.empty(X.shape) if out is None else out
        for j, categories in enumerate(self._categories):
            codes = np.searchsorted(categories, X[:, j])
            is_known = codes < len(categories)
            is_known[is_known] = categories[codes[is_known]] == X[is_known, j]
            out[:, j] = np.where(is_known, codes, UNKNOWN)
        return out
