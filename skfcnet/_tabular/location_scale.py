"""Centre and scale of a column, by which input and targets are standardised.

Each function takes the distinct values of a column and their weights, as
`skfcnet._engine.statistics.distinct` returns them, and returns a centre and a scale. A
scale of 0 says that the column has none.
"""

import numpy as np

from skfcnet._engine.statistics import distinct, quantiles

RESOLUTION = 2.0**-23
"""Relative differences up to this one can be rounding errors of single precision."""

NORMAL_INTERQUARTILE_RANGE = 1.3489795003921634
"""The interquartile range of a normal distribution, in standard deviations."""


def median_and_interquartile_range(values, counts):
    """Return the median, and the interquartile range or, if it is 0, half the range."""
    lower, median, upper = quantiles(values, counts, [0.25, 0.5, 0.75])
    return median, (upper - lower) or (values[-1] - values[0]) / 2


def mean_and_deviation(values, counts):
    """Return the mean and the standard deviation."""
    shares = counts / counts.sum()
    mean = (values * shares).sum()
    deviations = values - mean
    # Squares of deviations relative to the largest neither overflow nor all underflow.
    largest = np.abs(deviations).max() or 1.0
    return mean, largest * np.sqrt((shares * (deviations / largest) ** 2).sum())


def median_and_robust_deviation(values, counts):
    """Return the median, and a robust estimate of the standard deviation.

    The estimate is the interquartile range divided by that of a normal distribution of
    deviation 1. If it is 0, since more than half of the values are equal, the
    interquartile range is replaced by twice the median distance of the other values
    from the median. A few outliers change neither.
    """
    lower, median, upper = quantiles(values, counts, [0.25, 0.5, 0.75])
    scale = upper - lower
    others = values != median
    if scale == 0 and others.any():
        distances = distinct(np.abs(values - median)[others], counts[others])
        scale = 2 * quantiles(*distances, 0.5)
    return median, scale / NORMAL_INTERQUARTILE_RANGE


def zero_and_mean(values, counts):
    """Return 0 and the mean, by which positive numbers get a mean of 1."""
    mean, _ = mean_and_deviation(values, counts)
    return 0.0, mean


def vary(low, high):
    """Return whether a range is wider than rounding in single precision explains."""
    return high - low > RESOLUTION * np.maximum(np.abs(low), np.abs(high))


def with_earlier_constant(values, counts, constant):
    """Add the value that a column had so far, unless the new values vary without it."""
    if vary(values.min(), values.max()):
        return values, counts
    return np.append(values, constant), np.append(counts, 1)
