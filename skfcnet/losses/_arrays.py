"""What all losses do with their arrays: check them, and take means over the rows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skfcnet._engine.annotations import Floats
from skfcnet._engine.arguments import as_floats


def as_scores_and_targets(function: str, x: Any, y: Any) -> tuple[Floats, Floats]:
    """Return scores and targets as floats."""
    x = as_floats(x)
    return x, as_floats(y, x.dtype)


def of_one_shape(function: str, x: Any, y: Any) -> tuple[Floats, Floats]:
    """Return scores and targets as floats; refuse them if their shapes differ."""
    x, y = as_scores_and_targets(function, x, y)
    if x.shape != y.shape:
        raise ValueError(
            f"{function} needs predictions x and targets y of one shape, "
            f"got {x.shape} and {y.shape}."
        )
    return x, y


def mean_over_rows(
    terms: Floats, dx: Floats, n: int, weight: ArrayLike | None
) -> tuple[float, Floats]:
    """Return the weighted sum of the terms, divided by n, and its gradient.

    Parameters
    ----------
    terms : ndarray
        The losses, one row for each row of the scores. It is overwritten.

    dx : ndarray of the shape of the scores
        The derivatives of the terms. It is overwritten by the gradient.

    n : int
        The number of rows, or of all terms.

    weight : ndarray of shape (N,) or None
        The weight of each row.

    Returns
    -------
    loss : float
        The mean.

    dx : ndarray
        Its gradient.
    """
    if weight is not None:
        weight = weight_column(weight, dx)
        terms *= weight
        dx *= weight
    dx *= 1 / n
    return float(terms.sum()) / n, dx


def weight_column(weight: ArrayLike, x: Floats) -> Floats:
    """Return the weights of the rows in the shape and dtype to multiply x by."""
    weight = np.asarray(weight, x.dtype)
    if weight.shape != x.shape[:1]:
        raise ValueError(
            f"weight must hold one number for each of {len(x)} rows, got shape "
            f"{weight.shape}."
        )
    return weight.reshape(-1, *(1,) * (x.ndim - 1))
