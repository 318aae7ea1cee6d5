"""Categorical columns: which they are, and what the network sees of them.

`Columns` numbers the levels of a table as it is given; from there on it is an array of
numbers, which can be hashed and split. `Categories` learns which of the levels are
there to train on, and encodes these.
"""

import numpy as np
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils import check_array

CATEGORICAL_DTYPES = {
    "CategoricalDtype",  # of pandas
    "StringDtype",
    "Categorical",  # of polars
    "Enum",
    "String",
}
"""Names of dtypes that say that a column is categorical."""

MAX_LEVELS = 255
"""Most levels of a categorical column."""


def as_table(X):
    """Return X as a data frame or an array; lists become an array of objects."""
    if hasattr(X, "columns"):
        return X
    X = X if hasattr(X, "dtype") else np.array(X, dtype=object)
    return check_array(X, dtype=None, ensure_all_finite=False, input_name="X")


def categorical_mask(X, categorical_features):
    """Return which columns are categorical, asked for as in HistGradientBoosting.

    Parameters
    ----------
    X : ndarray, DataFrame of pandas or polars, of shape (N, D)
        The table, as it was given.

    categorical_features : 'from_dtype' or array-like of {bool, int, str}
        'from_dtype': the columns of a data frame that are categorical by their dtype
        (pandas: "category"; polars: Categorical, Enum) or hold strings; a mask, or
        indices from 0 on, or names of columns of a data frame.

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
    >>> from skfcnet._categories import categorical_mask
    >>> X = pd.DataFrame({"size": [1.5, 2.5], "colour": ["red", "blue"]})
    >>> categorical_mask(X, ["colour"])
    array([False,  True])
    >>> categorical_mask(X.astype({"colour": "category"}), "from_dtype")
    array([False,  True])
    """
    n_columns = X.shape[1]
    names = getattr(X, "columns", None)
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                f"categorical_features must be 'from_dtype', an array-like of bool, "
                f"int or str, or None, got {categorical_features!r}."
            )
        if names is None:
            return np.zeros(n_columns, bool)
        columns = X.iloc if hasattr(X, "iloc") else X
        return np.array([_is_categorical(columns[:, j]) for j in range(n_columns)])
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


def _is_categorical(column):
    if type(column.dtype).__name__ in CATEGORICAL_DTYPES:
        return True
    # Before pandas 3, strings are objects.
    is_object = getattr(column.dtype, "kind", None) == "O"
    return is_object and any(isinstance(value, str) for value in column)


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
    NA) or was not there when the numbers were given is NaN.

    Parameters
    ----------
    categorical : ndarray of bool, shape (D,)
        Which columns are categorical, at least one, from `categorical_mask`; the
        others must hold numbers.

    Attributes
    ----------
    levels : list of ndarray
        The levels of every categorical column, and NaN where some were missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._categories import Columns
    >>> X = np.array([[1.5, "red"], [2.5, "blue"], [np.nan, "red"]], dtype=object)
    >>> columns = Columns(np.array([False, True])).fit(X)
    >>> columns.transform(X)
    array([[1.5, 1. ],
           [2.5, 0. ],
           [nan, 1. ]])
    """

    def __init__(self, categorical):
        self.categorical = categorical

    def fit(self, X, counts=None):
        """Learn which levels there are, and number them.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (N, D)
            Rows.

        counts : ndarray of bool, shape (N,), default=None
            Which of them count; None: all.

        Returns
        -------
        self : Columns
            The fitted reader.

        Raises
        ------
        TypeError
            If a categorical column holds levels that cannot be sorted.

        ValueError
            If one has more than 255 levels.
        """
        self._encoder = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
        ).set_output(transform="default")
        table = _levels_in(_columns_of(X, self.categorical))
        self._encoder.fit(table if counts is None else table[counts])
        names = _names_of(X)[self.categorical]
        for name, levels in zip(names, self.levels, strict=True):
            n_levels = sum(level == level for level in levels)  # NaN is none
            if n_levels > MAX_LEVELS:
                raise ValueError(
                    f"X has {n_levels} levels in its categorical column {name!r}, but "
                    f"{MAX_LEVELS} are the most: encode it beforehand, or leave it out "
                    f"of categorical_features."
                )
        return self

    @property
    def levels(self):
        """The levels of every categorical column, and NaN where some were missing."""
        return self._encoder.categories_

    def with_new_levels(self, X, rows, numbers):
        """Return the names of the columns that have levels which were not there in fit.

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
        names : list
            Of a frame's columns, or their numbers.
        """
        is_new = np.isnan(numbers[:, self.categorical])
        if is_new.any():
            levels = _levels_in(_columns_of(X, self.categorical))[rows]
            is_new &= levels == levels  # as all are but NaN, a missing one
        return _names_of(X)[self.categorical][is_new.any(axis=0)].tolist()

    def transform(self, X):
        """Return a table as numbers.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (N, D)
            Any rows.

        Returns
        -------
        numbers : ndarray of float64, shape (N, D)
            Finite numbers, or NaN.

        Raises
        ------
        ValueError
            If a column that is not categorical holds something else than numbers.
        """
        numbers = np.empty(X.shape)
        numbers[:, self.categorical] = self._encoder.transform(
            _levels_in(_columns_of(X, self.categorical))
        )
        if not self.categorical.all():
            numbers[:, ~self.categorical] = _numbers_in(X, ~self.categorical)
        return numbers


def _names_of(X):
    """Return the names of a frame's columns, or the numbers of an array's."""
    return np.array(getattr(X, "columns", range(X.shape[1])), dtype=object)


def _columns_of(X, mask):
    numbers = np.flatnonzero(mask)
    return X.iloc[:, numbers] if hasattr(X, "iloc") else X[:, numbers]


def _numbers_in(X, mask):
    """Return the columns of a table that must hold numbers, as an array."""
    checks = {"dtype": np.float64, "input_name": "X"}
    try:
        return check_array(
            _columns_of(X, mask), ensure_all_finite="allow-nan", **checks
        )
    except (TypeError, ValueError) as error:
        names = _names_of(X)
        checks |= {"ensure_all_finite": False, "ensure_min_samples": 0}
        for j in np.flatnonzero(mask):
            try:
                check_array(_columns_of(X, np.arange(len(mask)) == j), **checks)
            except (TypeError, ValueError):
                raise ValueError(
                    f"X has no numbers in its column {names[j]!r}, which is not among "
                    f"categorical_features: {error}"
                ) from error
        raise


def _levels_in(table):
    """Return the levels in a table, as objects of which all missing ones are NaN."""
    # In other rows, or in a list, the same levels may have another dtype than in fit.
    levels = np.array(table, dtype=object)
    if hasattr(table, "isna"):
        levels[table.isna().to_numpy()] = np.nan
        return levels
    return np.where(np.equal(levels, None), np.nan, levels)


class Categories:
    """Categorical columns, as the network sees them.

    A column becomes one column for each of its levels, 1 where a row has that level and
    0 elsewhere; one of two levels becomes a single column, -1 for the first and 1 for
    the second. Where the level is missing or was not seen in `fit`, everything is 0.

    Attributes
    ----------
    width : int
        Number of columns.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._categories import Categories
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [np.nan, 4.0], [0.0, 0.0]])
    >>> Categories().fit(X).transform(X)
    array([[-1.,  1.,  0.,  0.],
           [ 1.,  0.,  1.,  0.],
           [ 0.,  0.,  0.,  1.],
           [-1.,  1.,  0.,  0.]])
    """

    def fit(self, X):
        """Learn which levels there are.

        Parameters
        ----------
        X : ndarray of shape (N, C)
            Numbers that stand for levels, or NaN; rows of positive weight.

        Returns
        -------
        self : Categories
            The fitted encoding.
        """
        indicators = []
        for j, column in enumerate(X.T):
            levels = np.unique(column[~np.isnan(column)])
            if len(levels) == 2:
                indicators.append((j, levels[1], levels[0]))
            else:
                indicators += [(j, level, np.nan) for level in levels]
        # A column of the output is 1 at one level and -1 at another; NaN equals none.
        column, self._plus, self._minus = np.reshape(indicators, (-1, 3)).T
        self._column = column.astype(int)
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
