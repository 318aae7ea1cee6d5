"""Columns of tables: which are categorical, and what the network sees of them.

`Columns` reads a table as it is given, and numbers the levels of its categories; from
there on it is an array of numbers, which can be hashed and split. `Categories` encodes
the levels that are declared, or are there to train on.
"""

import re
from collections.abc import Iterator, Mapping, Set
from copy import copy
from numbers import Number

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skfcnet._engine.warn import warn

LISTING_DTYPES = ("CategoricalDtype", "Enum")  # of pandas and polars
"""Names of dtypes that say that a column is categorical, and list its levels."""

CATEGORICAL_DTYPES = (*LISTING_DTYPES, "Categorical")
"""Names of dtypes that say that a column is categorical, whatever it holds."""

MAX_LEVELS = 255
"""Most levels of a categorical column."""

WORDS_FOR_MISSING = {"", "nan", "none", "na", "n/a", "null", "<na>"}
"""What stands for a missing value among numbers as text, in whatever case."""

NUMBER = re.compile(
    r"[+-]?(?:inf(?:inity)?|(?!0[0-9])(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)",
    re.IGNORECASE,
)
"""Text that is a number. With a leading zero, as in "0041", it is a code."""

WRITTEN_NUMBER = re.compile(
    r"[+\u2212-]?[$\u20ac\u00a3]? ?[+\u2212-]?(?!0[0-9])[0-9]+(?:[.,' ][0-9]+)*"
    r" ?[%$\u20ac\u00a3]?"
)
"""Text that people read as a number, and Python does not, too."""

MOSTLY, SEVERAL = 0.75, 10
"""A column whose words are written numbers to such a share, and more of them than so
many, is doubtful as one of categories."""

TIMES = (np.datetime64, np.timedelta64)
"""What NumPy has of dates and times, and would make numbers of."""

MOST_NAMED = 3
"""New levels that a warning names."""

TOO_MANY = (
    "encode it beforehand, by sklearn.preprocessing.TargetEncoder in a "
    "ColumnTransformer, or drop it"
)
"""What to do with a column of words of which there are too many."""


# Tables


def as_table(X):
    """Return X as a data frame of pandas or polars, an array, or sparse as it is.

    An array, or list, that does not hold plain numbers becomes an array of objects.

    Raises
    ------
    TypeError
        If X is no table, or one whose rows are not there yet.
    """
    if issparse(X):
        return X
    kind = type(X).__name__
    if isinstance(X, (Mapping, Set, Iterator)):
        raise TypeError(
            f"X is a {kind}, which has no rows and columns: make it a data frame or "
            f"an array."
        )
    for method in ("collect", "compute"):  # of polars and dask
        if hasattr(X, method) and hasattr(type(X), "columns"):
            raise TypeError(
                f"X is a {kind} whose rows are not there yet: pass X.{method}()."
            )
    if hasattr(X, "columns"):
        is_known = hasattr(X, "iloc") or hasattr(X, "get_columns")
        return X if is_known else X.to_pandas()  # a table of pyarrow
    try:
        array = X if hasattr(X, "dtype") else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"X must have rows of one length: {error}") from error
    if is_numeric(array.dtype) and array.ndim == 2 and array.shape[1]:
        return array
    # NumPy would make text of the numbers in a list.
    X = X if hasattr(X, "dtype") else np.array(X, dtype=object)
    return check_array(X, dtype=None, ensure_all_finite=False, input_name="X")


def is_numeric(dtype):
    """Return whether a dtype of NumPy, pandas or polars is of real numbers or bool."""
    if hasattr(dtype, "is_numeric"):
        return dtype.is_numeric() or type(dtype).__name__ == "Boolean"
    return getattr(dtype, "kind", None) in ("b", "i", "u", "f")


def numeric_columns(table):
    """Return which columns of a table have a dtype of numbers."""
    if hasattr(table, "columns"):
        return np.array([is_numeric(dtype) for dtype in table.dtypes], dtype=bool)
    return np.full(table.shape[1:], is_numeric(table.dtype))


def holds_numbers(table):
    """Return whether all of a table, dense or sparse, is of a dtype of numbers."""
    return issparse(table) or bool(numeric_columns(table).all())


def _names_of(X):
    """Return the names of a frame's columns, or the numbers of an array's."""
    names = np.empty(X.shape[1], dtype=object)
    names[:] = list(getattr(X, "columns", range(X.shape[1])))
    return names


def _columns_of(X, numbers):
    return X.iloc[:, numbers] if hasattr(X, "iloc") else X[:, numbers]


def rows_of(X, mask):
    """Return some rows of a table."""
    rows = np.flatnonzero(mask)
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _values_of(X, j):
    """Return the values of a column as a list."""
    column = _columns_of(X, int(j))
    return column.to_list() if hasattr(column, "to_list") else column.tolist()


def is_missing(value):
    """Return whether a value is None, NaN, or one of those of pandas."""
    if isinstance(value, Number):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def kind_of(value):
    """Return what a value is, so that those of one kind can be compared."""
    if isinstance(value, str):
        return "text"
    is_number = isinstance(value, (Number, np.bool_))
    return "numbers" if is_number else f"values of type {type(value).__name__}"


# Numbers


def _as_number(value):
    if is_missing(value):
        return np.nan
    if isinstance(value, str) and value.strip().casefold() in WORDS_FOR_MISSING:
        return np.nan
    if isinstance(value, TIMES):
        raise TypeError("dates and times are not numbers")
    return float(value)


def _as_numbers(values, name):
    """Return the values of a column that is not categorical."""
    numbers = np.empty(len(values))
    for i, value in enumerate(values):
        try:
            numbers[i] = _as_number(value)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"X holds {shown(value)} in its column {name!r}, which is not among "
                f"its categorical columns: {_remedy(value, values)}. ({error})"
            ) from error
    return numbers


def shown(value):
    """Return what a message says of a value."""
    what = "the text" if isinstance(value, str) else f"the {type(value).__name__}"
    return f"{what} {value!r:.60}"


def _remedy(value, values):
    """Return how a column that is to hold numbers can come to hold them."""
    of_time = ("isoformat", "total_seconds", "asfreq")  # dates, differences, periods
    if isinstance(value, TIMES) or any(hasattr(value, name) for name in of_time):
        return "make dates and times numbers, such as days"
    if not isinstance(value, str):
        return "its values must be numbers, or missing"
    words = {word for word in values if isinstance(word, str)}
    if len(words) > MAX_LEVELS:
        return f"it has {len(words)} different ones; {TOO_MANY}"
    return (
        "make it numbers, or fit with the column in categorical_features; where it "
        f"has more than {MAX_LEVELS} levels, {TOO_MANY}"
    )


def _are_numbers_as_text(values):
    """Return whether values are numbers, some or all of them as text."""
    found = False
    for value in values:
        if isinstance(value, str):
            text = value.strip()
            if NUMBER.fullmatch(text):
                found = True
            elif text.casefold() not in WORDS_FOR_MISSING:
                return False
        elif not (isinstance(value, (Number, np.bool_)) or is_missing(value)):
            return False
    return found


def _warn_of_text(names):
    warn(
        f"X holds numbers as text in its columns {names}, which are read as numbers: "
        f"convert them beforehand. To have categories instead, fit with their dtype "
        f"'category', or with their names in categorical_features."
    )


# Categories


def categorical_mask(X, categorical_features):
    """Return which columns are categorical, asked for as in HistGradientBoosting.

    Parameters
    ----------
    X : ndarray, DataFrame of pandas or polars, of shape (N, D)
        The table, as it was given.

    categorical_features : 'from_dtype', array-like of {bool, int, str} or None
        'from_dtype': the columns of a data frame that are categorical by their dtype
        (pandas: "category"; polars: Categorical, Enum), or hold text that is not
        numbers throughout; a mask, or indices from 0 on, or names of columns of a data
        frame; None: none.

    Returns
    -------
    mask : ndarray of bool, shape (D,)
        True for categorical columns.

    Raises
    ------
    ValueError
        If ``categorical_features`` is none of these, or names columns that X has not.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfcnet._tabular.categories import categorical_mask
    >>> X = pd.DataFrame({"size": ["1.5", "2.5"], "colour": ["red", "blue"]})
    >>> categorical_mask(X, ["size"])
    array([ True, False])
    >>> categorical_mask(X, "from_dtype")
    array([False,  True])
    """
    n_columns = X.shape[1]
    names = getattr(X, "columns", None)
    if categorical_features is None:
        return np.zeros(n_columns, bool)
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                f"categorical_features must be 'from_dtype', an array-like of bool, "
                f"int or str, or None, got {categorical_features!r}."
            )
        if names is None:
            return np.zeros(n_columns, bool)
        mask = ~numeric_columns(X)
        for j in np.flatnonzero(mask):
            mask[j] = _is_categorical(X, j)
        _warn_of_written_numbers(X, mask)
        return mask
    wanted = list(categorical_features)
    kinds = {np.asarray(item).dtype.kind for item in wanted}
    if kinds == {"b"}:
        return _checked_mask(wanted, n_columns)
    if kinds == {"U"}:
        return _mask_of(wanted, [] if names is None else list(names), "names")
    if kinds <= {"i", "u"}:
        return _mask_of(wanted, list(range(n_columns)), "indices")
    raise ValueError(
        f"categorical_features must be an array-like of bool, int or str, "
        f"got {categorical_features!r}."
    )


def _is_categorical(X, j):
    if type(_columns_of(X, int(j)).dtype).__name__ in CATEGORICAL_DTYPES:
        return True
    values = _values_of(X, j)
    has_text = any(isinstance(value, str) for value in values)
    return has_text and not _are_numbers_as_text(values)


def _warn_of_written_numbers(X, mask):
    """Warn of categories that seem to be numbers: with signs, or with a few words."""
    names, doubtful = _names_of(X), []
    for j in np.flatnonzero(mask):
        if type(_columns_of(X, int(j)).dtype).__name__ in CATEGORICAL_DTYPES:
            continue
        words = {value.strip() for value in _values_of(X, j) if isinstance(value, str)}
        words = {word for word in words if word.casefold() not in WORDS_FOR_MISSING}
        written = {
            word
            for word in words
            if NUMBER.fullmatch(word) or WRITTEN_NUMBER.fullmatch(word)
        }
        if len(written) > max(SEVERAL, MOSTLY * len(words)):
            others = sorted(word for word in words if not NUMBER.fullmatch(word))
            doubtful.append(f"{_listed(others)} in {names[j]!r}")
    if doubtful:
        warn(
            f"X holds text that is mostly numbers, and is read as categories because "
            f"of {'; '.join(doubtful)}: make it numbers, or missing. Where categories "
            f"are meant, fit with their dtype 'category', or with their names in "
            f"categorical_features."
        )


def _checked_mask(mask, n_columns):
    if len(mask) != n_columns:
        raise ValueError(
            f"categorical_features is a mask of {len(mask)} columns, but X has "
            f"{n_columns}."
        )
    return np.array(mask)


def _mask_of(wanted, present, kind):
    unknown = [item for item in wanted if item not in present]
    if unknown:
        raise ValueError(
            f"categorical_features has {kind} {unknown} that X has not: it has "
            f"{present}."
        )
    return np.array([item in wanted for item in present], dtype=bool)


class Columns:
    """Reads tables: numbers as they are, categories as numbers.

    Levels are numbered from 0 on, in sorted order; a level that is missing (None, NaN,
    NA) or was not there when the numbers were given is NaN. The categories of a dtype
    that lists them (pandas: "category"; polars: Enum) are there whether or not a row
    has them, unless they are more than 255.

    Parameters
    ----------
    categorical : ndarray of bool, shape (D,)
        Which columns are categorical, from `categorical_mask`; the others must hold
        numbers, which may be text.

    Attributes
    ----------
    levels : list of list
        The levels of every categorical column.

    n_declared : list of int
        How many of them its dtype declares: all, or 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.categories import Columns
    >>> X = np.array([[1.5, "red"], [2.5, "blue"], [np.nan, "red"]], dtype=object)
    >>> columns = Columns(np.array([False, True])).fit(X)
    >>> columns.transform(X)
    array([[1.5, 1. ],
           [2.5, 0. ],
           [nan, 1. ]])
    """

    def __init__(self, categorical):
        self.categorical = categorical
        self.levels, self.n_declared, self._numbers = [], [], []
        self._is_text = np.zeros(len(categorical), bool)
        self._is_told = np.zeros(len(categorical), bool)

    def fit(self, X):
        """Learn which levels there are, and number them; warn of numbers as text.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (N, D)
            Rows, from `rows_of` those that count.

        Returns
        -------
        self : Columns
            The fitted reader.

        Raises
        ------
        ValueError
            If a categorical column holds levels that cannot be sorted, or more than
            255.
        """
        names = _names_of(X)
        for j in np.flatnonzero(self.categorical):
            levels = _declared_levels(_columns_of(X, int(j)))
            self.n_declared.append(len(levels))
            if not levels:
                levels = [v for v in _values_of(X, j) if not is_missing(v)]
            levels = _sorted_levels(levels, names[j])
            if len(levels) > MAX_LEVELS:
                raise ValueError(
                    f"X has {len(levels)} levels in its categorical column "
                    f"{names[j]!r}, but {MAX_LEVELS} are the most: {TOO_MANY}."
                )
            self.levels.append(levels)
            self._numbers.append({level: float(i) for i, level in enumerate(levels)})
        for j in np.flatnonzero(~self.categorical & ~numeric_columns(X)):
            self._is_text[j] = _are_numbers_as_text(_values_of(X, j))
        if self._is_text.any():
            _warn_of_text(names[self._is_text].tolist())
        return self

    def warned_of_new_levels(self, X, rows, numbers):
        """Warn of levels that were not there in fit, once for each column.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (N, D)
            A table.

        rows : ndarray of int, shape (n,)
            Which of its rows are looked at.

        numbers : ndarray of shape (n, D)
            What `transform` made of these.

        Returns
        -------
        columns : Columns
            The same reader, which knows what it has told.
        """
        names, new = _names_of(X), {}
        for j in np.flatnonzero(self.categorical & ~self._is_told):
            values = _values_of(X, j)
            levels = [values[i] for i in rows[np.isnan(numbers[:, j])]]
            levels = [level for level in levels if not is_missing(level)]
            if levels:
                new[j] = _sorted_levels(levels, names[j])
        if not new:
            return self
        told = "; ".join(f"{_listed(new[j])} in {names[j]!r}" for j in new)
        warn(
            f"X has categories that were not there when training began, and count as "
            f"missing: {told}. To learn categories later, list all of them from the "
            f"first call on, in a data frame whose column has a categorical dtype "
            f"(pandas: CategoricalDtype; polars: Enum)."
        )
        columns = copy(self)
        columns._is_told = self._is_told.copy()
        columns._is_told[list(new)] = True
        return columns

    def transform(self, X):
        """Return a table as numbers; warn of text where numbers were before.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (N, D)
            Any rows.

        Returns
        -------
        numbers : ndarray of shape (N, D)
            Finite numbers, or NaN; of float32 where X is an array of it, otherwise of
            float64.

        Raises
        ------
        TypeError, ValueError
            If a column that is not categorical holds something else than numbers, or
            one that is holds another kind of levels than in `fit`.
        """
        is_single = getattr(X, "dtype", None) == np.float32
        numbers = np.empty(X.shape, np.float32 if is_single else np.float64)
        names = _names_of(X)
        for j, of_levels in zip(
            np.flatnonzero(self.categorical), self._numbers, strict=True
        ):
            numbers[:, j] = _numbers_of(_values_of(X, j), of_levels, names[j])
        plain = ~self.categorical & numeric_columns(X)
        if plain.any():
            numbers[:, plain] = check_array(
                _columns_of(X, np.flatnonzero(plain)),
                dtype=np.float64,
                ensure_all_finite="allow-nan",
                input_name="X",
            )
        was_number = np.zeros(len(names), bool)
        for j in np.flatnonzero(~self.categorical & ~plain):
            values = _values_of(X, j)
            numbers[:, j] = _as_numbers(values, names[j])
            if np.isinf(numbers[:, j]).any():
                raise ValueError(f"X contains infinity in its column {names[j]!r}.")
            was_number[j] = not self._is_text[j] and _are_numbers_as_text(values)
        if was_number.any():
            _warn_of_text(names[was_number].tolist())
        return numbers


def _declared_levels(column):
    """Return the levels that the dtype of a column lists; none if they are too many."""
    lists = type(column.dtype).__name__ in LISTING_DTYPES
    levels = list(column.dtype.categories) if lists else []
    return levels if len(levels) <= MAX_LEVELS else []


def _sorted_levels(levels, name):
    """Return the distinct levels of a column, sorted."""
    try:
        levels = set(levels)
        examples = {kind_of(level): level for level in levels}
        if len(examples) > 1:
            raise TypeError(
                " besides ".join(shown(examples[kind]) for kind in sorted(examples))
            )
        return sorted(levels)
    except TypeError as error:
        raise ValueError(
            f"X must have levels of one kind that can be sorted in its categorical "
            f"column {name!r}: make all of them text, or numbers, or missing. It has "
            f"{error}."
        ) from error


def _numbers_of(values, of_levels, name):
    """Return the numbers of levels, or NaN."""
    try:
        numbers = np.array([of_levels.get(value, np.nan) for value in values])
    except TypeError:
        _sorted_levels(values, name)
        raise
    if of_levels:
        kind = kind_of(next(iter(of_levels)))
        for i in np.flatnonzero(np.isnan(numbers)):
            value = values[i]
            if not is_missing(value) and kind_of(value) != kind:
                raise ValueError(
                    f"X holds {shown(value)} in its categorical column {name!r}, "
                    f"which held {kind} in fit: convert the column to what it was."
                )
    return numbers


def _listed(levels):
    """Return levels as a text that names a few of them."""
    named = ", ".join(f"{level!r:.60}" for level in levels[:MOST_NAMED])
    n_more = len(levels) - MOST_NAMED
    return f"{named} and {n_more} more" if n_more > 0 else named


class Categories:
    """Categorical columns, as the network sees them.

    A column becomes one column for each of its levels, 1 where a row has that level and
    0 elsewhere; one of two levels becomes a single column, -1 for the first and 1 for
    the second. Where the level is missing or was not seen in `fit`, everything is 0,
    but for levels that are declared: each has its column from the beginning.

    Attributes
    ----------
    width : int
        Number of columns.

    without_rows : ndarray of int
        Which of them are of levels that no row has.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.categories import Categories
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [np.nan, 4.0], [0.0, 0.0]])
    >>> Categories().fit(X).transform(X)
    array([[-1.,  1.,  0.,  0.],
           [ 1.,  0.,  1.,  0.],
           [ 0.,  0.,  0.,  1.],
           [-1.,  1.,  0.,  0.]])
    """

    def fit(self, X, n_declared=None):
        """Learn which levels there are.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            Numbers that stand for levels, or NaN; rows of positive weight.

        n_declared : list of int, default=None
            How many levels of each column are there even without rows, those of the
            numbers from 0 on; None: none.

        Returns
        -------
        self : Categories
            The fitted encoding.
        """
        indicators = []
        n_declared = [0] * X.shape[1] if n_declared is None else n_declared
        for j, column in enumerate(X.T):
            with_rows = np.unique(column[~np.isnan(column)])
            levels = np.union1d(with_rows, np.arange(n_declared[j]))
            if len(levels) == len(with_rows) == 2:
                indicators.append((j, levels[1], levels[0], True))
            else:
                has_rows = np.isin(levels, with_rows)
                pairs = zip(levels, has_rows, strict=True)
                indicators += [(j, level, np.nan, has) for level, has in pairs]
        # A column of the output is 1 at one level and -1 at another; NaN equals none.
        table = np.reshape(indicators, (-1, 4)).T
        column, self._plus, self._minus, has_rows = table
        self._column = column.astype(int)
        self.without_rows = np.flatnonzero(has_rows == 0)
        return self

    @property
    def width(self):
        """Number of columns."""
        return len(self._column)

    def transform(self, X, *, out=None):
        """Encode rows.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            Numbers that stand for levels, or NaN.

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
