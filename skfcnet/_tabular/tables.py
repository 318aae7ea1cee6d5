"""Tables of several libraries, and how to get at their columns and rows.

A table is a data frame of pandas or polars, an array, or a sparse matrix. All that
depends on which of these it is stands here.
"""

from collections.abc import Iterator, Mapping, Set
from importlib import import_module
from itertools import compress

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

DTYPES_WITH_LISTED_CATEGORIES = ("CategoricalDtype", "Enum")  # of pandas and polars
"""Names of categorical dtypes that list all categories of their column."""

CATEGORICAL_DTYPES = (*DTYPES_WITH_LISTED_CATEGORIES, "Categorical")
"""Names of categorical dtypes."""


# What is a table


def as_table(X):
    """Return X as a table: a data frame of pandas or polars, an array, or sparse.

    An array or a list that does not hold plain numbers becomes an array of objects.

    Parameters
    ----------
    X : array-like, sparse matrix or dataframe
        As the user passed it, or as this function returned it before.

    Returns
    -------
    table : ndarray, sparse matrix or DataFrame of shape (N, D)
        The table, with unchecked numbers.

    Raises
    ------
    TypeError
        If X is no table, is masked, holds dates, or is computed lazily.

    ValueError
        If X does not have two dimensions.
    """
    refuse_masks(X, "X")
    table = X if issparse(X) else _frame_or_array(X)
    refuse_dates(table, "X")
    return table


def _frame_or_array(X):
    kind = type(X).__name__
    if isinstance(X, (Mapping, Set, Iterator)):
        raise TypeError(
            f"X is a {kind}, which has no rows and columns: make it a data frame or "
            f"an array."
        )
    for method in ("collect", "compute"):  # of polars and dask
        if hasattr(X, method) and hasattr(type(X), "columns"):
            raise TypeError(
                f"X is a {kind} whose rows are not computed yet: pass X.{method}()."
            )
    if hasattr(X, "columns"):
        is_known = hasattr(X, "iloc") or hasattr(X, "get_columns")
        return X if is_known else X.to_pandas()  # a table of pyarrow
    try:
        array = X if hasattr(X, "dtype") else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"X must have rows of one length: {error}") from error
    if is_numeric_dtype(array.dtype) and array.ndim == 2 and array.shape[1]:
        return array
    # NumPy would convert the numbers in a list to text.
    X = X if hasattr(X, "dtype") else np.array(X, dtype=object)
    return check_array(X, dtype=None, ensure_all_finite=False, input_name="X")


def refuse_masks(a, name):
    """Refuse a masked array, whose mask np.asarray silently drops."""
    if isinstance(a, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and its mask would be ignored: fill it, or "
            f"leave out its masked rows."
        )


def refuse_dates(a, name):
    """Refuse dates and time differences, which np.asarray silently makes numbers."""
    dtypes = np.atleast_1d(getattr(a, "dtypes", getattr(a, "dtype", None)))
    is_temporal = [_is_temporal_dtype(dtype) for dtype in dtypes]
    if any(is_temporal):
        columns = list(compress(getattr(a, "columns", []), is_temporal))
        named = f" in its columns {columns}" if columns else ""
        raise TypeError(
            f"{name} has dates or time differences{named}: make them numbers, such as "
            f"days."
        )


# Dtypes of columns


def is_numeric_dtype(dtype):
    """Return whether a dtype of NumPy, pandas or polars is of real numbers or bool."""
    if hasattr(dtype, "is_numeric"):
        return dtype.is_numeric() or type(dtype).__name__ == "Boolean"
    return getattr(dtype, "kind", None) in ("b", "i", "u", "f")


def _is_temporal_dtype(dtype):
    """Return whether a dtype of NumPy, pandas or polars is of dates or times."""
    if hasattr(dtype, "is_temporal"):
        return dtype.is_temporal()
    return getattr(dtype, "kind", None) in ("m", "M")


def has_categorical_dtype(table, j):
    """Return whether the dtype of a column of a data frame is a categorical one."""
    return type(take_columns(table, j).dtype).__name__ in CATEGORICAL_DTYPES


def listed_categories(table, j):
    """Return the categories that the dtype of a column lists; if it does not, none."""
    dtype = getattr(take_columns(table, j), "dtype", None)
    has_list = type(dtype).__name__ in DTYPES_WITH_LISTED_CATEGORIES
    return list(dtype.categories) if has_list else []


def numeric_columns(table):
    """Return a mask of the columns of a dense table that have a numeric dtype."""
    if hasattr(table, "columns"):
        dtypes = table.dtypes
        return np.array([is_numeric_dtype(dtype) for dtype in dtypes], dtype=bool)
    return np.full(table.shape[1:], is_numeric_dtype(table.dtype))


def holds_numbers(table):
    """Return whether all columns of a table, dense or sparse, have a numeric dtype."""
    return issparse(table) or bool(numeric_columns(table).all())


# Parts of dense tables


def is_frame(a):
    """Return whether an object is a data frame: whether it has columns."""
    return hasattr(a, "columns")


def column_names(table):
    """Return the names of the columns of a data frame, or the indices of an array's."""
    names = np.empty(table.shape[1], dtype=object)
    names[:] = list(getattr(table, "columns", range(table.shape[1])))
    return names


def take_columns(table, columns):
    """Return one column of a table, by its index, or several, by indices or a slice."""
    is_one = np.ndim(columns) == 0 and not isinstance(columns, slice)
    columns = int(columns) if is_one else columns
    return table.iloc[:, columns] if hasattr(table, "iloc") else table[:, columns]


def take_rows(table, mask):
    """Return the rows of a table for which a mask is True."""
    rows = np.flatnonzero(mask)
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]


def factorized(table, j):
    """Return the distinct values of a column, and which of them each row holds.

    Values are equal as in a dict: 1, 1.0 and True are one value.

    Parameters
    ----------
    table : ndarray or DataFrame of shape (N, D)
        A dense table.

    j : int
        The index of the column.

    Returns
    -------
    values : list
        The distinct values, and possibly several missing ones. Where some value cannot
        be hashed, these are all values of the column.

    codes : ndarray of int, shape (N,)
        For each row, an index of ``values``.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.tables import factorized
    >>> values, codes = factorized(np.array([["b"], ["a"], ["b"]]), 0)
    >>> values, codes.tolist()
    (['b', 'a'], [0, 1, 0])
    """
    column = take_columns(table, j)
    is_array = isinstance(column, np.ndarray)
    if is_array and is_numeric_dtype(column.dtype):
        values, codes = np.unique(column, return_inverse=True)
        return values.tolist(), codes
    try:
        if hasattr(column, "factorize"):  # of pandas, where missing values are -1
            codes, values = column.factorize()
            codes[codes < 0] = len(values)
            return [*values.tolist(), None], codes
        cells = column.tolist() if is_array else column.to_list()
        code_of = {value: i for i, value in enumerate(dict.fromkeys(cells))}
        codes = np.fromiter(map(code_of.__getitem__, cells), np.intp, len(cells))
        return list(code_of), codes
    except TypeError:
        cells = column.tolist() if is_array else column.to_list()
        return cells, np.arange(len(cells))


def distinct_values(table, j):
    """Return the distinct values of a column as a list, as `factorized` does."""
    values, _ = factorized(table, j)
    return values


# Several dense tables


def concatenated(tables):
    """Return the rows of several tables of one kind as one table.

    Categorical columns of pandas get the categories of all of them, in the order in
    which they appear.
    """
    first = tables[0]
    if not is_frame(first):
        return np.concatenate(tables)
    # A frame is there, so that its library is, too.
    library = import_module(type(first).__module__.partition(".")[0])
    if not hasattr(first, "iloc"):
        return library.concat(tables, how="vertical_relaxed")
    tables = _with_the_same_categories(tables, library.api.types.union_categoricals)
    return library.concat(tables, ignore_index=True)


def _with_the_same_categories(frames, union_categoricals):
    """Return data frames of pandas that list the same categories in each column."""
    is_categorical = [
        has_categorical_dtype(frames[0], j) for j in range(frames[0].shape[1])
    ]
    for j in np.flatnonzero(is_categorical):
        columns = [take_columns(frame, j) for frame in frames]
        if len({column.dtype for column in columns}) > 1:
            name, dtype = columns[0].name, union_categoricals(columns).dtype
            frames = [frame.astype({name: dtype}) for frame in frames]
    return frames
