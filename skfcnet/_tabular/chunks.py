"""Parts of a table that are computed one at a time, to save time and memory."""

import numpy as np

from skfcnet._tabular.column_table import ColumnTable

CHUNK_SIZE = 2**16
"""Numbers in a chunk of rows, so few that they stay in the processor's cache."""

BLOCK_BYTES = 2**26
"""Size of a block of columns, unless the table is so large that there would be more
than `MAX_BLOCKS` of them."""

MAX_BLOCKS = 8
"""A table has about this number of blocks of columns at most, since each of them needs
a pass over the table, which may be a file that is larger than memory."""


def row_chunks(table):
    """Yield slices of rows, of about `CHUNK_SIZE` numbers each.

    Parameters
    ----------
    table : ndarray of shape (N, D)
        What is computed in chunks.

    Yields
    ------
    rows : slice
        The next rows.
    """
    n_rows, width = table.shape
    step = max(1, CHUNK_SIZE // max(1, width))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)


def column_ranges(table):
    """Return the lowest and the highest number of each column, or NaN if it has none.

    Parameters
    ----------
    table : ndarray, ColumnTable or RowSelection of shape (N, D)
        The table, in which NaN is missing.

    Returns
    -------
    low, high : ndarray of shape (D,)
        The numbers.
    """
    chunks = list(row_chunks(table))
    low = np.fmin.reduce([np.fmin.reduce(table[rows]) for rows in chunks])
    high = np.fmax.reduce([np.fmax.reduce(table[rows]) for rows in chunks])
    return low, high


def column_blocks(table):
    """Yield the columns of a table, a block of them at a time.

    In a table whose rows are contiguous, the values of a column lie far from each
    other: to read one column is to read the whole table. A block of columns is
    therefore copied in one pass over the table, a chunk of rows after the other.
    Columns that are contiguous already are not copied.

    Parameters
    ----------
    table : ndarray, ColumnTable or RowSelection of shape (N, D)
        The table; an array may be a `numpy.memmap`.

    Yields
    ------
    columns : slice
        Which columns of the table the block holds.

    values : ndarray of shape (K, N)
        These columns, each of them contiguous. They must not be changed.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.chunks import column_blocks
    >>> X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> [(columns, values)] = column_blocks(X)
    >>> columns
    slice(0, 3, None)
    >>> values
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])
    """
    n_rows, width = table.shape
    if isinstance(table, np.ndarray) and table.flags.f_contiguous:
        yield slice(0, width), table.T
        return
    if isinstance(table, ColumnTable):
        for j in range(width):
            yield slice(j, j + 1), np.ascontiguousarray(table[:, j])[np.newaxis]
        return
    column_bytes = n_rows * table.dtype.itemsize
    n_bytes = max(BLOCK_BYTES, width * column_bytes // MAX_BLOCKS)
    step = max(1, n_bytes // max(1, column_bytes))
    for start in range(0, width, step):
        columns = slice(start, min(start + step, width))
        values = np.empty((columns.stop - start, n_rows), table.dtype)
        for rows in row_chunks(table):
            values[:, rows] = table[rows, columns].T
        yield columns, values


def columns_of(table):
    """Yield each column of a table as a contiguous array, by `column_blocks`."""
    for _, values in column_blocks(table):
        yield from values
