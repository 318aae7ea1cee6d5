"""The bins of numeric columns, for their piecewise linear encoding."""

import numpy as np

from skfcnet._engine.statistics import distinct, quantiles
from skfcnet._tabular.chunks import column_ranges, columns_of, row_chunks

MAX_COMPONENTS = 256
"""All columns together have at most this number of bins."""

MIN_ROWS_PER_BIN = 10
"""A bin holds at least this number of rows on average."""


def shared_bins(n_columns, n_bins):
    """Share out the bins among columns as evenly as possible.

    The number of bins of a column therefore falls gently with the number of columns,
    and the cost of a step does not grow with it. A column has at least two bins, or
    none: beyond ``MAX_COMPONENTS // 2`` columns, only so many of them have bins.

    Parameters
    ----------
    n_columns : int
        The number of columns of more than two values.

    n_bins : int
        The most bins of a column, two or more.

    Returns
    -------
    n_bins : ndarray of int, shape (n_columns,)
        The most bins of each column.

    Examples
    --------
    >>> from skfcnet._tabular.binning import shared_bins
    >>> shared_bins(3, 24)
    array([24, 24, 24])
    >>> [int(shared_bins(n, 24).sum()) for n in (10, 11, 128, 129, 2000)]
    [240, 256, 256, 256, 256]
    """
    columns = np.arange(n_columns)
    if 2 * n_columns > MAX_COMPONENTS:
        return np.where(columns < MAX_COMPONENTS // 2, 2, 0)
    each, rest = divmod(MAX_COMPONENTS, max(n_columns, 1))
    return np.minimum(n_bins, each + (columns < rest))


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
    low, high = column_ranges(table)
    many = np.zeros(table.shape[1], bool)
    for rows in row_chunks(table):
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


def bins_of_columns(X, weight, n_bins):
    """Return the bins of columns, for `skfcnet.layers.ple_forward`.

    The edges are those of `bin_edges`. Those at the splits of a decision tree, which
    the paper of that layer also has, were no better. A column of at most two values has
    no bins, whose components would only repeat the column.

    Parameters
    ----------
    X : ndarray of shape (N, D)
        Scaled columns, in which NaN is missing.

    weight : ndarray of shape (N,)
        The weight of each row, from `skfcnet._engine.statistics.exact_weights`.

    n_bins : int
        The most bins of a column, two or more. The columns of more than two values
        share `MAX_COMPONENTS` bins, and none has more than one for `MIN_ROWS_PER_BIN`
        rows.

    Returns
    -------
    bins : dict
        The column, the left edge and the slope of each component.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.binning import bins_of_columns
    >>> bins = bins_of_columns(np.array([[0.0], [1.0], [4.0]]), np.ones(3), 8)
    >>> bins["left"], 1 / bins["slope"]
    (array([0., 1.]), array([1., 3.]))
    """
    most = np.zeros(X.shape[1], int)
    many = have_many_values(X)
    most[many] = shared_bins(np.count_nonzero(many), n_bins)
    bins = [np.empty((3, 0))]
    for j, values in enumerate(columns_of(X)):
        if not most[j]:
            continue
        is_present = ~np.isnan(values)
        counts = weight[is_present]
        # A little is added since weights may have been rescaled and rounded.
        by_rows = max(2, int(counts.sum() / MIN_ROWS_PER_BIN + 1e-3))
        edges = bin_edges(values[is_present], counts, min(most[j], by_rows))
        edges = edges.astype(np.float64)
        bins.append([np.full(len(edges) - 1, j), edges[:-1], np.diff(edges)])
    column, left, bin_width = np.hstack(bins)
    slope = 1 / np.maximum(bin_width, 1e-30)  # is finite in float32
    return {"column": column.astype(int), "left": left, "slope": slope}
