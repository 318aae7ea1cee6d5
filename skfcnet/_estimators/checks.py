"""Checks of X and of sample weights, beyond those of scikit-learn."""

from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import (
    check_is_fitted,
    check_non_negative,
    validate_data,
)

from skfcnet._engine.numeric import surely_finite
from skfcnet._tabular.table_reader import TableReader
from skfcnet._tabular.tables import as_table, holds_numbers, refuse_masks


@np.errstate(all="ignore")  # scikit-learn's checks add up numbers that may be huge
def validate_table(estimator, X, *y, reader, reset, accept_sparse="csr", **checks):
    """Return a table as an array of numbers, and y if it is given, checked.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator whose number and names of features X must have, or gives it.

    X : array-like, sparse matrix or dataframe of shape (N, D)
        As the user passed it.

    *y : array-like
        The targets, if there are any.

    reader : TableReader or None
        The reader of an encoder; None if there is none.

    reset : bool
        Whether the estimator gets the number and names of features of X.

    accept_sparse : str or bool, default='csr'
        Which sparse formats are accepted, as in scikit-learn.

    **checks
        Further arguments of scikit-learn's `check_array` or `check_X_y`.

    Returns
    -------
    X : ndarray of float32 or float64, or CSR matrix, of shape (N, D)
        Finite numbers, and NaN for missing values, which sparse rows cannot have.

    y : ndarray
        The targets, only if they are given.
    """
    X = as_table(X)
    checks |= {
        "accept_sparse": accept_sparse,
        "dtype": (np.float64, np.float32),
        "ensure_all_finite": True if issparse(X) else "allow-nan",
    }
    if reader is None and holds_numbers(X):
        return validate_data(estimator, X, *y, reset=reset, **checks)
    validate_data(estimator, X, *y, reset=reset, skip_check_array=True)
    reader = TableReader(np.zeros(X.shape[1], bool)) if reader is None else reader
    X = reader.read(X)
    return check_X_y(X, *y, **checks) if y else check_array(X, **checks)


def validate_X_predict(estimator, X, reader, *, accept_sparse="csr"):
    """Return rows to predict as an array of numbers, checked.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator, which must be fitted.

    X : array-like, sparse matrix or dataframe of shape (N, D)
        As the user passed it.

    reader : TableReader or None
        The reader of the estimator's encoder; None if there is none.

    accept_sparse : str or bool, default='csr'
        Which sparse formats are accepted, as in scikit-learn.

    Returns
    -------
    X : ndarray of float32 or float64, or CSR matrix, of shape (N, D)
        Finite numbers, and NaN for missing values, which sparse rows cannot have.
    """
    if reader is None and _needs_no_checks(estimator, X):
        return X
    check_is_fitted(estimator)
    return validate_table(
        estimator, X, reader=reader, reset=False, accept_sparse=accept_sparse
    )


def _needs_no_checks(estimator, X):
    """Return whether X is an array that scikit-learn's checks would return as it is.

    For a single row, these checks take longer than a small network does.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and surely_finite(X)
    )


def validate_sample_weight(sample_weight, n_rows):
    """Return sample weights as an array of float64, checked.

    Parameters
    ----------
    sample_weight : array-like of shape (N,) or float
        As the user passed it.

    n_rows : int
        The number of rows, N.

    Returns
    -------
    weight : ndarray of float64, shape (N,)
        Weights that are not negative, at least one of them positive.
    """
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
