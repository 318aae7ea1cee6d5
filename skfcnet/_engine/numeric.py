"""Checks that numbers are finite."""

from math import isfinite

import numpy as np
from scipy.sparse import issparse


@np.errstate(all="ignore")
def has_finite_norm(X):
    """Return whether the sum of squares is finite, so that all numbers are, too.

    It is much faster than looking at each number. False does not mean that one of them
    is infinite or NaN: the sum may overflow, and it is only computed for arrays that
    are contiguous.
    """
    if not isinstance(X, np.ndarray) or not X.flags.c_contiguous:
        return False
    values = X.reshape(-1)
    return isfinite(np.dot(values, values))


def checked_cast(a, dtype, name):
    """Return numbers in another dtype, and raise an error where it has no room."""
    a = a if issparse(a) else np.asarray(a)
    if a.dtype == dtype:
        return a
    with np.errstate(over="ignore"):
        converted = a.astype(dtype)
    numbers = converted.data if issparse(converted) else converted
    if np.isinf(numbers).any():
        raise ValueError(
            f"Input {name} contains infinity or a value too large for "
            f"{converted.dtype!r}."
        )
    return converted


def cast_where_possible(a, dtype):
    """Return finite numbers in another dtype, or as they are if it has no room."""
    with np.errstate(over="ignore", under="ignore"):
        converted = a.astype(dtype)
    return converted if np.isfinite(converted).all() else a


def checked_range(computed, dtype):
    """Return what was computed from X, and raise an error where dtype has no room."""
    if not np.abs(computed).max(initial=0.0) <= np.finfo(dtype).max:  # as for NaN
        raise ValueError(
            f"Input X contains values too large to compute with in {dtype}."
        )
    return computed
