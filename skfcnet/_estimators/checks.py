"""Checks of what users pass, beyond those that scikit-learn does."""

from itertools import compress
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import (
    check_is_fitted,
    check_non_negative,
    validate_data,
)

from skfcnet._engine.numeric import has_finite_norm
from skfcnet._tabular.categories import (
    Columns,
    as_table,
    holds_numbers,
    is_missing,
    kind_of,
    shown,
)


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
    is_temporal = [_is_temporal(dtype) for dtype in dtypes]
    if any(is_temporal):
        columns = list(compress(getattr(a, "columns", []), is_temporal))
        named = f" in its columns {columns}" if columns else ""
        raise TypeError(
            f"{name} has dates or time differences{named}: make them numbers, such as "
            f"days."
        )


def _is_temporal(dtype):
    """Return whether a dtype of NumPy, pandas or polars is of dates or times."""
    if hasattr(dtype, "is_temporal"):
        return dtype.is_temporal()
    return getattr(dtype, "kind", None) in ("m", "M")


def readable_table(X):
    """Return X as a data frame, an array, or sparse; refuse what is no table."""
    X = X if isinstance(X, np.ma.MaskedArray) else as_table(X)
    refuse_masks(X, "X")
    refuse_dates(X, "X")
    return X


def checked_table(estimator, X, *y, reset, accept_sparse="csr", **checks):
    """Return a table as numbers, and y where it is given, checked.

    Where the estimator has ``_columns``, these say which columns are categorical; they
    become the numbers of their levels. Missing values are NaN, and not in sparse rows.
    """
    X = readable_table(X)
    checks |= {
        "accept_sparse": accept_sparse,
        "dtype": (np.float64, np.float32),
        "ensure_all_finite": True if issparse(X) else "allow-nan",
    }
    columns = estimator._columns
    if columns is None and holds_numbers(X):
        return validate_data(estimator, X, *y, reset=reset, **checks)
    validate_data(estimator, X, *y, reset=reset, skip_check_array=True)
    columns = Columns(np.zeros(X.shape[1], bool)) if columns is None else columns
    X = columns.transform(X)
    return check_X_y(X, *y, **checks) if y else check_array(X, **checks)


def rows_asked_about(estimator, X, *, accept_sparse="csr"):
    """Return rows as an estimator that is fitted can read them, checked."""
    if _are_plainly_sound(X, estimator):
        return X
    check_is_fitted(estimator)
    X = checked_table(estimator, X, reset=False, accept_sparse=accept_sparse)
    features = estimator._features
    # Gaps are looked for here, where those that are sound do not come by.
    return features.transform(X, dtype=X.dtype) if features.is_identity else X


def _are_plainly_sound(X, estimator):
    """Return whether rows are such that scikit-learn's checks have nothing to say.

    Those take longer than a small network does for a single row.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and estimator._columns is None
        and has_finite_norm(X)
    )


def checked_weight(sample_weight, n_rows):
    """Return sample weights as an array of float64, checked."""
    refuse_masks(sample_weight, "sample_weight")
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    weight = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), got {weight.shape}."
        )
    check_non_negative(weight, "sample_weight")
    if not weight.any():
        raise ValueError("sample_weight must not be zero for every row.")
    return weight


def refuse_missing(y, name):
    """Refuse targets of which some are missing."""
    if y is None or issparse(y):
        return
    given, y = y, np.asarray(y)
    if y.dtype.kind == "U" and not hasattr(given, "dtype"):
        y = np.array(given, dtype=object)  # NumPy makes text of NaN in a list
    missing = np.zeros(1)
    if y.dtype.kind == "f":
        missing = np.isnan(y)
    elif y.dtype.kind in "mM":
        missing = np.isnat(y)
    elif y.dtype.kind == "O":
        missing = np.array([is_missing(value) for value in y.ravel().tolist()])
    if missing.any():
        raise ValueError(
            f"{name} contains NaN, None or NA: {np.count_nonzero(missing)} of its "
            f"{missing.size} values are missing. Leave out their rows, or fill them."
        )


def refuse_other_than_numbers(y, name):
    """Refuse targets that are no numbers, nor text that is."""
    if y is None or issparse(y) or np.asarray(y).dtype.kind not in "OU":
        return
    for value in np.asarray(y).ravel().tolist():
        try:
            float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{name} holds {shown(value)}, but what a regressor learns must be "
                f"numbers: {error}."
            ) from error


def refuse_labels_of_unclear_kind(y, name):
    """Refuse an array of objects that are not strings."""
    if y.ndim != 1 or y.dtype != object:
        return
    examples = {kind_of(label): label for label in y}
    if len(examples) > 1:
        found = " besides ".join(shown(examples[kind]) for kind in sorted(examples))
        raise ValueError(
            f"{name} must hold labels of one kind, such as {name}.astype(str): it has "
            f"{found}."
        )
    if "text" not in examples:
        labels = np.array(y.tolist())
        dtype = {"b": "bool", "i": "int", "f": "float"}.get(labels.dtype.kind, "str")
        raise ValueError(
            f"Unknown label type: {name} is an array of objects such as "
            f"{shown(y[0])}, of which scikit-learn cannot tell whether they are "
            f"labels: pass {name}.astype({dtype})."
        )


def sorted_labels(y, name):
    """Return the distinct labels, sorted."""
    try:
        return np.unique(y)
    except TypeError as error:
        raise ValueError(
            f"{name} must hold labels of one kind that can be sorted: {error}."
        ) from error


def check_width(y, n_outputs):
    """Refuse targets of another width than the network was made for."""
    width = 1 if y.ndim == 1 else y.shape[1]
    if width != n_outputs:
        raise ValueError(f"y has {width} columns, but the network {n_outputs} outputs.")
