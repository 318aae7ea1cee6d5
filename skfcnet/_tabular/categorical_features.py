"""Which columns of a table are categorical."""

import numpy as np

from skfcnet._engine.warn import warn
from skfcnet._tabular.tables import (
    column_names,
    distinct_values,
    has_categorical_dtype,
    numeric_columns,
)
from skfcnet._tabular.values import (
    FORMATTED_NUMBER,
    NUMBER,
    are_numbers_as_text,
    listed,
    stands_for_missing,
)

DOUBTFUL_SHARE, DOUBTFUL_NUMBERS = 0.75, 10
"""There is a warning if more than this share of the different texts of a categorical
column, and more than this number of them, are numbers in some notation."""


def categorical_mask(table, categorical_features):
    """Return which columns are categorical, as HistGradientBoosting does.

    Parameters
    ----------
    table : ndarray or DataFrame of shape (N, D)
        A dense table, from `skfcnet._tabular.tables.as_table`.

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
        If ``categorical_features`` is none of these, or names columns that the table
        does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> from skfcnet._tabular.categorical_features import categorical_mask
    >>> X = pd.DataFrame({"size": ["1.5", "2.5"], "colour": ["red", "blue"]})
    >>> categorical_mask(X, ["size"])
    array([ True, False])
    >>> categorical_mask(X, "from_dtype")
    array([False,  True])
    """
    n_columns = table.shape[1]
    names = getattr(table, "columns", None)
    if categorical_features is None:
        return np.zeros(n_columns, bool)
    if isinstance(categorical_features, str):
        if categorical_features != "from_dtype":
            raise ValueError(
                f"categorical_features must be 'from_dtype', an array-like of bool, "
                f"int or str, or None, got {categorical_features!r}."
            )
        return np.zeros(n_columns, bool) if names is None else _mask_by_dtype(table)
    wanted = list(categorical_features)
    kinds = {np.asarray(item).dtype.kind for item in wanted}
    if kinds == {"b"}:
        return _checked_mask(wanted, n_columns)
    if kinds == {"U"}:
        if names is None:
            raise ValueError(
                f"categorical_features has names {wanted}, but X is not a data frame "
                f"and has no names: pass the indices of the columns instead."
            )
        return _mask_of(wanted, list(names), "names")
    if kinds <= {"i", "u"}:
        return _mask_of(wanted, list(range(n_columns)), "indices")
    raise ValueError(
        f"categorical_features must be an array-like of bool, int or str, "
        f"got {categorical_features!r}."
    )


def _checked_mask(mask, n_columns):
    if len(mask) != n_columns:
        raise ValueError(
            f"categorical_features is a mask of {len(mask)} columns, but X has "
            f"{n_columns}."
        )
    return np.array(mask)


def _mask_of(wanted, present, kind):
    """Return a mask of the columns that are wanted, by their names or indices."""
    unknown = [item for item in wanted if item not in present]
    if unknown:
        raise ValueError(
            f"categorical_features has {kind} {unknown} that X does not have. X has "
            f"{present}."
        )
    return np.array([item in wanted for item in present], dtype=bool)


def _mask_by_dtype(frame):
    """Return a mask of the columns that are categorical by their dtype or as text."""
    mask = ~numeric_columns(frame)
    for j in np.flatnonzero(mask):
        mask[j] = has_categorical_dtype(frame, j) or _holds_words(frame, j)
    _warn_of_doubtful_columns(frame, mask)
    return mask


def _holds_words(frame, j):
    """Return whether a column holds text that is not numbers throughout."""
    values = distinct_values(frame, j)
    has_text = any(isinstance(value, str) for value in values)
    return has_text and not are_numbers_as_text(values)


def _warn_of_doubtful_columns(frame, mask):
    """Warn of categorical columns whose text is mostly numbers in some notation."""
    names, doubtful = column_names(frame), []
    for j in np.flatnonzero(mask):
        if has_categorical_dtype(frame, j):
            continue
        texts = {v.strip() for v in distinct_values(frame, j) if isinstance(v, str)}
        texts = {text for text in texts if not stands_for_missing(text)}
        others = {text for text in texts if not NUMBER.fullmatch(text)}
        words = {text for text in others if not FORMATTED_NUMBER.fullmatch(text)}
        n_numbers = len(texts) - len(words)
        if n_numbers > max(DOUBTFUL_NUMBERS, DOUBTFUL_SHARE * len(texts)):
            doubtful.append(f"{listed(sorted(others))} in {names[j]!r}")
    if doubtful:
        warn(
            f"X holds text that is mostly numbers, and is read as categories because "
            f"of {'; '.join(doubtful)}: make it numbers, or missing. Where categories "
            f"are meant, fit with their dtype 'category', or with their names in "
            f"categorical_features."
        )
