"""Validation of X, of sample weights and of groups."""

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
from skfcnet._estimators.target_checks import refuse_missing
from skfcnet._tabular.table_reader import TableReader
from skfcnet._tabular.tables import (
    as_table,
    holds_numbers,
    refuse_dates,
    refuse_masks,
)


@np.errstate(all="ignore")  # scikit-learn's checks add up numbers that may be huge
def validate_table(estimator, X, *y, reader, reset, accept_sparse="csr", **checks):
    """Check a table and return it as an array of numbers, with y if it is passed.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator, of which ``n_features_in_`` and ``feature_names_in_`` are set or
        checked.

    X : array-like, sparse matrix or dataframe of shape (N, D)
        The table as the user passed it.

    *y : array-like
        The targets, if there are any.

    reader : TableReader or None
        The reader of an encoder; None if the encoder has none.

    reset : bool
        Whether to set the attributes of the estimator, as in scikit-learn's
        `validate_data`; otherwise, they are checked.

    accept_sparse : str or bool, default='csr'
        The accepted sparse formats, as in scikit-learn's `check_array`.

    **checks
        Further arguments of scikit-learn's `check_array` or `check_X_y`.

    Returns
    -------
    X : ndarray, ColumnTable or CSR matrix, of shape (N, D)
        The table as finite numbers, and NaN for missing values in dense tables, of
        dtype float32 or float64.

    y : ndarray
        The targets; only returned if they are passed.
    """
    X = as_table(X)
    checks |= {
        "accept_sparse": accept_sparse,
        "dtype": (np.float64, np.float32),
        "ensure_all_finite": "allow-nan",
    }
    if reader is None and holds_numbers(X):
        validated = validate_data(estimator, X, *y, reset=reset, **checks)
        if issparse(X):
            _refuse_missing_in_sparse(validated[0] if y else validated)
        return validated
    validate_data(estimator, X, *y, reset=reset, skip_check_array=True)
    if X.shape[0] == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is "
            f"required by {type(estimator).__name__}."
        )
    reader = TableReader(np.zeros(X.shape[1], bool)) if reader is None else reader
    X = reader.read_columns(X)
    first = X[:, :1]  # the numbers have been checked
    if not y:
        check_array(first, **checks)
        return X
    _, y = check_X_y(first, *y, **checks)
    return X, y


def _refuse_missing_in_sparse(X):
    n_missing = np.count_nonzero(np.isnan(X.data))
    if n_missing:
        raise ValueError(
            f"X is sparse and contains NaN: {n_missing} of its values are missing. "
            f"Fill them, or pass a dense table, where missing values are accepted."
        )


def validate_X_predict(estimator, X, reader, *, accept_sparse="csr"):
    """Check rows to predict and return them as an array of numbers.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator, which must be fitted.

    X : array-like, sparse matrix or dataframe of shape (N, D)
        The rows as the user passed them.

    reader : TableReader or None
        The reader of the estimator's encoder; None if the encoder has none.

    accept_sparse : str or bool, default='csr'
        The accepted sparse formats, as in scikit-learn's `check_array`.

    Returns
    -------
    X : ndarray, ColumnTable or CSR matrix, of shape (N, D)
        The rows as finite numbers, and NaN for missing values in dense rows, of dtype
        float32 or float64.

    is_complete : bool
        Whether it is known that no value is missing.
    """
    if reader is None and _needs_no_checks(estimator, X):
        return X, True
    check_is_fitted(estimator)
    X = validate_table(
        estimator, X, reader=reader, reset=False, accept_sparse=accept_sparse
    )
    return X, False


def _needs_no_checks(estimator, X):
    """Return whether scikit-learn's checks would return X as it is.

    For a single row, these checks take longer than the prediction of a small network.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and has_finite_norm(X)
    )


def validate_sample_weight(sample_weight, n_rows):
    """Check sample weights and return them as an array.

    Parameters
    ----------
    sample_weight : array-like of shape (N,) or float
        The weights as the user passed them; a number is the weight of every row.

    n_rows : int
        The number of rows, N.

    Returns
    -------
    weight : ndarray of float64, shape (N,)
        The weights, none of which is negative, and at least one of which is positive.
    """
    refuse_masks(sample_weight, "sample_weight")
    refuse_dates(sample_weight, "sample_weight")
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    try:
        weight = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=np.float64,
            input_name="sample_weight",
        )
    except (TypeError, ValueError) as error:
        if "sample_weight" in str(error):
            raise
        raise ValueError(
            f"sample_weight must be a one-dimensional array of numbers: {error}"
        ) from error
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), got {weight.shape}."
        )
    check_non_negative(weight, "sample_weight")
    if not weight.any():
        raise ValueError("sample_weight must not be zero for every row.")
    return weight


def validate_groups(groups, n_rows):
    """Check the groups of rows and return them as an array.

    Parameters
    ----------
    groups : array-like of shape (N,)
        The groups as the user passed them: numbers, strings or other labels.

    n_rows : int
        The number of rows, N.

    Returns
    -------
    groups : ndarray of shape (N,)
        The groups, of which none is missing.
    """
    refuse_masks(groups, "groups")
    refuse_missing(groups, "groups")
    groups = np.asarray(groups)
    if groups.shape != (n_rows,):
        raise ValueError(f"groups must have shape ({n_rows},), got {groups.shape}.")
    try:
        np.unique(groups)
    except TypeError as error:
        raise TypeError(
            f"groups must have labels of one kind, such as only strings: {error}"
        ) from error
    return groups
