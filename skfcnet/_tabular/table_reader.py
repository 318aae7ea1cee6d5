"""Reading tables: numbers stay what they are, categories are numbered."""

from copy import copy
from functools import cached_property
from itertools import islice

import numpy as np
from sklearn.utils import check_array

from skfcnet._engine.warn import warn
from skfcnet._tabular.chunks import BLOCK_BYTES
from skfcnet._tabular.column_table import ColumnTable
from skfcnet._tabular.tables import (
    column_names,
    distinct_values,
    factorized,
    listed_categories,
    numeric_columns,
    take_columns,
)
from skfcnet._tabular.values import (
    are_numbers_as_text,
    as_number,
    is_date_or_time,
    is_missing,
    kind_of,
    listed,
    shown,
)

MAX_CATEGORIES = 100_000
"""The most categories of a column that are learned."""

UNKNOWN = -1.0
"""The number of a category that was not there in fit, or too rare to be learned."""


class TableReader:
    """Reader that makes an array of numbers of a table.

    The categories of a column are numbered from 0 on, in sorted order. Missing ones
    become NaN, and those that were not there when the reader was fitted become
    `UNKNOWN`. Of more than `MAX_CATEGORIES` categories, those that the most rows have
    are numbered, and the others count as unknown. Where a dtype lists the categories of
    its column (pandas: "category"; polars: Enum), all of them are numbered, whether or
    not a row has them, unless they are more than that.

    Parameters
    ----------
    categorical : ndarray of bool, shape (D,)
        Which columns are categorical, from
        `skfcnet._tabular.categorical_features.categorical_mask`. The others must hold
        numbers, or text of numbers.

    Attributes
    ----------
    categories : list of list
        The categories of each categorical column, in sorted order.

    n_listed : list of int
        How many categories the dtype of each categorical column lists: all, or 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.table_reader import TableReader
    >>> X = np.array([[1.5, "red"], [2.5, "blue"], [np.nan, "red"]], dtype=object)
    >>> reader = TableReader(np.array([False, True])).fit(X)
    >>> reader.read(X)
    array([[1.5, 1. ],
           [2.5, 0. ],
           [nan, 1. ]])
    """

    def __init__(self, categorical):
        self.categorical = categorical
        self.categories, self.n_listed = [], []
        self._holds_text = np.zeros(len(categorical), bool)
        self._is_reported = np.zeros(len(categorical), bool)

    def fit(self, table):
        """Learn the categories; warn of columns that hold numbers as text.

        Parameters
        ----------
        table : ndarray or DataFrame of shape (N, D)
            The rows to train on.

        Returns
        -------
        self : TableReader
            The fitted reader.

        Raises
        ------
        ValueError
            If a categorical column has categories that cannot be sorted.
        """
        names = column_names(table)
        for j in np.flatnonzero(self.categorical):
            self._learn_categories(table, j, names[j])
        for j in np.flatnonzero(~self.categorical & ~numeric_columns(table)):
            self._holds_text[j] = are_numbers_as_text(distinct_values(table, j))
        if self._holds_text.any():
            _warn_of_numbers_as_text(
                names[self._holds_text].tolist(),
                " To have categories instead, fit with their dtype 'category', or with "
                "their names in categorical_features.",
            )
        return self

    def _learn_categories(self, table, j, name):
        categories = listed_categories(table, j)
        if len(categories) > MAX_CATEGORIES:
            categories = []  # those that rows have may be fewer
        self.n_listed.append(len(categories))
        if categories:
            categories = _sorted_categories(categories, name)
        else:
            categories = self._categories_of_rows(table, j, name)
        self.categories.append(categories)

    @cached_property
    def _numbers(self):
        """The number of each category, by column."""
        return [
            {value: float(i) for i, value in enumerate(categories)}
            for categories in self.categories
        ]

    def __getstate__(self):
        return {k: v for k, v in vars(self).items() if k != "_numbers"}

    def _categories_of_rows(self, table, j, name):
        values, codes = factorized(table, j)
        categories = _sorted_categories(values, name)
        if len(categories) <= MAX_CATEGORIES:
            return categories
        _warn_of_rare_categories(len(categories), name)
        self._is_reported[j] = True
        counts = np.bincount(codes, minlength=len(values)).tolist()
        n_rows = dict(zip(values, counts, strict=True))
        # Sorting is stable: of equally frequent categories, the first are learned.
        by_frequency = sorted(categories, key=n_rows.get, reverse=True)
        return sorted(by_frequency[:MAX_CATEGORIES])

    def read(self, table):
        """Return a table as an array of numbers, as `read_columns` does."""
        return self.read_columns(table)[:]

    def read_columns(self, table):
        """Return a table as numbers; warn of numbers as text that were no text in fit.

        Parameters
        ----------
        table : ndarray or DataFrame of shape (N, D)
            Any rows.

        Returns
        -------
        numbers : ColumnTable of shape (N, D)
            Finite numbers, or NaN where they are missing, in float32 if the table is an
            array of float32, and otherwise in float64. Those of categories are their
            numbers, or `UNKNOWN`. Numbers in large tables are not copied.

        Raises
        ------
        TypeError, ValueError
            If a column that is not categorical holds values that are not numbers, or a
            categorical one holds values of another kind than in `fit`.
        """
        is_single = getattr(table, "dtype", None) == np.float32
        names = column_names(table)
        is_numeric = ~self.categorical & numeric_columns(table)
        columns = {}
        self._read_categories(table, names, columns)
        _read_numbers(table, np.flatnonzero(is_numeric), columns)
        self._read_objects(table, names, ~self.categorical & ~is_numeric, columns)
        return ColumnTable(
            [columns[j] for j in range(len(names))],
            len(table),
            np.float32 if is_single else np.float64,
        )

    def _read_categories(self, table, names, out):
        columns = np.flatnonzero(self.categorical)
        for j, number_of in zip(columns, self._numbers, strict=True):
            values, codes = factorized(table, j)
            numbers = _numbers_of(values, number_of, names[j])
            out[j] = numbers.astype(np.float32)[codes]

    def _read_objects(self, table, names, mask, out):
        """Write the numbers in columns of objects, some of which may be text."""
        is_new = np.zeros(len(names), bool)
        for j in np.flatnonzero(mask):
            values, codes = factorized(table, j)
            out[j] = _as_numbers(values, names[j])[codes]
            if np.isinf(out[j]).any():
                raise ValueError(f"X contains infinity in its column {names[j]!r}.")
            is_new[j] = not self._holds_text[j] and are_numbers_as_text(values)
        if is_new.any():
            _warn_of_numbers_as_text(names[is_new].tolist())

    def reporting_new_categories(self, table, rows, numbers):
        """Warn of categories that were not there in fit, once for each column.

        Parameters
        ----------
        table : ndarray or DataFrame of shape (N, D)
            A table.

        rows : ndarray of int, shape (n,)
            The indices of its rows that are trained on.

        numbers : ColumnTable or RowSelection of shape (n, D)
            These rows, as `read_columns` returned them.

        Returns
        -------
        reader : TableReader
            A reader that remembers which columns it has warned of; this one does not
            change.
        """
        names, new = column_names(table), {}
        for j in np.flatnonzero(self.categorical & ~self._is_reported):
            unknown = rows[numbers[:, j] == UNKNOWN]
            if unknown.size:
                values, codes = factorized(table, j)
                found = [values[i] for i in np.unique(codes[unknown])]
                new[j] = _sorted_categories(found, names[j])
        if not new:
            return self
        found = "; ".join(f"{listed(new[j])} in {names[j]!r}" for j in new)
        warn(
            f"X has categories that were not there when training began, and count as "
            f"unknown: {found}. To learn categories later, list all of them from the "
            f"first call on, in a data frame whose column has a categorical dtype "
            f"(pandas: CategoricalDtype; polars: Enum)."
        )
        reader = copy(self)
        reader._is_reported = self._is_reported.copy()
        reader._is_reported[list(new)] = True
        return reader


def _read_numbers(table, columns, out):
    """Read columns of numbers: one by one if the table is large, without a copy."""
    is_large = len(table) * len(columns) * 8 > BLOCK_BYTES
    parts = [slice(j, j + 1) for j in columns] if is_large else [columns]
    for part in parts if columns.size else []:
        numbers = check_array(
            take_columns(table, part),
            dtype=(np.float64, np.float32),
            ensure_all_finite="allow-nan",
            input_name="X",
        )
        out.update(zip(np.arange(table.shape[1])[part], numbers.T, strict=True))


def _sorted_categories(values, name):
    """Return the values of a categorical column that are not missing, sorted."""
    try:
        categories = {value for value in values if not is_missing(value)}
        examples = {kind_of(value): value for value in categories}
        if len(examples) > 1:
            raise TypeError(
                " besides ".join(shown(examples[kind]) for kind in sorted(examples))
            )
        return sorted(categories)
    except TypeError as error:
        raise ValueError(
            f"X must have categories of one kind that can be sorted in its categorical "
            f"column {name!r}: make all of them text, or numbers, or missing. It has "
            f"{error}."
        ) from error


def _numbers_of(values, number_of, name):
    """Return the numbers of distinct values; NaN for missing ones, else `UNKNOWN`."""
    kinds = {kind_of(value) for value in islice(number_of, 1)}
    numbers = np.empty(len(values))
    for i, value in enumerate(values):
        if is_missing(value):
            numbers[i] = np.nan
            continue
        try:
            numbers[i] = number_of.get(value, UNKNOWN)
        except TypeError:  # a value that cannot be hashed
            _sorted_categories(values, name)
            raise
        if numbers[i] == UNKNOWN and kinds - {kind_of(value)}:
            raise ValueError(
                f"X holds {shown(value)} in its categorical column {name!r}, "
                f"which held {kinds.pop()} in fit: convert the column to what it was."
            )
    return numbers


def _as_numbers(values, name):
    """Return the values of a column that is not categorical as numbers."""
    numbers = np.empty(len(values))
    for i, value in enumerate(values):
        try:
            numbers[i] = as_number(value)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"X holds {shown(value)} in its column {name!r}, which is not among "
                f"its categorical columns: {_remedy(value)}. ({error})"
            ) from error
    return numbers


def _remedy(value):
    """Return what to do with a column because of a value that is not a number."""
    if is_date_or_time(value):
        return "make dates and times numbers, such as days"
    if not isinstance(value, str):
        return "its values must be numbers, or missing"
    return "make it numbers, or fit with the column in categorical_features"


def _warn_of_rare_categories(n_categories, name):
    warn(
        f"X has {n_categories} categories in its categorical column {name!r}, of which "
        f"the {MAX_CATEGORIES} most frequent are learned, and the others count as "
        f"unknown: drop the column if it only names rows."
    )


def _warn_of_numbers_as_text(names, alternative=""):
    warn(
        f"X holds numbers as text in its columns {names}, which are read as numbers: "
        f"convert them beforehand.{alternative}"
    )
