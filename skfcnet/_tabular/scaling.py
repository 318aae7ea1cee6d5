"""Scaling of input and target, fitted to rows as often as they count.

A column is reduced to its distinct values, sorted, and how often each counts. What
follows from those two alone depends neither on the order of the rows, nor on whether a
row of weight k is given once or k times: to the last bit.
"""

from collections.abc import Callable
from copy import deepcopy
from math import floor, fsum, log2
from typing import NamedTuple

import numpy as np

from skfcnet._engine.numeric import checked_range

TINY = np.finfo(np.float64).tiny
"""The smallest spread that is divided by: one by it is finite."""

FAR = 1e9
"""So many spreads from the centre, a number is clipped to the bound, in any dtype."""

EXACT_BITS = 52
"""Sums of so many bits are exact in double precision."""

RESOLUTION = 2.0**-23
"""Of single precision: numbers that differ by less of their size may be one number."""

ROUNDING = 1e-12
"""Weights are compared up to this share of their sum."""

NORMAL_QUARTILES = 1.3489795003921634
"""The interquartile range of a normal distribution, in standard deviations."""


def counted(weight, n_rows):
    """Return weights as multiples of a power of 2 such that all their sums are exact.

    Parameters
    ----------
    weight : ndarray of shape (N,) or None
        Positive repetition counts; None: one each. Whole numbers stay what they are.

    n_rows : int
        How many there are.

    Returns
    -------
    weight : ndarray of shape (N,)
        The weights, none of them rounded to zero.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.scaling import counted
    >>> weight = counted(np.array([3.0, 0.1, 0.2]), 3)
    >>> weight
    array([3. , 0.1, 0.2])
    >>> bool(sum(weight) == sum(weight[::-1]))
    True
    """
    if weight is None:
        return np.ones(n_rows)
    unit = 2.0 ** (floor(log2(fsum(weight))) + 1 - EXACT_BITS)
    return np.maximum(np.rint(weight / unit), 1) * unit


def tally(values, weight):
    """Return the distinct values, sorted, and how often each counts.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Numbers, at least one, none missing.

    weight : ndarray of shape (N,)
        How often each counts, from `counted`.

    Returns
    -------
    values, counts : ndarray of shape (K,)
        The distinct values, and their total weights.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.scaling import tally
    >>> tally(np.array([2.0, 1.0, 2.0]), np.array([1.0, 1.0, 3.0]))
    (array([1., 2.]), array([1., 4.]))
    """
    values = values + values.dtype.type(0)  # -0.0, equal to 0.0, becomes 0.0
    if (weight == weight[0]).all():  # as usual: this is faster
        values, counts = np.unique(values, return_counts=True)
        return values, counts * weight[0]
    order = values.argsort()
    values = values[order]
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    return values[first], np.add.reduceat(weight[order], first)


def quantiles(values, counts, levels):
    """Return quantiles, every one of them a value: the inverse of the distribution.

    Parameters
    ----------
    values, counts : ndarray of shape (K,)
        From `tally`.

    levels : array-like
        In [0, 1].

    Returns
    -------
    quantiles : ndarray
        For each level q the first value up to which q times all weight lies.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.scaling import quantiles
    >>> quantiles(np.array([1.0, 2.0, 9.0]), np.array([1.0, 2.0, 1.0]), [0.5, 1])
    array([2., 9.])
    """
    ends = np.cumsum(counts)
    least = np.multiply(levels, ends[-1] * (1 - ROUNDING))
    return values[np.searchsorted(ends, least)]


# Scalings: (values, counts) -> centre, spread. A spread of 0 makes a column 0.


def robust(values, counts):
    """Return the median, and q75 - q25; where that is 0, half of max - min."""
    lower, median, upper = quantiles(values, counts, [0.25, 0.5, 0.75])
    return median, (upper - lower) or (values[-1] - values[0]) / 2


def standard(values, counts):
    """Return mean and standard deviation."""
    shares = counts / counts.sum()
    mean = (values * shares).sum()
    deviations = values - mean
    # Relative to the largest, no square overflows, and not all are lost to underflow.
    largest = np.abs(deviations).max() or 1.0
    return mean, largest * np.sqrt((shares * (deviations / largest) ** 2).sum())


def quartiles(values, counts):
    """Return the median, and the standard deviation of normal numbers as dispersed.

    That is the interquartile range divided by `NORMAL_QUARTILES`. Where it is 0, since
    more than half of the numbers are alike, the others count alone: it is then twice
    the median of their distances from the median. A few outliers change neither.
    """
    lower, median, upper = quantiles(values, counts, [0.25, 0.5, 0.75])
    spread = upper - lower
    others = values != median
    if spread == 0 and others.any():
        distances = tally(np.abs(values - median)[others], counts[others])
        spread = 2 * quantiles(*distances, 0.5)
    return median, spread / NORMAL_QUARTILES


def mean_alone(values, counts):
    """Return 0 and the mean: positive numbers keep their sign, and have a mean of 1."""
    mean, _ = standard(values, counts)
    return 0.0, mean


# How scaled numbers are bounded, (x, out), and how steeply they then rise, (x)


def smooth_clip(x, *, out):
    """Write x / sqrt(1 + (x / 3)^2): close to x near 0, and never beyond 3."""
    np.clip(x, -FAR, FAR, out=out)
    norm = out * out
    norm /= 9
    norm += 1
    out /= np.sqrt(norm, out=norm)


def smooth_clip_slope(x):
    """Return the derivative, (1 + (x / 3)^2)^(-3/2)."""
    return (1 + (np.clip(x, -FAR, FAR) / 3) ** 2) ** -1.5


def unbounded(x, *, out):
    """Write x; refuse what the dtype has no room for."""
    np.copyto(out, x, casting="same_kind")
    checked_range(out[~np.isnan(x)], out.dtype)


def unbounded_slope(x):
    """Return 1."""
    return np.ones_like(x)


class Scaling(NamedTuple):
    """The declaration of a scaling.

    Parameters
    ----------
    fit : callable or None
        Called with what `tally` returns of a column; returns its centre and spread.
        None: the column stays what it is.

    bound : callable
        Called with the scaled numbers x and the array ``out`` to write them to.

    slope : callable
        Called with the scaled numbers x; returns the derivative of ``bound``.
    """

    fit: Callable | None
    bound: Callable
    slope: Callable


SCALINGS = {
    "robust": Scaling(robust, smooth_clip, smooth_clip_slope),
    "standard": Scaling(standard, unbounded, unbounded_slope),
    None: Scaling(None, unbounded, unbounded_slope),
}
"""For every ``input_scaling``: what it is."""


def _vary(low, high):
    """Return whether numbers differ by more than rounding in single precision does."""
    return high - low > RESOLUTION * np.maximum(np.abs(low), np.abs(high))


def _with_constant(values, counts, constant):
    """Return values as they are where they vary, and otherwise with the constant."""
    if _vary(values.min(), values.max()):
        return values, counts
    return np.append(values, constant), np.append(counts, 1)


class Scaler:
    """Columns, centred and scaled: ``bound((x - centre) / spread)``.

    Missing values (NaN) are ignored, and stay missing. Numbers are looked at in
    halves: the difference of two always is finite, and scaled they are the same.

    Parameters
    ----------
    scaling : {'robust', 'standard', None}
        A key of `SCALINGS`. 'robust' is that of RealMLP [1]_: median, interquartile
        range, and a smooth clip to (-3, 3).

    Attributes
    ----------
    center, rate : ndarray of shape (D,)
        Half the centre of every column, and one by half its spread; 0 for constants.

    is_known : ndarray of bool, shape (D,)
        Which columns have a centre: those that were not missing in all rows.

    width : int
        Number of columns.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L., Steinwart, I., "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.scaling import Scaler
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0], [1e300]])
    >>> Scaler("robust").fit(X, np.ones(5)).transform(X).ravel().round(2)
    array([-0.95, -0.49,  0.  ,  0.49,  3.  ])
    """

    def __init__(self, scaling):
        self.scaling = scaling

    def fit(self, X, weight):
        """Learn centre and spread of every column.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Numbers, finite or missing.

        weight : ndarray of shape (N,)
            How often each row counts, from `counted`.

        Returns
        -------
        self : Scaler
            The fitted scaler.
        """
        self.center, self.rate = np.zeros((2, X.shape[1]))
        self.is_known = np.zeros(X.shape[1], bool)
        for j in range(X.shape[1]):
            self._learn(j, X[:, j], weight)
        return self

    def completed(self, X, weight):
        """Return a scaler that knows the scale of more columns.

        Columns that did not vary so far are learned as in `fit` from the first rows in
        which they do; where these rows are alike and only differ from those before,
        from both.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            More rows: numbers, finite or missing.

        weight : ndarray of shape (N,)
            How often each row counts, from `counted`.

        Returns
        -------
        scaler : Scaler
            Another one; this one stays what it is.
        """
        scaler = deepcopy(self)
        for j in self._that_vary_now(X):
            scaler._learn(j, X[:, j], weight)
        return scaler

    def _that_vary_now(self, X):
        """Return the columns that have no scale so far, and can get one."""
        columns = np.flatnonzero(self.rate == 0)
        is_known = self.is_known[columns]
        center = np.where(is_known, self.center[columns], np.nan)
        halves = 0.5 * X.take(columns, axis=1)
        low = np.fmin(np.fmin.reduce(halves), center)
        high = np.fmax(np.fmax.reduce(halves), center)
        return columns[_vary(low, high) | (~is_known & ~np.isnan(low))]

    def _learn(self, j, column, weight):
        known = ~np.isnan(column)
        if not known.any():
            return
        fit = SCALINGS[self.scaling].fit
        halves, counts = 0.5 * column[known].astype(np.float64), weight[known]
        if self.is_known[j]:
            halves, counts = _with_constant(halves, counts, self.center[j])
        self.center[j], spread = fit(*tally(halves, counts)) if fit else (0.0, 0.5)
        self.rate[j] = (spread > 0) / np.maximum(spread, TINY)
        self.is_known[j] = True

    @property
    def width(self):
        """Number of columns."""
        return len(self.center)

    @np.errstate(over="ignore", under="ignore")
    def transform(self, X, *, out=None):
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Numbers, finite or missing.

        out : ndarray of shape (N, D), default=None
            Array to write to, of a floating dtype; None: a new one, of float64.

        Returns
        -------
        out : ndarray of shape (N, D)
            The scaled rows.

        Raises
        ------
        ValueError
            If numbers are too large for the dtype, which 'robust' leaves none.
        """
        out = np.empty(X.shape) if out is None else out
        SCALINGS[self.scaling].bound(self._centred(X), out=out)
        return out

    @np.errstate(over="ignore", under="ignore")
    def slopes(self, X):
        """Return the derivative of every scaled number by the number itself.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Numbers, finite or missing.

        Returns
        -------
        slopes : ndarray of float64, shape (N, D)
            The derivatives.
        """
        return SCALINGS[self.scaling].slope(self._centred(X)) * (0.5 * self.rate)

    def _centred(self, X):
        scaled = 0.5 * X - self.center
        scaled *= self.rate
        return scaled


TARGET_SCALINGS = {
    "standard": standard,
    "quartiles": quartiles,
    "mean": mean_alone,
    None: None,
}
"""For every scaling of a target: from what `tally` returns to centre and spread."""


class TargetScaler:
    """Targets of regression, centred and scaled, and back.

    Parameters
    ----------
    scaling : {'standard', 'quartiles', 'mean', None}, default='standard'
        A key of `TARGET_SCALINGS`: to a mean of 0 and a standard deviation of 1; to a
        median of 0 and the interquartile range of normal numbers of deviation 1; by the
        mean, without a shift; not at all.

    clip : bool, default=False
        Whether predictions are clipped to the range of the targets.

    Attributes
    ----------
    center, spread : ndarray of shape (...)
        Half of what is subtracted from every target, and half of what it is then
        divided by; for a constant, 1. Of the shape of a row.

    is_constant : ndarray of bool, shape (...)
        Which targets did not vary so far. They come back as what they were.

    low, high : ndarray of shape (...)
        The range of every target.

    Examples
    --------
    >>> import numpy as np
    >>> from skfcnet._tabular.scaling import TargetScaler
    >>> y = np.array([10.0, 30.0])
    >>> scaler = TargetScaler(clip=True).fit(y)
    >>> scaler.transform(y)
    array([-1.,  1.])
    >>> scaler.inverse_transform(np.array([0.5, 7.0]))
    array([25., 30.])
    """

    def __init__(self, *, scaling="standard", clip=False):
        self.scaling = scaling
        self.clip = clip

    def fit(self, y, weight=None):
        """Learn centre, spread and range of every target.

        Parameters
        ----------
        y : ndarray of shape (N, ...)
            Finite targets.

        weight : ndarray of shape (N,), default=None
            Positive repetition counts; None: one each.

        Returns
        -------
        self : TargetScaler
            The fitted scaler.
        """
        weight = counted(weight, len(y))
        halves = 0.5 * y.reshape(len(y), -1).astype(np.float64)
        statistics = [self._statistics(column, weight) for column in halves.T]
        center, spread = np.transpose(statistics)
        self.center, self.spread = (
            numbers.reshape(y.shape[1:]) for numbers in (center, spread)
        )
        self.low, self.high = y.min(axis=0), y.max(axis=0)
        self.is_constant = self.low == self.high
        return self

    def _statistics(self, halves, weight):
        """Return the centre and the spread of the halves of a target."""
        statistics = TARGET_SCALINGS[self.scaling]
        center, spread = (
            statistics(*tally(halves, weight)) if statistics else (0.0, 0.5)
        )
        return center, spread if spread > 0 else 0.5

    def widened(self, y, weight=None):
        """Return a scaler with a range that holds more targets.

        The scale stays as it is, but targets that did not vary so far are learned as in
        `fit` from the first rows in which they do, and as by `Scaler.completed`.

        Parameters
        ----------
        y : ndarray of shape (N, ...)
            Finite targets.

        weight : ndarray of shape (N,), default=None
            Positive repetition counts; None: one each.

        Returns
        -------
        scaler : TargetScaler
            Another one; this one stays what it is.
        """
        scaler = deepcopy(self)
        scaler.low = np.minimum(self.low, y.min(axis=0))
        scaler.high = np.maximum(self.high, y.max(axis=0))
        varies_now = self.is_constant & _vary(0.5 * scaler.low, 0.5 * scaler.high)
        for j in map(tuple, np.argwhere(varies_now)):
            halves = 0.5 * y[:, *j].astype(np.float64)
            counts = counted(weight, len(y))
            halves, counts = _with_constant(halves, counts, 0.5 * self.low[j])
            scaler.center[j], scaler.spread[j] = self._statistics(halves, counts)
        scaler.is_constant &= ~varies_now
        return scaler

    @np.errstate(over="ignore", under="ignore")
    def transform(self, y):
        """Return targets, scaled: ``(y - centre) / spread``.

        Parameters
        ----------
        y : ndarray of shape (N, ...)
            Finite targets.

        Returns
        -------
        scaled : ndarray of float64, of the shape of y
            The scaled targets.
        """
        return (0.5 * y - self.center) / self.spread

    def inverse_transform(self, scaled):
        """Return scaled targets in their units.

        Parameters
        ----------
        scaled : ndarray of shape (N, ...)
            Scaled targets, or predictions of them, perhaps several along the last axis.

        Returns
        -------
        y : ndarray of float64, of the shape of scaled
            Within the range of the targets that were learned, with ``clip``.
        """
        y = self._unbounded(scaled)
        y = np.clip(y, self.low, self.high) if self.clip else y
        return np.where(self.is_constant, 0.5 * self.low + 0.5 * self.high, y)

    def slopes(self, scaled):
        """Return the derivative of every target in its units by the scaled one.

        Parameters
        ----------
        scaled : ndarray of shape (N, ...)
            Predictions of scaled targets.

        Returns
        -------
        slopes : ndarray of float64, of the shape of scaled
            The spreads; 0 for constant targets and, with ``clip``, beyond the range of
            the targets.
        """
        slopes = np.full(scaled.shape, np.where(self.is_constant, 0, 2 * self.spread))
        if self.clip:
            y = self._unbounded(scaled)
            slopes[(y < self.low) | (y > self.high)] = 0
        return slopes

    @np.errstate(over="ignore", under="ignore")
    def _unbounded(self, scaled):
        return 2 * (scaled * self.spread + self.center)
