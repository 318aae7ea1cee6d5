"""Checks of arrays of numbers."""

from math import isfinite

import numpy as np
from scipy.sparse import issparse


@np.errstate(all="ignore")
def surely_finite(X):
    """Return whether all numbers are finite, as far as a product can tell, quickly.

    Where it overflows, or they are not contiguous, False says nothing.
    """
    if not X.flags.c_contiguous:
        return False
    values = X.reshape(-1)
    return isfinite(np.dot(values, values))


def in_dtype(a, dtype, name):
    """Return numbers in a dtype; refuse what it has no room for."""
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


def finite(computed, dtype):
    """Return what was computed of X; refuse X where that is beyond some dtype."""
    if not (np.abs(computed) <= np.finfo(dtype).max).all():
        raise ValueError(
            f"Input X contains values too large to compute with in {dtype}."
        )
    return computed
