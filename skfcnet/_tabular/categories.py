"""Encoding of categorical columns."""

import numpy as np

from skfcnet._tabular.chunks import columns_of


class CategoryEncoder:
    """One-hot encoder of categories that are numbered.

    Each category of a column has a column of its own in the output, which is 1 in the
    rows of that category and 0 in the others. A column of two categories becomes a
    single one, of -1 for the first and 1 for the second. Rows whose category is missing
    or was not there in `fit` are 0 in all columns.

    A category that the dtype lists, but that no row has, has its own column, too.

    Attributes
    ----------
    width : int
        Number of columns of the output.

    columns_without_rows : ndarray of int
        Which columns of the output belong to categories that no row has.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.categories import CategoryEncoder
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [np.nan, 4.0], [0.0, 0.0]])
    >>> CategoryEncoder().fit(X).transform(X)
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
        encoded_columns = []
        n_listed = [0] * X.shape[1] if n_listed is None else n_listed
        for j, column in enumerate(columns_of(X)):
            with_rows = np.unique(column[~np.isnan(column)])
            categories = np.union1d(with_rows, np.arange(n_listed[j]))
            if len(categories) == len(with_rows) == 2:
                encoded_columns.append((j, categories[1], categories[0], True))
            else:
                has_rows = np.isin(categories, with_rows)
                for category, has in zip(categories, has_rows, strict=True):
                    encoded_columns.append((j, category, np.nan, has))
        # A column of the output is 1 at one category and -1 at another, if not at NaN.
        table = np.reshape(encoded_columns, (-1, 4)).T
        column, self._plus, self._minus, has_rows = table
        self._column = column.astype(int)
        self.columns_without_rows = np.flatnonzero(has_rows == 0)
        return self

    @property
    def width(self):
        """Number of columns of the output."""
        return len(self._column)

    def transform(self, X, *, out=None):
        """Encode rows.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            The numbers of categories, or NaN.

        out : ndarray of shape (N, width), default=None
            Array to write to; None: a new one, of float64.

        Returns
        -------
        out : ndarray of shape (N, width)
            The encoded rows.
        """
        out = np.empty((len(X), self.width)) if out is None else out
        given = X.take(self._column, axis=1)
        out[...] = given == self._plus
        out -= given == self._minus
        return out
