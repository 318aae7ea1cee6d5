"""A table of numbers whose columns are arrays by themselves."""

import numpy as np


class ColumnTable:
    """Table of numbers that are copied when they are read.

    The columns of a data frame lie in memory one by one. They stay where they are,
    since an array of all of them would take twice the memory of what is learned from.
    Indexing a table returns an array; NumPy's functions take a table for an array of
    all rows.

    Parameters
    ----------
    columns : list of ndarray of shape (N,)
        The columns, of any real dtypes.

    n_rows : int
        The number of rows, N.

    dtype : dtype
        The dtype of arrays of several columns.

    Attributes
    ----------
    shape : tuple of int
        (N, D).

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.column_table import ColumnTable
    >>> table = ColumnTable([np.array([1, 2, 3]), np.array([0.5, 0.0, 2.5])], 3, float)
    >>> table[1:]
    array([[2. , 0. ],
           [3. , 2.5]])
    """

    def __init__(self, columns, n_rows, dtype):
        self._columns = columns
        self.shape = (n_rows, len(columns))
        self.dtype = np.dtype(dtype)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        """Return rows, or ``[rows, columns]``, as an array."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if np.ndim(columns) == 0 and not isinstance(columns, slice):
            return self._columns[columns][rows].astype(self.dtype, copy=False)
        taken = self._columns[columns]
        n_rows = len(np.empty(len(self), bool)[rows])
        out = np.empty((n_rows, len(taken)), self.dtype)
        for j, column in enumerate(taken):
            out[:, j] = column[rows]
        return out

    def __array__(self, dtype=None, copy=None):
        return self[:].astype(dtype or self.dtype, copy=False)

    def take(self, columns, axis):
        """Return a table of some of the columns, as arrays do with ``axis=1``."""
        return ColumnTable([self._columns[j] for j in columns], len(self), self.dtype)
