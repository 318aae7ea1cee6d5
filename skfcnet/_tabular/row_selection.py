"""Some rows of a table, without a copy of the table."""

import numpy as np
from scipy.sparse import issparse


class RowSelection:
    """Rows of a table, which are copied when they are read.

    The rows to train on are often most rows of the table that the user passed: those of
    positive weight, and those that are not held out. A copy of them would take as much
    memory as the table. Indexing a selection returns an array, or a CSR matrix; NumPy's
    functions take a selection of dense rows for an array of all its rows.

    Parameters
    ----------
    table : ndarray, ColumnTable or CSR matrix of shape (N, D)
        All rows.

    index : ndarray of int, shape (n,)
        The indices of the selected rows.

    Attributes
    ----------
    shape : tuple of int
        (n, D).

    dtype : dtype
        The dtype of the table.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.row_selection import RowSelection
    >>> rows = RowSelection(np.arange(8.0).reshape(4, 2), np.array([0, 2, 3]))
    >>> rows[1:]
    array([[4., 5.],
           [6., 7.]])
    >>> rows.select([True, False, True])[:]
    array([[0., 1.],
           [6., 7.]])
    """

    def __init__(self, table, index):
        self._table, self._index = table, index
        self.shape = (len(index), table.shape[1])
        self.dtype = table.dtype

    def __len__(self):
        return len(self._index)

    def __getitem__(self, key):
        """Return rows, or ``[rows, columns]``, as an array."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return self._table[self._index[rows], columns]

    def __array__(self, dtype=None, copy=None):
        return self[:].astype(dtype or self.dtype, copy=False)

    def take(self, columns, axis):
        """Return some columns of the rows, as arrays do with ``axis=1``."""
        return RowSelection(self._table.take(columns, axis=axis), self._index)

    def select(self, rows):
        """Return a selection of these rows, by a mask or indices."""
        return RowSelection(self._table, self._index[rows])


def select_rows(X, rows):
    """Return some rows of a dense table as a selection, of CSR as a copy.

    Parameters
    ----------
    X : ndarray, ColumnTable, RowSelection or CSR matrix of shape (N, D)
        The rows.

    rows : ndarray of bool or int
        A mask, or the indices of the rows.

    Returns
    -------
    selected : RowSelection or CSR matrix
        The selected rows.
    """
    if issparse(X):
        return X[rows]
    if isinstance(X, RowSelection):
        return X.select(rows)
    return RowSelection(X, np.arange(len(X))[rows])
