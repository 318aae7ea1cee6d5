"""The best constant predictions: what a model predicts that does not look at X.

Each function takes the distinct values of a target and their total weights, two arrays
of shape (K,), and returns the prediction. For a class, the values are 0 and 1. What
else a function takes is a parameter of the loss.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skfcnet._engine import statistics
from skfcnet._engine.annotations import Array


def mean(values: Array, counts: Array) -> Any:
    """Return the mean, the best constant for a squared error."""
    return (values * (counts / counts.sum())).sum()


def positive_mean(values: Array, counts: Array) -> Any:
    """Return the mean, or 1 if all values are 0: no logarithm of a mean predicts 0."""
    return mean(values, counts) or 1.0


def share(values: Array, counts: Array) -> Any:
    """Return the mean, kept away from 0 and 1 by half a row.

    A few rows of a single class do not make that class certain.
    """
    half_a_row = 0.5 / max(1.0, counts.sum())
    return np.clip(mean(values, counts), half_a_row, 1 - half_a_row)


def quantiles(
    values: Array, counts: Array, quantile: float | Sequence[float] = 0.5
) -> Any:
    """Return one quantile or several, by default the median.

    Each is one of the values: the first up to which that share of the weight lies.
    """
    return statistics.quantiles(values, counts, quantile)
